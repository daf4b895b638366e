"""Memory accesses as the pipelines see them."""

from isa_models.compilation import compiled


@compiled
def is_split(address: int, size: int, shift: int) -> bool:
    """Whether an access touches more blocks of 2**shift bytes than its size needs."""
    touched = ((address + size - 1) >> shift) - (address >> shift) + 1
    return touched > (size + (1 << shift) - 1) >> shift


@compiled
def is_misaligned(address: int, alignment: int) -> bool:
    """Whether an address is no multiple of `alignment` bytes, a power of two."""
    return address & (alignment - 1) != 0

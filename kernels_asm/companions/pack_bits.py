"""`pack_bits`: the sign bits of a feature map of float32, int8 or int16, packed for a binary convolution."""

import numpy as np
from numpy.typing import NDArray

from kernels_asm.arguments import ArgumentBlock, Field
from kernels_asm.companions import channel_groups
from kernels_asm.companions.bit_map import BitMap, pack_signs
from kernels_asm.companions.channel_groups import Walk
from kernels_asm.errors import InputError

SOURCE = channel_groups.SOURCES / "pack_bits.S"

PACK_BITS = ArgumentBlock(
    "pack_bits",
    "kernels_asm/companions/pack_bits.py",
    (
        Field("input", "const void *", "feature map, pixel by pixel, channels contiguous"),
        *channel_groups.OUTPUT_FIELDS,
    ),
)

_ELEMENT_BITS = {"float32": 32, "int8": 8, "int16": 16}


def symbols(bits: BitMap, dtype: np.dtype[np.generic]) -> dict[str, int]:
    """Return the assembler symbols for a packed output; raises InputError for another element type."""
    if dtype.name not in _ELEMENT_BITS:
        raise InputError(f"pack_bits of {dtype.name}: give one of {', '.join(_ELEMENT_BITS)}")
    return {"ELEMENT_BITS": _ELEMENT_BITS[dtype.name], **Walk.by_rows(bits).symbols()}


def argument_values(bits: BitMap) -> dict[str, int]:
    """Return every field but the pointers, for the packed output."""
    return Walk.by_rows(bits).argument_values(bits)


def oracle(values: NDArray[np.number]) -> NDArray[np.uint8]:
    """Return the packed bits, (height, width, pixel bytes), of a map (height, width, channels).

    Bit 1 where a value is less than 0: zeros and NaNs of either sign are +1, subnormal numbers have their own sign. The
    kernel reads subnormal numbers so where FPCR.FZ is 0, as it is unless a program sets it.
    """
    return pack_signs(values)

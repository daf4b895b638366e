"""Buffers that a call hands to emulated code, and where they lie: each between guard pages, pushed against the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isa_models.errors import CanaryError, InputError

PAGE_BYTES = 4096
GUARD_BYTES = 16 * PAGE_BYTES
"""Unmapped bytes on both sides of every buffer and of the stack."""
BUFFERS_BASE = 0x1_0000_0000
LARGEST_BUFFERS_BYTES = 4 << 30
POINTER_BYTES = 8

BytesLike = bytes | bytearray | memoryview | NDArray[Any]

_CANARY_PAGE = np.random.default_rng(0xCA9A17).bytes(PAGE_BYTES)  # looks random, so that no memset can imitate it


@dataclass(frozen=True)
class Buffer:
    """Memory that one call may use.

    Attributes:
        name: Unique within the call; errors name it.
        contents: Its initial bytes (any C-contiguous array goes), or its size in bytes for one that starts as zeros.
        writable: Whether the code may store to it; its final bytes are then among the outputs of the call.
        alignment: Of its first byte, a power of two up to 4096. The smaller, the closer its end is to the guard page:
            up to `alignment - 1` bytes of slack are left there, which hold canaries.
        pointers: Byte offset in this buffer -> what its address is written there before the call: the start of the
            buffer of that name, or a byte of a buffer.

    """

    name: str
    contents: BytesLike | int
    writable: bool = False
    alignment: int = 64
    pointers: Mapping[int, str | Pointer] = field(default_factory=dict)

    def initial_bytes(self) -> bytes:
        """Its contents before pointers are filled in; raises `InputError` where it is empty or holds no bytes."""
        contents = int(self.contents) if isinstance(self.contents, int | np.integer) else self._view(self.contents)
        size = contents if isinstance(contents, int) else contents.nbytes
        if size < 1:
            raise InputError(f"buffer '{self.name}' has {size} bytes: give it at least one")
        if size > LARGEST_BUFFERS_BYTES:
            raise InputError(
                f"buffer '{self.name}' has {size} bytes, more than {LARGEST_BUFFERS_BYTES}: make it smaller"
            )
        return bytes(contents)

    def _view(self, contents: BytesLike) -> memoryview:
        try:
            return memoryview(contents)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            kind = type(contents).__name__
            raise InputError(f"buffer '{self.name}' holds a {kind}: give bytes, an array, or its size") from None


@dataclass(frozen=True)
class Pointer:
    """The address of byte `offset` of the named buffer, as an argument of a call or in a buffer."""

    buffer: str
    offset: int = 0


@dataclass(frozen=True)
class Region:
    """A mapped stretch of memory that errors can name.

    Attributes:
        what: Such as "buffer 'weights'" or "the stack".
        start: Address of its first byte.
        size: In bytes.
        writable: Whether the code may store to it.

    """

    what: str
    start: int
    size: int
    writable: bool

    @property
    def end(self) -> int:
        """Address after its last byte."""
        return self.start + self.size

    def locate(self, address: int) -> str:
        """Say where `address` lies with respect to this region."""
        kind = f"{self.what} ({_bytes(self.size)}, {'writable' if self.writable else 'read-only'})"
        if address < self.start:
            return f"{_bytes(self.start - address)} before the start of {kind}"
        if address < self.end:
            return f"at offset {address - self.start} of {kind}"
        return f"{_bytes(address - self.end + 1)} past the end of {kind}"

    def distance(self, address: int) -> int:
        """Bytes from `address` to the nearest byte of this region, 0 inside it."""
        return max(self.start - address, address - self.end + 1, 0)


def nearest(regions: Iterable[Region], address: int) -> Region | None:
    """Return the region closest to `address`, None where none is within the guard pages."""
    closest = min(regions, key=lambda region: region.distance(address), default=None)
    return closest if closest is not None and closest.distance(address) <= GUARD_BYTES else None


@dataclass(frozen=True)
class Placement:
    """Where one buffer lies: `first_page` <= `region.start`, and `region.end` <= `last_page_end`."""

    buffer: Buffer
    region: Region
    contents: bytes
    first_page: int
    mapped_bytes: int

    def page_image(self) -> bytes:
        """All bytes of its pages: canaries, contents, canaries."""
        front, back = self._slack
        return _canaries(front) + self.contents + _canaries(back)

    def check(self, pages: bytes) -> bytes:
        """Return the buffer's part of its `pages` after a call; raises `CanaryError` if the slack was written."""
        front, _ = self._slack
        end = front + self.region.size
        for start, slack in ((0, pages[:front]), (end, pages[end:])):
            expected = _canaries(len(slack))
            if slack != expected:
                changed = next(i for i, (a, b) in enumerate(zip(slack, expected, strict=True)) if a != b)
                where = self.region.locate(self.first_page + start + changed)
                raise CanaryError(f"stored outside the buffers, {where}: correct its bounds")
        return pages[front:end]

    @property
    def _slack(self) -> tuple[int, int]:
        front = self.region.start - self.first_page
        return front, self.mapped_bytes - front - self.region.size


def place(buffers: Sequence[Buffer]) -> dict[str, Placement]:
    """Give each buffer an address and fill in its pointers.

    The addresses depend on the sizes, alignments and order alone. Raises `InputError` for a duplicate name, a bad
    alignment, or a pointer that names no buffer or does not fit.
    """
    regions: dict[str, Region] = {}
    contents: dict[str, bytes] = {}
    cursor = BUFFERS_BASE
    for buffer in buffers:
        if buffer.name in regions:
            raise InputError(f"two buffers are named '{buffer.name}': give each its own name")
        if buffer.alignment not in _ALIGNMENTS:
            raise InputError(f"buffer '{buffer.name}' has alignment {buffer.alignment}: use a power of two up to 4096")
        contents[buffer.name] = buffer.initial_bytes()
        size = len(contents[buffer.name])
        end = cursor + GUARD_BYTES + _up_to_page(size)
        start = (end - size) // buffer.alignment * buffer.alignment
        regions[buffer.name] = Region(f"buffer '{buffer.name}'", start, size, buffer.writable)
        cursor = end
    if cursor - BUFFERS_BASE > LARGEST_BUFFERS_BYTES:
        raise InputError(f"the buffers take {cursor - BUFFERS_BASE} bytes, more than {LARGEST_BUFFERS_BYTES}")
    return {
        buffer.name: _placement(buffer, regions, _with_pointers(buffer, contents[buffer.name], regions))
        for buffer in buffers
    }


def resolve(pointer: Pointer, regions: Mapping[str, Region]) -> int:
    """Address that a pointer stands for; raises `InputError` where it names no buffer or lies outside it."""
    return _address(pointer, regions, "an argument")


_ALIGNMENTS = frozenset(1 << power for power in range(PAGE_BYTES.bit_length()))


def _placement(buffer: Buffer, regions: Mapping[str, Region], contents: bytes) -> Placement:
    region = regions[buffer.name]
    first_page = region.start // PAGE_BYTES * PAGE_BYTES
    return Placement(buffer, region, contents, first_page, _up_to_page(region.end) - first_page)


def _with_pointers(buffer: Buffer, contents: bytes, regions: Mapping[str, Region]) -> bytes:
    filled = bytearray(contents)
    for offset, target in buffer.pointers.items():
        pointer = Pointer(target) if isinstance(target, str) else target
        address = _address(pointer, regions, f"buffer '{buffer.name}' at offset {offset}")
        if not 0 <= offset <= len(contents) - POINTER_BYTES:
            raise InputError(f"pointer at offset {offset} does not fit buffer '{buffer.name}' of {len(contents)} bytes")
        filled[offset : offset + POINTER_BYTES] = address.to_bytes(POINTER_BYTES, "little")
    return bytes(filled)


def _address(pointer: Pointer, regions: Mapping[str, Region], who: str) -> int:
    region = regions.get(pointer.buffer)
    if region is None:
        raise InputError(f"{who} points to '{pointer.buffer}', but the buffers are: {', '.join(regions) or 'none'}")
    if not 0 <= pointer.offset <= region.size:
        raise InputError(f"{who} points to byte {pointer.offset} of '{pointer.buffer}', which has {region.size}")
    return region.start + pointer.offset


def _canaries(size: int) -> bytes:
    return _CANARY_PAGE[:size]  # the slack is always less than a page


def _up_to_page(size: int) -> int:
    return -(-size // PAGE_BYTES) * PAGE_BYTES


def _bytes(count: int) -> str:
    return "1 byte" if count == 1 else f"{count} bytes"

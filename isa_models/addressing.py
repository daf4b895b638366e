"""How a load, store or prefetch forms its address, by its encoding (Arm DDI 0487, C4.1 "Loads and Stores")."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

BASE_IS_SP = 31
"""As a base register: the stack pointer. As an index register 31 is the zero register, and given as None."""


class Extend(IntEnum):
    """What is done to an index register before it is shifted."""

    NONE = 0
    UNSIGNED_WORD = 1
    SIGNED_WORD = 2


@dataclass(frozen=True, slots=True)
class AddressForm:
    """The lowest byte address of an access: base + offset + (extended index << shift), before any write-back.

    Attributes:
        base: Number of the base register, `BASE_IS_SP` for sp, None where `offset` is the whole address (a literal).
        offset: In bytes; an absolute address for a literal.
        index: Number of the index register, None without one.
        extend: Of the index.
        shift: Of the index, after extension.

    """

    base: int | None
    offset: int = 0
    index: int | None = None
    extend: Extend = Extend.NONE
    shift: int = 0


class MemoryKind(IntEnum):
    """What an instruction does with memory, as far as its address goes; a prefetch of data is an access."""

    NO_ACCESS = 0
    ACCESS = 1
    UNKNOWN = 2


class UnknownEncodingError(ValueError):
    """The word is in the space of loads and stores, but of a class that is not decoded here."""


def memory_kind(word: int, address: int) -> MemoryKind:
    """Return what the instruction `word` at `address` does with memory."""
    try:
        return MemoryKind.NO_ACCESS if address_form(word, address) is None else MemoryKind.ACCESS
    except UnknownEncodingError:
        return MemoryKind.UNKNOWN


def address_form(word: int, address: int) -> AddressForm | None:
    """Return how the instruction `word` at `address` forms the address of its data, None where it has none.

    A prefetch has one where it is for data: one of code (PLI) and reserved ones do nothing here. Raises
    `UnknownEncodingError` for memory tagging, pointer authentication and the like.
    """
    if _bits(word, 27, 27) != 1 or _bits(word, 25, 25) != 0:
        return None
    if _is_prefetch(word) and not _is_for_data(word):
        return None
    base = AddressForm(_bits(word, 9, 5))
    major = _bits(word, 29, 27)
    if major == 0b001 and _bits(word, 26, 26) == 0 and _bits(word, 24, 24) == 0:
        return base  # exclusive, ordered, compare and swap
    if major == 0b001 and _bits(word, 26, 26) == 1 and _bits(word, 31, 31) == 0:
        return base  # LD1 to ST4, whole registers, lanes and replicated
    if major == 0b011 and _bits(word, 24, 24) == 0:
        return _literal(word, address)
    if is_ordered_unscaled(word):
        return AddressForm(base.base, _signed(word, 20, 12))
    if major == 0b101:
        return _pair(word)
    if major == 0b111:
        return _unsigned_offset(word) if _bits(word, 24, 24) else _other_register_access(word)
    raise UnknownEncodingError(f"{word:#010x}")


@lru_cache(maxsize=1 << 15)
def is_relative(word: int) -> bool:
    """Return whether what the instruction does to addresses depends on its own: ADR, ADRP, loads of literals."""
    return _bits(word, 28, 24) == 0b10000 or (_bits(word, 29, 27) == 0b011 and _bits(word, 24, 24) == 0)


def is_ordered_unscaled(word: int) -> bool:
    """Return whether it is one of LDAPUR to STLURH: ordered, with an offset."""
    return word & 0x3F200C00 == 0x19000000


def _is_prefetch(word: int) -> bool:
    """Whether it is PRFM or PRFUM, whatever is to be fetched."""
    return any(word & mask == value for mask, value in _PREFETCHES)


_PREFETCHES = (
    (0xFFC00000, 0xF9800000),  # PRFM, unsigned offset
    (0xFFE00C00, 0xF8800000),  # PRFUM
    (0xFFE00C00, 0xF8A00800),  # PRFM, register offset
    (0xFF000000, 0xD8000000),  # PRFM, literal
)


def _is_for_data(word: int) -> bool:
    """Whether a prefetch is for loads or stores (PLD, PST), to level 1, 2 or 3."""
    return _bits(word, 4, 3) in (0b00, 0b10) and _bits(word, 2, 1) != 0b11


def _literal(word: int, address: int) -> AddressForm:
    return AddressForm(None, address + 4 * _signed(word, 23, 5))


def _pair(word: int) -> AddressForm:
    size, vector = _bits(word, 31, 30), _bits(word, 26, 26)
    if size == 0b01 and not vector and not _bits(word, 22, 22):
        raise UnknownEncodingError(f"{word:#010x}")  # STGP
    is_post_index = _bits(word, 24, 23) == 0b01
    scale = size + 2 if vector else 2 + (size >> 1)
    return AddressForm(_bits(word, 9, 5), 0 if is_post_index else _signed(word, 21, 15) << scale)


def _unsigned_offset(word: int) -> AddressForm:
    return AddressForm(_bits(word, 9, 5), _bits(word, 21, 10) << _scale(word))


def _other_register_access(word: int) -> AddressForm:
    """Unscaled, pre- and post-indexed, unprivileged, register offset, atomic."""
    form = _bits(word, 11, 10)
    base = _bits(word, 9, 5)
    if _bits(word, 21, 21) == 0:
        return AddressForm(base, 0 if form == 0b01 else _signed(word, 20, 12))
    if form == 0b00:
        return AddressForm(base)  # atomic read-modify-write
    if form == 0b10:
        return _register_offset(word)
    raise UnknownEncodingError(f"{word:#010x}")  # LDRAA, LDRAB


def _register_offset(word: int) -> AddressForm:
    base, index = _bits(word, 9, 5), _bits(word, 20, 16)
    if index == 31:
        return AddressForm(base)
    extend = {0b010: Extend.UNSIGNED_WORD, 0b110: Extend.SIGNED_WORD}.get(_bits(word, 15, 13), Extend.NONE)
    return AddressForm(base, 0, index, extend, _scale(word) if _bits(word, 12, 12) else 0)


def _scale(word: int) -> int:
    """Binary logarithm of the size of a single register in memory."""
    is_quad = _bits(word, 26, 26) == 1 and _bits(word, 23, 23) == 1
    return 4 if is_quad else _bits(word, 31, 30)


def _bits(word: int, high: int, low: int) -> int:
    return word >> low & (1 << (high - low + 1)) - 1


def _signed(word: int, high: int, low: int) -> int:
    value, width = _bits(word, high, low), high - low + 1
    return value - (1 << width) if value >> (width - 1) else value

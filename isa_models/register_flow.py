"""What an instruction does to the general registers, as far as addresses are concerned.

Most addresses that code forms are sums: a register, another one scaled, a constant. The results of moves, additions,
subtractions, left shifts and write-backs are given as such a `Sum`; every other register that an instruction can write
counts as unknown. All of it follows from the encoding (Arm DDI 0487, C4.1), so an instruction that no table of operands
knows is safe too: where the encoding is not understood, all registers are unknown.
"""

from __future__ import annotations

from dataclasses import dataclass

from isa_models.addressing import Extend, is_ordered_unscaled

STACK_POINTER = 31
"""As a register number here; the zero register is given as None."""

ALL_REGISTERS = tuple(range(32))
_LINK = 30
_NOP = 0xD503201F


@dataclass(frozen=True, slots=True)
class Sum:
    """(base + offset + extended index * factor) modulo 2**64, of which a word result keeps the lower 32 bits.

    Attributes:
        base: A register number, None for zero.
        offset: Any integer.
        index: A register number, None for zero.
        extend: Of the index.
        factor: Of the index after extension, a power of two or its negative.
        is_word: Whether the upper 32 bits of the sum are cleared.

    """

    base: int | None
    offset: int = 0
    index: int | None = None
    extend: Extend = Extend.NONE
    factor: int = 0
    is_word: bool = False


@dataclass(frozen=True, slots=True)
class RegisterFlow:
    """Effect of one instruction on the general registers and sp.

    Attributes:
        unknown: Registers that may be written with something that is no `Sum`.
        target: The register that becomes `result`, None where there is none.
        result: Of the values before the instruction.

    """

    unknown: tuple[int, ...] = ()
    target: int | None = None
    result: Sum | None = None

    @property
    def written(self) -> tuple[int, ...]:
        """All registers that may be written."""
        return self.unknown if self.target is None else (self.target, *self.unknown)


_NOTHING = RegisterFlow()
_EVERYTHING = RegisterFlow(ALL_REGISTERS)


def register_flow(word: int, address: int) -> RegisterFlow:
    """Return what the instruction `word` at `address` does to general registers; never raises."""
    group = _bits(word, 28, 25)
    if group in (0b1000, 0b1001):
        return _immediate(word, address)
    if group in (0b1010, 0b1011):
        return _branch_or_system(word)
    if group in (0b0101, 0b1101):
        return _register(word)
    if group in (0b0111, 0b1111):
        return _vector(word)
    if group & 0b0101 == 0b0100:
        return _load_or_store(word)
    return _EVERYTHING  # reserved, SME, SVE


def ends_block(word: int) -> bool:
    """Whether the instruction certainly ends a straight line of execution: it is a branch, a call or a return."""
    group = _bits(word, 31, 26)
    return (
        group & 0b011111 in (0b000101, 0b001101)  # B, BL; CBZ, CBNZ, TBZ, TBNZ
        or _bits(word, 31, 24) == 0b01010100  # B.cond
        or _bits(word, 31, 25) == 0b1101011  # BR, BLR, RET
    )


def _immediate(word: int, address: int) -> RegisterFlow:
    """Data processing with an immediate."""
    kind = _bits(word, 25, 23)
    target, is_word = _bits(word, 4, 0), not _bits(word, 31, 31)
    if kind in (0b000, 0b001):  # ADR, ADRP
        offset = _signed(word, 23, 5) << 2 | _bits(word, 30, 29)
        place = (address & ~0xFFF) + (offset << 12) if _bits(word, 31, 31) else address + offset
        return _written(target, Sum(None, place))
    if kind == 0b010:  # ADD, SUB
        amount = _bits(word, 21, 10) << (12 if _bits(word, 22, 22) else 0)
        result = Sum(_bits(word, 9, 5), -amount if _bits(word, 30, 30) else amount, is_word=is_word)
        return _written(target, result, target_is_sp=not _bits(word, 29, 29))
    if kind == 0b100:  # AND, ORR, EOR, ANDS
        writes_sp = _bits(word, 30, 29) != 0b11
        return RegisterFlow((target,)) if writes_sp else _unknown(target)
    if kind == 0b101 and _bits(word, 30, 29) in (0b00, 0b10):  # MOVN, MOVZ
        value = _bits(word, 20, 5) << 16 * _bits(word, 22, 21)
        return _written(target, Sum(None, value if _bits(word, 30, 30) else ~value, is_word=is_word))
    if kind == 0b110 and _bits(word, 30, 29) == 0b10:  # UBFM
        return _shift_left(word, target, is_word)
    if kind in (0b101, 0b110, 0b111):  # MOVK, SBFM, BFM, EXTR
        return _unknown(target)
    return _EVERYTHING  # with tags


def _shift_left(word: int, target: int, is_word: bool) -> RegisterFlow:
    """LSL with an immediate is UBFM with the rotation one more than the highest bit kept."""
    size = 32 if is_word else 64
    rotation, highest = _bits(word, 21, 16), _bits(word, 15, 10)
    if highest == size - 1 and rotation == 0:
        shift = 0
    elif highest + 1 == rotation and rotation < size:
        shift = size - rotation
    else:
        return _unknown(target)
    return _written(target, Sum(None, 0, _register_or_zero(word, 9, 5), Extend.NONE, 1 << shift, is_word))


def _branch_or_system(word: int) -> RegisterFlow:
    if _bits(word, 31, 26) == 0b100101 or _bits(word, 31, 25) == 0b1101011:  # BL; BLR and its kind
        return RegisterFlow((_LINK,))
    if ends_block(word) or word == _NOP or _bits(word, 31, 12) == 0xD5033:  # barriers
        return _NOTHING
    if word & 0xFFFFF01F == _NOP:  # hints, among them pointer authentication
        return _unknown(17, _LINK)
    if _bits(word, 31, 20) == 0b110101010011:  # MRS
        return _unknown(_bits(word, 4, 0))
    return _EVERYTHING


def _register(word: int) -> RegisterFlow:
    """Data processing on registers."""
    target, is_word = _bits(word, 4, 0), not _bits(word, 31, 31)
    is_add = _bits(word, 28, 24) == 0b01011
    is_move = _bits(word, 30, 21) & 0b1111111001 == 0b0101010000 and _bits(word, 9, 5) == 31  # ORR of the zero register
    is_shifted_left = _bits(word, 23, 22) == 0b00
    shift = _bits(word, 15, 10)
    factor = -(1 << shift) if is_add and _bits(word, 30, 30) else 1 << shift
    index = _register_or_zero(word, 20, 16)
    if (is_move or (is_add and not _bits(word, 21, 21))) and is_shifted_left and shift < (32 if is_word else 64):
        base = None if is_move else _register_or_zero(word, 9, 5)
        return _written(target, Sum(base, 0, index, Extend.NONE, factor, is_word))
    if is_add and _bits(word, 21, 21):
        return _add_extended(word, target, index, is_word)
    is_tag_insertion = _bits(word, 30, 21) == 0b0011010110 and shift == 0b000100  # IRG, also to sp
    return RegisterFlow((target,)) if is_tag_insertion else _unknown(target)


def _add_extended(word: int, target: int, index: int | None, is_word: bool) -> RegisterFlow:
    option, shift = _bits(word, 15, 13), _bits(word, 12, 10)
    extends = {0b010: Extend.UNSIGNED_WORD, 0b011: Extend.NONE, 0b110: Extend.SIGNED_WORD, 0b111: Extend.NONE}
    writes_sp = not _bits(word, 29, 29)
    if option not in extends:
        return RegisterFlow((target,)) if writes_sp else _unknown(target)
    factor = -(1 << shift) if _bits(word, 30, 30) else 1 << shift
    return _written(target, Sum(_bits(word, 9, 5), 0, index, extends[option], factor, is_word), target_is_sp=writes_sp)


def _vector(word: int) -> RegisterFlow:
    """Advanced SIMD and floating point: moves and conversions to general registers write one."""
    is_move = word & 0x9FE08400 == 0x0E000400 and _bits(word, 14, 11) in (0b0101, 0b0111)  # SMOV, UMOV
    is_scalar = _bits(word, 30, 30) == 0 and _bits(word, 28, 24) == 0b11110
    is_conversion = is_scalar and (_bits(word, 21, 21) == 0 or _bits(word, 15, 10) == 0)
    return _unknown(_bits(word, 4, 0)) if is_move or is_conversion else _NOTHING


def _load_or_store(word: int) -> RegisterFlow:
    major, is_vector = _bits(word, 29, 27), _bits(word, 26, 26)
    first = _bits(word, 4, 0)
    if major == 0b001:
        return _structure(word) if is_vector else _exclusive(word)
    if is_ordered_unscaled(word) and _bits(word, 23, 22) == 0b00:
        return _NOTHING
    if major == 0b011:  # literal, or an ordered load; others here are unknown encodings, which end the trace
        return _NOTHING if is_vector else _unknown(first)
    if major == 0b101:
        loaded = [] if is_vector or not _bits(word, 22, 22) else [first, _bits(word, 14, 10)]
        scale = _bits(word, 31, 30) + 2 if is_vector else 2 + _bits(word, 31, 31)
        has_writeback = _bits(word, 23, 23)
        return _with_writeback(word, loaded, Sum(None, _signed(word, 21, 15) << scale) if has_writeback else None)
    is_scaled, is_other = bool(_bits(word, 24, 24)), bool(_bits(word, 21, 21))
    is_atomic = not is_scaled and is_other and _bits(word, 11, 10) == 0b00  # all of them load
    has_writeback = not is_scaled and not is_other and _bits(word, 10, 10)
    loaded = [first] if not is_vector and (is_atomic or _bits(word, 23, 22) != 0b00) else []
    return _with_writeback(word, loaded, Sum(None, _signed(word, 20, 12)) if has_writeback else None)


def _exclusive(word: int) -> RegisterFlow:
    """Exclusive, ordered, compare and swap: the status, a pair of them, and what is loaded."""
    status = _bits(word, 20, 16)
    return _unknown(_bits(word, 4, 0), _bits(word, 14, 10), status, status + 1)


def _structure(word: int) -> RegisterFlow:
    """LD1 to ST4, whole registers, lanes and replicated."""
    if not _bits(word, 23, 23):
        return _NOTHING
    step = _register_or_zero(word, 20, 16)
    if step is not None:
        return _with_writeback(word, [], Sum(None, 0, step, Extend.NONE, 1))
    return _with_writeback(word, [], Sum(None, _lane_bytes(word) if _bits(word, 24, 24) else _list_bytes(word)))


def _list_bytes(word: int) -> int:
    """Bytes of the registers in the list."""
    registers = {0b0000: 4, 0b0010: 4, 0b0100: 3, 0b0110: 3, 0b0111: 1, 0b1000: 2, 0b1010: 2}
    return registers.get(_bits(word, 15, 12), 0) * (16 if _bits(word, 30, 30) else 8)


def _lane_bytes(word: int) -> int:
    """Bytes of one element of each register in the list."""
    size, kind = _bits(word, 11, 10), _bits(word, 15, 14)
    scale = size if kind == 0b11 else 3 if kind == 0b10 and size & 1 else kind
    return (1 + (_bits(word, 13, 13) << 1 | _bits(word, 21, 21))) << scale


def _with_writeback(word: int, loaded: list[int], step: Sum | None) -> RegisterFlow:
    unknown = tuple(register for register in loaded if register != 31)
    base = _bits(word, 9, 5)
    if step is None:
        return RegisterFlow(unknown)
    if base in unknown:  # what such a load leaves is up to the processor
        return RegisterFlow(unknown)
    return RegisterFlow(unknown, base, Sum(base, step.offset, step.index, step.extend, step.factor))


def _written(target: int, result: Sum, *, target_is_sp: bool = False) -> RegisterFlow:
    return _NOTHING if target == 31 and not target_is_sp else RegisterFlow((), target, result)


def _unknown(*registers: int) -> RegisterFlow:
    """All of `registers` but the zero register."""
    return RegisterFlow(tuple(register for register in registers if register < 31))


def _register_or_zero(word: int, high: int, low: int) -> int | None:
    number = _bits(word, high, low)
    return None if number == 31 else number


def _bits(word: int, high: int, low: int) -> int:
    return word >> low & (1 << (high - low + 1)) - 1


def _signed(word: int, high: int, low: int) -> int:
    value, width = _bits(word, high, low), high - low + 1
    return value - (1 << width) if value >> (width - 1) else value

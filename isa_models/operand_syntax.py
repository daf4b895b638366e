"""Parse the operand text of one AArch64 instruction, as Capstone prints it, into typed operands."""

import re
from dataclasses import dataclass
from functools import lru_cache

STACK_POINTER = 31
FIRST_VECTOR = 32
FLAGS = 64
REGISTER_COUNT = 65
"""Register numbers: x0-x30 are 0-30, the stack pointer 31, v0-v31 are 32-63, the condition flags 64."""

_SCALAR_BITS = {"b": 8, "h": 16, "s": 32, "d": 64, "q": 128}
_ELEMENT_BYTES = {"b": 1, "h": 2, "s": 4, "d": 8, "q": 16}
_GENERAL = re.compile(r"([xw])(\d+)")
_SCALAR_VECTOR = re.compile(r"([bhsdq])(\d+)")
_VECTOR = re.compile(r"v(\d+)\.(\d*)([bhsdq])(?:\[(\w+)\])?")
_ZERO = re.compile(r"#0[0.]*|#0x0+")
_CONDITIONS = ("eq", "ne", "hs", "lo", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le", "al", "nv")
_SEPARATOR = re.compile(r",\s*(?![^\[{]*[\]}])")  # a comma that is not inside brackets or braces
_LIST = re.compile(r"\{(.*)\}(?:\[(\w+)\])?")


@dataclass(frozen=True, slots=True)
class RegisterPart:
    """The `bits` of a register that an operand stands for, the lowest of which is bit `low`."""

    register: int
    bits: int
    low: int = 0


@dataclass(frozen=True, slots=True)
class RegisterOperand:
    """A register operand; `register` is None for the zero register.

    `arrangement` is the text after the dot of a vector operand ("16b", "s"), empty for any other register;
    `lane` is the index in brackets; `element_bytes` the size of an element of a vector operand, else of the register.
    """

    register: int | None
    bits: int
    arrangement: str = ""
    lane: int | None = None
    element_bytes: int = 0

    @property
    def is_vector(self) -> bool:
        """Whether it lives in the Advanced SIMD register file."""
        return self.register is not None and self.register >= FIRST_VECTOR and self.register != FLAGS

    @property
    def parts(self) -> list[RegisterPart]:
        """The part of a register that it stands for; none for the zero register."""
        if self.register is None:
            return []
        return [RegisterPart(self.register, self.bits, (self.lane or 0) * self.bits)]


@dataclass(frozen=True, slots=True)
class ListOperand:
    """A register list, `{ v0.16b, v1.16b }`, with the lane of a single-structure access."""

    registers: tuple[RegisterOperand, ...]
    lane: int | None

    @property
    def parts(self) -> list[RegisterPart]:
        """The parts of registers that it stands for, in its order."""
        lane = self.lane or 0
        return [
            RegisterPart(part.register, part.bits, lane * part.bits) for one in self.registers for part in one.parts
        ]


@dataclass(frozen=True, slots=True)
class MemoryOperand:
    """An address: base register, index register and how many bits of it count, whether the base is written back.

    The index of a post-indexed access is the register that is added to the base afterwards.
    """

    base: int | None
    index: int | None
    index_bits: int
    is_scaled: bool
    has_writeback: bool

    @property
    def parts(self) -> list[RegisterPart]:
        """The registers that form the address."""
        base = [] if self.base is None else [RegisterPart(self.base, 64)]
        return base if self.index is None else [*base, RegisterPart(self.index, self.index_bits)]


@dataclass(frozen=True, slots=True)
class ShiftOperand:
    """A shift or extension of the operand before it ("lsl #3", "uxtw")."""

    kind: str
    amount: int


@dataclass(frozen=True, slots=True)
class ImmediateOperand:
    """An immediate, a branch target, a condition or a prefetch hint: nothing that a register holds."""

    text: str

    @property
    def is_zero(self) -> bool:
        """Whether it is the number zero."""
        return _ZERO.fullmatch(self.text) is not None

    @property
    def is_name(self) -> bool:
        """Whether it is a name other than of a condition: a system register, a barrier's or a prefetch's kind."""
        return not (self.text.startswith("#") or self.text in _CONDITIONS)


Operand = RegisterOperand | ListOperand | MemoryOperand | ShiftOperand | ImmediateOperand

_SHIFT_KINDS = {"lsl", "lsr", "asr", "ror", "msl", "uxtb", "uxth", "uxtw", "uxtx", "sxtb", "sxth", "sxtw", "sxtx"}


def parse_operands(text: str) -> tuple[Operand, ...]:
    """Parse all operands of an instruction, in the order of the text."""
    parts = _SEPARATOR.split(text) if text else []
    operands: list[Operand] = []
    position = 0
    while position < len(parts):
        part = parts[position]
        position += 1
        if part.startswith("["):
            post_index = parts[position] if position < len(parts) else None
            operands.append(_parse_memory(part, post_index))
            break  # whatever follows an address belongs to it
        operands.append(_parse_one(part))
    return tuple(operands)


@lru_cache(maxsize=4096)
def parse_register(text: str) -> RegisterOperand | None:
    """Parse one register name, or return None when `text` names none."""
    if text in ("xzr", "wzr"):
        return RegisterOperand(None, 64 if text == "xzr" else 32, element_bytes=8 if text == "xzr" else 4)
    if text in ("sp", "wsp"):
        return RegisterOperand(STACK_POINTER, 64 if text == "sp" else 32, element_bytes=8 if text == "sp" else 4)
    if match := _GENERAL.fullmatch(text):
        bits = 64 if match[1] == "x" else 32
        return RegisterOperand(int(match[2]), bits, element_bytes=bits // 8)
    if match := _SCALAR_VECTOR.fullmatch(text):
        bits = _SCALAR_BITS[match[1]]
        return RegisterOperand(FIRST_VECTOR + int(match[2]), bits, element_bytes=bits // 8)
    if match := _VECTOR.fullmatch(text):
        return _vector_register(match)
    return None


def _vector_register(match: re.Match[str]) -> RegisterOperand:
    number, count, element, lane = match.groups()
    element_bytes = _ELEMENT_BYTES[element]
    bits = 8 * element_bytes * (int(count) if count else 1)
    lane_index = None if lane is None else int(lane, 0)
    return RegisterOperand(FIRST_VECTOR + int(number), bits, count + element, lane_index, element_bytes)


def _parse_one(part: str) -> Operand:
    if register := parse_register(part):
        return register
    if match := _LIST.fullmatch(part):
        return _parse_list(match[1], match[2])
    kind, _, amount = part.partition(" ")
    if kind in _SHIFT_KINDS:
        return ShiftOperand(kind, int(amount.lstrip("#"), 0) if amount else 0)
    return ImmediateOperand(part)


def _parse_list(body: str, lane: str | None) -> ListOperand:
    registers: list[RegisterOperand] = []
    for name in body.split(","):
        register = parse_register(name.strip())
        if register is not None:
            registers.append(register)
    return ListOperand(tuple(registers), None if lane is None else int(lane, 0))


def _parse_memory(part: str, post_index: str | None) -> MemoryOperand:
    inside = part[1 : part.rindex("]")].split(",")
    base = parse_register(inside[0].strip())
    index = parse_register(inside[1].strip()) if len(inside) > 1 else None
    is_scaled = len(inside) > 2 and "#" in inside[2] and not inside[2].endswith("#0")
    if post_index is not None:
        index = parse_register(post_index)
    return MemoryOperand(
        base=base.register if base else None,
        index=index.register if index else None,
        index_bits=index.bits if index else 0,
        is_scaled=is_scaled,
        has_writeback=part.endswith("!") or post_index is not None,
    )

"""Parse the operand text of one AArch64 instruction, as Capstone prints it, into typed operands."""

import re
from dataclasses import dataclass

STACK_POINTER = 31
FIRST_VECTOR = 32
FLAGS = 64
REGISTER_COUNT = 65
"""Register numbers: x0-x30 are 0-30, the stack pointer 31, v0-v31 are 32-63, the condition flags 64."""

_SCALAR_BITS = {"b": 8, "h": 16, "s": 32, "d": 64, "q": 128}
_ELEMENT_BYTES = {"b": 1, "h": 2, "s": 4, "d": 8, "q": 16}
_GENERAL = re.compile(r"([xw])(\d+)")
_SCALAR_VECTOR = re.compile(r"([bhsdq])(\d+)")
_VECTOR = re.compile(r"v(\d+)\.(\d*)([bhsdq])(?:\[(\d+)\])?")
_LIST = re.compile(r"\{(.*)\}(?:\[(\d+)\])?")


@dataclass(frozen=True, slots=True)
class RegisterPart:
    """The low or named `bits` of a register that an operand stands for."""

    register: int
    bits: int


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


@dataclass(frozen=True, slots=True)
class ListOperand:
    """A register list, `{ v0.16b, v1.16b }`, with the lane of a single-structure access."""

    registers: tuple[RegisterOperand, ...]
    lane: int | None


@dataclass(frozen=True, slots=True)
class MemoryOperand:
    """An address: base register (None for a literal), index register, and whether the base is written back."""

    base: int | None
    index: int | None
    has_writeback: bool


@dataclass(frozen=True, slots=True)
class ShiftOperand:
    """A shift or extension of the operand before it ("lsl #3", "uxtw")."""

    kind: str
    amount: int


@dataclass(frozen=True, slots=True)
class ImmediateOperand:
    """An immediate, a branch target, a condition or a prefetch hint: nothing that a register holds."""

    text: str


Operand = RegisterOperand | ListOperand | MemoryOperand | ShiftOperand | ImmediateOperand

_SHIFT_KINDS = {"lsl", "lsr", "asr", "ror", "msl", "uxtb", "uxth", "uxtw", "uxtx", "sxtb", "sxth", "sxtw", "sxtx"}


def parse_operands(text: str) -> tuple[Operand, ...]:
    """Parse all operands of an instruction, in the order of the text."""
    parts = _split(text)
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
    lane_index = None if lane is None else int(lane)
    return RegisterOperand(FIRST_VECTOR + int(number), bits, count + element, lane_index, element_bytes)


def _split(text: str) -> list[str]:
    """Split at the commas that are not inside brackets or braces."""
    parts, depth, current = [], 0, ""
    for character in text:
        if character in "[{":
            depth += 1
        elif character in "]}":
            depth -= 1
        if character == "," and depth == 0:
            parts.append(current.strip())
            current = ""
        else:
            current += character
    if current.strip():
        parts.append(current.strip())
    return parts


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
    return ListOperand(tuple(registers), None if lane is None else int(lane))


def _parse_memory(part: str, post_index: str | None) -> MemoryOperand:
    inside = part[1 : part.rindex("]")].split(",")
    base = parse_register(inside[0].strip())
    index = parse_register(inside[1].strip()) if len(inside) > 1 else None
    if post_index is not None:
        index = parse_register(post_index)
    writes_back = part.endswith("!") or post_index is not None
    return MemoryOperand(base.register if base else None, index.register if index else None, writes_back)

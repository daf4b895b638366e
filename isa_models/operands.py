"""Which registers and memory an AArch64 instruction reads and writes: the project's own table.

Disassemblers' lists of registers are wrong for much Advanced SIMD code, so the roles are given in `operand_table`. A
mnemonic that is not there is an error, never a guess.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from isa_models.errors import UnsupportedInstructionError
from isa_models.isa_features import feature_of_mnemonic
from isa_models.operand_syntax import (
    FIRST_VECTOR,
    FLAGS,
    STACK_POINTER,
    ImmediateOperand,
    ListOperand,
    MemoryOperand,
    Operand,
    RegisterOperand,
    RegisterPart,
    parse_operands,
)
from isa_models.operand_table import (
    ATOMIC_ROLES,
    NEUTRAL_SYSTEM_REGISTERS,
    READS_FLAGS,
    READS_LOWER_HALF,
    READS_UPPER_HALF,
    ROLES,
    Role,
    bytes_per_register,
)
from isa_models.program import Instruction

LINK_REGISTER = 30
_FLAGS = RegisterPart(FLAGS, 4)
_LINK = RegisterPart(LINK_REGISTER, 64)
_VECTOR_BITS = 128
_PREFETCH_OF_DATA = re.compile("p(?:ld|st)l([123])(?:keep|strm)")
_Data = RegisterOperand | ListOperand

_MEMORY_ROLES = (
    *(Role.LOAD, Role.STORE, Role.LOAD_STRUCTURE, Role.STORE_STRUCTURE, Role.STORE_EXCLUSIVE),
    *ATOMIC_ROLES,
)
_READS_FIRST = (Role.UPDATE, Role.ACCUMULATE, Role.COMPARE)
_DATA_ROLES = (*_READS_FIRST, Role.WRITE, Role.WRITE_WITH_FLAGS, Role.WRITE_UPPER_HALF, Role.ADD_LAST)


@dataclass(frozen=True, slots=True)
class MemoryAccess:
    """What an instruction moves between registers and memory: consecutive bytes from one address.

    `is_atomic`: it also stores to the bytes that it loads, in one go; `is_store` is false then.
    """

    size_bytes: int
    is_store: bool
    is_atomic: bool = False


@dataclass(frozen=True, slots=True)
class Operands:
    """Registers and memory that one instruction reads and writes.

    `reads` are the registers needed before it can start (the data of a store included), `address` those of them that
    form its address, `accumulator` the one that it only adds its result to (candidate for accumulator forwarding).
    `writes` are the parts that get a result; the bits above it become zero, unless the instruction keeps some of the
    rest (writes a lane, the upper half), when the whole register is among the `reads`. `writeback` is the base register
    that a pre- or post-indexed access updates; it is also in `writes`. `parsed` keeps the operands as written.
    `prefetch_level` is the level of the caches, 1 to 3, that data are prefetched to.
    """

    reads: tuple[RegisterPart, ...]
    writes: tuple[RegisterPart, ...]
    address: tuple[int, ...]
    accumulator: int | None
    writeback: int | None
    memory: MemoryAccess | None
    parsed: tuple[Operand, ...]
    prefetch_level: int | None = None


def decode(instruction: Instruction) -> Operands:
    """Return what `instruction` reads and writes.

    Raises UnsupportedInstructionError, naming text, address and source, for an instruction outside the table.
    """
    operands = None if _is_scalable(instruction.word) else _decode_text(instruction.mnemonic, instruction.operands)
    if operands is None:
        feature = feature_of_mnemonic(instruction.mnemonic)
        raise UnsupportedInstructionError(
            instruction.text, instruction.address, instruction.source, feature, is_data=instruction.is_data
        )
    return operands


def _is_scalable(word: int) -> bool:
    """Whether an encoding is one of SVE or SME, whose text can look like Advanced SIMD (DDI 0487, C4.1)."""
    group = word >> 25 & 0b1111
    return group == 0b0010 or (group == 0 and word >> 31 == 1)


@lru_cache(maxsize=65536)
def _decode_text(mnemonic: str, text: str) -> Operands | None:
    role = Role.CONDITIONAL_BRANCH if mnemonic.startswith("b.") else ROLES.get(mnemonic)
    if role is None:
        return None
    parsed = parse_operands(text)
    if role in _MEMORY_ROLES:
        return _decode_memory(mnemonic, role, parsed)
    if role in _DATA_ROLES:
        return _decode_data(mnemonic, role, parsed)
    return _decode_other(role, parsed)


def _decode_data(mnemonic: str, role: Role, parsed: tuple[Operand, ...]) -> Operands | None:
    """Decode an instruction that works on registers only."""
    if any(isinstance(operand, ImmediateOperand) and operand.is_name for operand in parsed):
        return None
    first = _parts(parsed[0]) if parsed else []
    reads = _sources(mnemonic, parsed)
    writes = [] if role is Role.COMPARE else first
    accumulator = None
    if role is Role.ACCUMULATE:
        accumulator = _only_added(first, reads)
    elif role is Role.ADD_LAST:
        accumulator = _only_added(_parts(parsed[-1]), [part for operand in parsed[1:-1] for part in _parts(operand)])
    if role is Role.WRITE_UPPER_HALF:
        writes = [RegisterPart(part.register, 64, 64) for part in first]
    if role is Role.WRITE_UPPER_HALF or (writes and _is_lane(parsed[0])):
        reads = _whole_vectors(first) + reads
    elif role in _READS_FIRST or _works_in_place(mnemonic, parsed):
        reads = first + reads
    if mnemonic in READS_FLAGS:
        reads.append(_FLAGS)
    if role in (Role.COMPARE, Role.WRITE_WITH_FLAGS):
        writes = [*writes, _FLAGS]
    return Operands(_distinct(reads), tuple(writes), (), accumulator, None, None, parsed)


def _sources(mnemonic: str, parsed: tuple[Operand, ...]) -> list[RegisterPart]:
    """Parts that the operands after the first stand for."""
    if mnemonic in READS_LOWER_HALF or mnemonic in READS_UPPER_HALF:
        return _half_sources(parsed, is_upper=mnemonic in READS_UPPER_HALF)
    sources = [part for operand in parsed[1:] for part in _parts(operand)]
    last = parsed[2] if mnemonic == "fcmla" else None
    if last is not None and _is_lane(last):
        lane = sources[-1]  # of complex numbers, two elements each
        sources[-1] = RegisterPart(lane.register, 2 * lane.bits, 2 * lane.low)
    return sources


def _half_sources(parsed: tuple[Operand, ...], *, is_upper: bool) -> list[RegisterPart]:
    """Sources of an instruction that reads half a register of those with the narrowest elements."""
    destination, *sources = [operand for operand in parsed if isinstance(operand, RegisterOperand)]
    bits = destination.bits // 2
    narrowest = min(operand.element_bytes for operand in sources)
    return [
        RegisterPart(part.register, bits, bits if is_upper else 0)
        if operand.element_bytes == narrowest and operand.lane is None
        else part
        for operand in sources
        for part in operand.parts
    ]


def _only_added(added: list[RegisterPart], others: list[RegisterPart]) -> int | None:
    """Register that is added to a result, unless the result depends on it in another way too."""
    if not added or any(part.register == added[0].register for part in others):
        return None
    return added[0].register


def _is_lane(operand: Operand) -> bool:
    return isinstance(operand, RegisterOperand) and operand.lane is not None


def _works_in_place(mnemonic: str, parsed: tuple[Operand, ...]) -> bool:
    """Whether the destination is a source although its mnemonic also has a form where it is none."""
    return mnemonic in ("orr", "bic") and len(parsed) > 1 and isinstance(parsed[1], ImmediateOperand)


def _decode_other(role: Role, parsed: tuple[Operand, ...]) -> Operands | None:
    """Decode branches, hints, prefetches and accesses to system registers."""
    reads: list[RegisterPart] = []
    writes: list[RegisterPart] = []
    address: tuple[int, ...] = ()
    prefetch_level = None
    if role is Role.CONDITIONAL_BRANCH:
        reads = [_FLAGS]
    elif role is Role.RETURN and not parsed:
        reads = [_LINK]
    elif role in (Role.BRANCH, Role.RETURN, Role.CALL):
        reads = [part for operand in parsed for part in _parts(operand)]
    elif role is Role.PREFETCH:
        reads = _address_parts(parsed)
        address = tuple(part.register for part in reads)
        prefetch_level = _prefetch_level(parsed[0])
    elif role in (Role.SYSTEM_READ, Role.SYSTEM_WRITE):
        return _decode_system(role, parsed)
    if role is Role.CALL:
        writes = [_LINK]
    return Operands(_distinct(reads), tuple(writes), address, None, None, None, parsed, prefetch_level)


def _prefetch_level(what: Operand) -> int | None:
    """Return the level to which data are to be prefetched, None for code (PLI) and for what is reserved."""
    found = _PREFETCH_OF_DATA.fullmatch(what.text) if isinstance(what, ImmediateOperand) else None
    return int(found[1]) if found else None


def _decode_system(role: Role, parsed: tuple[Operand, ...]) -> Operands | None:
    is_read = role is Role.SYSTEM_READ
    general, system = parsed if is_read else parsed[::-1]
    if not isinstance(system, ImmediateOperand) or system.text not in NEUTRAL_SYSTEM_REGISTERS:
        return None
    flags = [_FLAGS] if system.text == "nzcv" else []
    reads, writes = (flags, _parts(general)) if is_read else (_parts(general), flags)
    return Operands(tuple(reads), tuple(writes), (), None, None, None, parsed)


def _decode_memory(mnemonic: str, role: Role, parsed: tuple[Operand, ...]) -> Operands | None:
    """Decode a load or store: data registers, then the address."""
    data = [operand for operand in parsed if isinstance(operand, RegisterOperand | ListOperand)]
    if not data:
        return None
    loaded, stored, moved = _transfer(role, data)
    is_atomic = role in ATOMIC_ROLES
    size_bytes = sum(_moved_bytes(mnemonic, operand) for operand in moved)
    access = MemoryAccess(size_bytes, is_store=not is_atomic and bool(stored), is_atomic=is_atomic)
    address = _address_parts(parsed)
    reads = address + [part for operand in stored for part in _parts(operand)]
    writes = [part for operand in loaded for part in _parts(operand)]
    if role is Role.LOAD_STRUCTURE and any(isinstance(one, ListOperand) and one.lane is not None for one in loaded):
        reads += _whole_vectors(writes)
    writeback = next((one.base for one in parsed if isinstance(one, MemoryOperand) and one.has_writeback), None)
    if writeback is not None:
        writes.append(RegisterPart(writeback, 64))
    registers = tuple(part.register for part in address)
    return Operands(_distinct(reads), tuple(writes), registers, None, writeback, access, parsed)


def _transfer(role: Role, data: list[_Data]) -> tuple[list[_Data], list[_Data], list[_Data]]:
    """Which data operands are written, which are read, and which tell the size of the access in memory."""
    if role in (Role.LOAD, Role.LOAD_STRUCTURE):
        return data, [], data
    if role is Role.STORE_EXCLUSIVE:
        return data[:1], data[1:], data[1:]
    if role is Role.ATOMIC:
        return data[1:], data[:1], data[:1]
    if role is Role.COMPARE_AND_SWAP:
        compared = data[: len(data) // 2]
        return compared, data, compared
    return [], data, data


def _moved_bytes(mnemonic: str, operand: _Data) -> int:
    """Bytes in memory of one data operand."""
    if isinstance(operand, RegisterOperand):
        return bytes_per_register(mnemonic) or operand.bits // 8
    first = operand.registers[0]
    is_single = operand.lane is not None or mnemonic.endswith("r")
    return len(operand.registers) * (first.element_bytes if is_single else first.bits // 8)


def _address_parts(parsed: tuple[Operand, ...]) -> list[RegisterPart]:
    """Registers that form the address; none for a literal, which is relative to the program counter."""
    return [part for operand in parsed if isinstance(operand, MemoryOperand) for part in operand.parts]


def _parts(operand: Operand) -> list[RegisterPart]:
    return operand.parts if isinstance(operand, RegisterOperand | ListOperand) else []


def _whole_vectors(parts: list[RegisterPart]) -> list[RegisterPart]:
    return [RegisterPart(part.register, _VECTOR_BITS) for part in parts]


def _distinct(parts: list[RegisterPart]) -> tuple[RegisterPart, ...]:
    """Each register once, with all bits from the lowest to the highest of its parts."""
    joined: dict[int, RegisterPart] = {}
    for part in parts:
        before = joined.get(part.register, part)
        low = min(before.low, part.low)
        joined[part.register] = RegisterPart(
            part.register, max(before.low + before.bits, part.low + part.bits) - low, low
        )
    return tuple(joined.values())


def register_name(register: int) -> str:
    """Name a register number as people write it: "x3", "sp", "v17" or "flags"."""
    if register == FLAGS:
        return "flags"
    if register == STACK_POINTER:
        return "sp"
    return f"v{register - FIRST_VECTOR}" if register >= FIRST_VECTOR else f"x{register}"

"""Which registers and memory an AArch64 instruction reads and writes: the project's own table.

Disassemblers' lists of registers are wrong for much Advanced SIMD code, so the roles are given here per mnemonic, after
the Arm Architecture Reference Manual (DDI 0487). A mnemonic that is not in the table is an error, never a guess.
"""

from dataclasses import dataclass
from functools import lru_cache

from isa_models.errors import UnsupportedInstructionError
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
from isa_models.program import Instruction

LINK_REGISTER = 30
_FLAG_BITS = 4


@dataclass(frozen=True, slots=True)
class MemoryAccess:
    """What an instruction moves between registers and memory: consecutive bytes from one address."""

    size_bytes: int
    is_store: bool


@dataclass(frozen=True, slots=True)
class Operands:
    """Registers and memory that one instruction reads and writes.

    `reads` are the registers needed before it can start (the data of a store included), `address` those of them that
    form its address, `accumulator` the one that it only adds its result to (candidate for accumulator forwarding).
    A register that is partly overwritten (a lane, the upper half) is read as well as written. `writeback` is the base
    register that a pre- or post-indexed access updates; it is also in `writes`. `parsed` keeps the operands as written.
    """

    reads: tuple[RegisterPart, ...]
    writes: tuple[RegisterPart, ...]
    address: tuple[int, ...]
    accumulator: int | None
    writeback: int | None
    memory: MemoryAccess | None
    parsed: tuple[Operand, ...]


def _words(*texts: str) -> frozenset[str]:
    return frozenset(word for text in texts for word in text.split())


# First operand written, the others read.
_WRITES_FIRST = _words(
    "add sub and orr eor bic orn eon adc sbc ngc neg mvn mov movz movn lsl lsr asr ror lslv lsrv asrv rorv extr",
    "ubfm sbfm ubfx sbfx ubfiz sbfiz uxtb uxth uxtw sxtb sxth sxtw clz cls rbit rev rev16 rev32 rev64 adr adrp",
    "mul mneg madd msub smull umull smaddl umaddl smsubl umsubl smnegl umnegl smulh umulh udiv sdiv",
    "csel csinc csinv csneg cset csetm cinc cinv cneg crc32b crc32h crc32w crc32x crc32cb crc32ch crc32cw crc32cx",
    "cnt not abs addp addv saddlp uaddlp saddlv uaddlv sqadd uqadd sqsub uqsub sqneg sqabs shadd uhadd shsub uhsub",
    "srhadd urhadd smax smin umax umin smaxp sminp umaxp uminp smaxv sminv umaxv uminv",
    "cmeq cmge cmgt cmhi cmhs cmle cmlt cmtst sabd uabd sabdl uabdl sabdl2 uabdl2",
    "saddl uaddl ssubl usubl saddl2 uaddl2 ssubl2 usubl2 saddw uaddw ssubw usubw saddw2 uaddw2 ssubw2 usubw2",
    "shl sshl ushl sqshl uqshl sqshlu srshl urshl sqrshl uqrshl sshr ushr srshr urshr",
    "sshll ushll sshll2 ushll2 shll shll2 sxtl uxtl sxtl2 uxtl2",
    "xtn sqxtn uqxtn sqxtun shrn rshrn sqshrn uqshrn sqshrun sqrshrn uqrshrn sqrshrun addhn subhn raddhn rsubhn",
    "pmul pmull pmull2 smull2 umull2 sqdmull sqdmull2 sqdmulh sqrdmulh",
    "zip1 zip2 uzp1 uzp2 trn1 trn2 ext tbl dup umov smov movi mvni fmov",
    "fadd fsub fmul fdiv fsqrt fmax fmin fmaxnm fminnm fabs fneg fabd fnmul fmadd fmsub fnmadd fnmsub faddp",
    "fcmeq fcmge fcmgt fcmle fcmlt fcvt fcvtl fcvtl2 fcvtn fcvtzs fcvtzu fcvtns fcvtnu fcvtas fcvtau",
    "fcvtms fcvtmu fcvtps fcvtpu scvtf ucvtf",
    "frinta frinti frintm frintn frintp frintx frintz fcsel",
)
_WRITES_FIRST_AND_FLAGS = _words("adds subs ands bics negs adcs sbcs ngcs")
# First operand read and written.
_UPDATES_FIRST = _words(
    "movk bfi bfm bfxil bfc ins bsl bit bif tbx sli sri suqadd usqadd",
    "xtn2 sqxtn2 uqxtn2 sqxtun2 shrn2 rshrn2 sqshrn2 uqshrn2 sqshrun2 sqrshrn2 uqrshrn2 sqrshrun2",
    "addhn2 subhn2 raddhn2 rsubhn2 fcvtn2",
)
# First operand only added to (or subtracted from): the accumulator of forwarding rules.
_ACCUMULATES = _words(
    "mla mls smlal umlal smlsl umlsl smlal2 umlal2 smlsl2 umlsl2 sqdmlal sqdmlal2 sqdmlsl sqdmlsl2",
    "saba uaba sabal uabal sabal2 uabal2 sadalp uadalp ssra usra srsra ursra udot sdot fmla fmls",
)
_COMPARES = _words("cmp cmn tst ccmp ccmn fcmp fcmpe")
_READS_FLAGS = _words("adc sbc adcs sbcs ngc ngcs csel csinc csinv csneg cset csetm cinc cinv cneg ccmp ccmn fcsel")
_BRANCHES = _words("b br ret cbz cbnz tbz tbnz")
_CALLS = _words("bl blr")
_NO_OPERANDS = _words("nop hint yield dmb dsb isb bti")
_PREFETCHES = _words("prfm prfum")
_UPPER_HALF_WRITES = frozenset(name for name in _UPDATES_FIRST if name.endswith("2"))

# Bytes loaded or stored where the mnemonic says so; None where the register does.
_SINGLE_ACCESS: dict[str, int | None] = {
    "ldr": None, "ldur": None, "str": None, "stur": None, "ldtr": None, "sttr": None,
    "ldrb": 1, "ldrsb": 1, "ldurb": 1, "ldursb": 1, "strb": 1, "sturb": 1,
    "ldrh": 2, "ldrsh": 2, "ldurh": 2, "ldursh": 2, "strh": 2, "sturh": 2,
    "ldrsw": 4, "ldursw": 4,
}  # fmt: skip
_PAIR_ACCESS: dict[str, int | None] = {"ldp": None, "ldnp": None, "ldpsw": 4, "stp": None, "stnp": None}
_STRUCTURE_ACCESS = _words("ld1 ld2 ld3 ld4 st1 st2 st3 st4")
_REPLICATE_ACCESS = _words("ld1r ld2r ld3r ld4r")


def decode(instruction: Instruction) -> Operands:
    """Return what `instruction` reads and writes.

    Raises UnsupportedInstructionError, naming text, address and source, for an instruction outside the table.
    """
    operands = _decode_text(instruction.mnemonic, instruction.operands)
    if operands is None:
        raise UnsupportedInstructionError(instruction.text, instruction.address, instruction.source)
    return operands


@lru_cache(maxsize=65536)
def _decode_text(mnemonic: str, text: str) -> Operands | None:
    parsed = parse_operands(text)
    if mnemonic in _SINGLE_ACCESS or mnemonic in _PAIR_ACCESS:
        return _decode_load_store(mnemonic, parsed)
    if mnemonic in _STRUCTURE_ACCESS or mnemonic in _REPLICATE_ACCESS:
        return _decode_structure(mnemonic, parsed)
    if mnemonic in _BRANCHES or mnemonic in _CALLS or mnemonic.startswith("b."):
        return _decode_branch(mnemonic, parsed)
    if mnemonic in _NO_OPERANDS:
        return Operands((), (), (), None, None, None, parsed)
    if mnemonic in _PREFETCHES:
        address = _address_of(parsed)
        return Operands(_parts64(address), (), address, None, None, None, parsed)
    return _decode_data(mnemonic, parsed)


def _decode_data(mnemonic: str, parsed: tuple[Operand, ...]) -> Operands | None:
    """Decode an instruction that works on registers only."""
    sources = [part for operand in parsed[1:] for part in _parts(operand)]
    destination = _parts(parsed[0]) if parsed else []
    accumulator = None
    if mnemonic in _COMPARES:
        sources = destination + sources
        destination = []
    elif mnemonic in _ACCUMULATES:
        is_source_too = any(part.register == destination[0].register for part in sources)
        accumulator = None if is_source_too else destination[0].register
        sources = destination + sources
    elif mnemonic in _UPDATES_FIRST or (mnemonic in _WRITES_FIRST and _merges_destination(mnemonic, parsed)):
        sources = destination + sources
    elif mnemonic not in _WRITES_FIRST and mnemonic not in _WRITES_FIRST_AND_FLAGS:
        return None
    if mnemonic in _UPPER_HALF_WRITES:
        destination = [RegisterPart(part.register, 64) for part in destination]
    if mnemonic in _READS_FLAGS:
        sources.append(RegisterPart(FLAGS, _FLAG_BITS))
    if mnemonic in _COMPARES or mnemonic in _WRITES_FIRST_AND_FLAGS:
        destination.append(RegisterPart(FLAGS, _FLAG_BITS))
    return Operands(_distinct(sources), tuple(destination), (), accumulator, None, None, parsed)


def _merges_destination(mnemonic: str, parsed: tuple[Operand, ...]) -> bool:
    """Whether a write keeps part of its destination: one lane, or ORR and BIC with an immediate."""
    first = parsed[0]
    if not isinstance(first, RegisterOperand) or not first.is_vector:
        return False
    if first.lane is not None:
        return True
    return mnemonic in ("orr", "bic") and isinstance(parsed[1], ImmediateOperand)


def _decode_branch(mnemonic: str, parsed: tuple[Operand, ...]) -> Operands:
    reads = [part for operand in parsed for part in _parts(operand)]
    if mnemonic == "ret" and not parsed:
        reads = [RegisterPart(LINK_REGISTER, 64)]
    if mnemonic.startswith("b."):
        reads = [RegisterPart(FLAGS, _FLAG_BITS)]
    writes = (RegisterPart(LINK_REGISTER, 64),) if mnemonic in _CALLS else ()
    return Operands(tuple(reads), writes, (), None, None, None, parsed)


def _decode_load_store(mnemonic: str, parsed: tuple[Operand, ...]) -> Operands:
    is_store = mnemonic.startswith("st")
    data_operands = [operand for operand in parsed if isinstance(operand, RegisterOperand)]
    data = [part for operand in data_operands for part in _parts(operand)]
    named = _SINGLE_ACCESS[mnemonic] if mnemonic in _SINGLE_ACCESS else _PAIR_ACCESS[mnemonic]
    size_bytes = (named or data_operands[0].bits // 8) * len(data_operands)
    return _memory_operands(parsed, data, MemoryAccess(size_bytes, is_store), keeps_data=False)


def _decode_structure(mnemonic: str, parsed: tuple[Operand, ...]) -> Operands | None:
    registers = parsed[0]
    if not isinstance(registers, ListOperand) or not registers.registers:
        return None
    first = registers.registers[0]
    single = registers.lane is not None or mnemonic in _REPLICATE_ACCESS
    element_count = 1 if single else first.bits // (8 * first.element_bytes)
    size_bytes = first.element_bytes * element_count * len(registers.registers)
    access = MemoryAccess(size_bytes, is_store=mnemonic.startswith("st"))
    return _memory_operands(parsed, _parts(registers), access, keeps_data=registers.lane is not None)


def _memory_operands(
    parsed: tuple[Operand, ...], data: list[RegisterPart], access: MemoryAccess, keeps_data: bool
) -> Operands:
    """Combine data registers and address; `keeps_data` marks a load into a lane, which keeps the other lanes."""
    address = _address_of(parsed)
    memory = next((operand for operand in parsed if isinstance(operand, MemoryOperand)), None)
    writeback = memory.base if memory is not None and memory.has_writeback else None
    reads = list(_parts64(address))
    if access.is_store or keeps_data:
        reads += data
    writes = [] if access.is_store else list(data)
    if writeback is not None:
        writes.append(RegisterPart(writeback, 64))
    return Operands(_distinct(reads), tuple(writes), address, None, writeback, access, parsed)


def _address_of(parsed: tuple[Operand, ...]) -> tuple[int, ...]:
    for operand in parsed:
        if isinstance(operand, MemoryOperand):
            return tuple(register for register in (operand.base, operand.index) if register is not None)
    return ()  # a literal: the address is relative to the program counter


def _parts(operand: Operand) -> list[RegisterPart]:
    if isinstance(operand, RegisterOperand):
        return [] if operand.register is None else [RegisterPart(operand.register, operand.bits)]
    if isinstance(operand, ListOperand):
        return [part for register in operand.registers for part in _parts(register)]
    return []


def _parts64(registers: tuple[int, ...]) -> tuple[RegisterPart, ...]:
    return tuple(RegisterPart(register, 64) for register in registers)


def _distinct(parts: list[RegisterPart]) -> tuple[RegisterPart, ...]:
    widest: dict[int, RegisterPart] = {}
    for part in parts:
        if part.register not in widest or widest[part.register].bits < part.bits:
            widest[part.register] = part
    return tuple(widest.values())


def register_name(register: int) -> str:
    """Name a register number as people write it: "x3", "sp", "v17" or "flags"."""
    if register == FLAGS:
        return "flags"
    if register == STACK_POINTER:
        return "sp"
    return f"v{register - FIRST_VECTOR}" if register >= FIRST_VECTOR else f"x{register}"

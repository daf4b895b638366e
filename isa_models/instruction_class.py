"""Group instructions into the classes that core descriptions give timings for.

A core description may time an instruction at any of these levels, and the most specific entry counts:
`MNEMONIC.SHAPE` (`sabd.16b`, `mul.x`, `addp.d`), `MNEMONIC.FORM` (`sabd.q`: any 128-bit result), `CLASS_FORM`
(`simd_absolute_q`), `CLASS` (`simd_absolute`). Where an instruction belongs to a narrower class too
(`alu_shifted_small` within `alu_shifted`), the narrower one is looked up first.
"""

from dataclasses import dataclass

from isa_models.operand_syntax import (
    FIRST_VECTOR,
    FLAGS,
    ListOperand,
    MemoryOperand,
    RegisterOperand,
    ShiftOperand,
)
from isa_models.operands import Operands


@dataclass(frozen=True, slots=True)
class InstructionClass:
    """What a core description may know an instruction by.

    `names`: its classes, the narrowest first; `form`: of its result, "d", "q" or "" for general registers; `shape`: of
    its first register, such as "16b", "s", "x" or ""; `feature`: the ISA extension that it needs.
    """

    mnemonic: str
    names: tuple[str, ...]
    form: str
    shape: str
    feature: str | None

    @property
    def keys(self) -> tuple[str, ...]:
        """Names to look up in a core description, the most specific first."""
        own = [f"{self.mnemonic}.{suffix}" for suffix in (self.shape, self.form) if suffix]
        classes = [f"{name}_{self.form}" if formed else name for name in self.names for formed in (True, False)]
        return tuple(dict.fromkeys(key.removesuffix("_") for key in own + classes))


_SCALAR_CLASSES = {
    "alu": "add sub and orr eor bic orn eon adc sbc ngc neg mvn mov movz movn movk adr adrp",
    "alu_flags": "adds subs ands bics cmp cmn tst negs adcs sbcs ngcs",
    "shift_immediate": "ubfm sbfm ubfx sbfx ubfiz sbfiz uxtb uxth uxtw sxtb sxth sxtw rbit rev rev16 rev32",
    "shift_register": "lslv lsrv asrv rorv",
    "extract": "extr",
    "bitfield_insert": "bfi bfm bfxil bfc",
    "count_bits": "clz cls",
    "select": "csel csinv csetm cinv",
    "select_increment": "csinc cset cinc csneg cneg",
    "conditional_compare": "ccmp ccmn",
    "multiply_long": "smull umull smaddl umaddl smsubl umsubl smnegl umnegl",
    "multiply_high": "smulh umulh",
    "crc": "crc32b crc32h crc32w crc32x crc32cb crc32ch crc32cw crc32cx",
    "nop": "nop hint yield dmb dsb isb bti",
    "prefetch": "prfm prfum",
    "branch": "b cbz cbnz tbz tbnz",
    "branch_link": "bl",
    "branch_link_register": "blr",
    "branch_register": "br",
    "return": "ret",
}
_SIMD_CLASSES = {
    "simd_logic": "and orr eor bic orn not mvn",
    "simd_arithmetic": "add sub neg smax smin umax umin smaxp sminp umaxp uminp cmeq cmge cmgt cmhi cmhs cmle cmlt"
    " shadd uhadd shsub uhsub srhadd urhadd",
    "simd_test": "cmtst",
    "simd_saturating": "sqadd uqadd sqsub uqsub sqneg sqabs suqadd usqadd",
    "simd_add_long": "saddl uaddl ssubl usubl saddl2 uaddl2 ssubl2 usubl2"
    " saddw uaddw ssubw usubw saddw2 uaddw2 ssubw2 usubw2",
    "simd_add_pairwise": "addp",
    "simd_add_pairwise_long": "saddlp uaddlp",
    "simd_add_pairwise_accumulate": "sadalp uadalp",
    "simd_absolute": "abs sabd uabd sabdl uabdl sabdl2 uabdl2",
    "simd_absolute_accumulate": "saba uaba",
    "simd_absolute_accumulate_long": "sabal uabal sabal2 uabal2",
    "simd_count": "cnt clz",
    "simd_count_sign": "cls",
    "simd_select": "bsl bit bif",
    "simd_shift": "shl sshr ushr sshll ushll sshll2 ushll2 shll shll2 sxtl uxtl sxtl2 uxtl2",
    "simd_shift_narrow": "shrn shrn2",
    "simd_shift_round": "srshr urshr",
    "simd_shift_round_narrow": "rshrn rshrn2",
    "simd_shift_accumulate": "ssra usra",
    "simd_shift_round_accumulate": "srsra ursra",
    "simd_shift_insert": "sli sri",
    "simd_shift_register": "sshl ushl",
    "simd_shift_round_register": "srshl urshl",
    "simd_shift_saturating": "sqshlu",
    "simd_shift_saturating_register": "sqrshl uqrshl",
    "simd_narrow": "xtn xtn2",
    "simd_narrow_saturating": "sqxtn uqxtn sqxtun sqxtn2 uqxtn2 sqxtun2 sqshrn uqshrn sqshrun sqrshrn uqrshrn sqrshrun"
    " sqshrn2 uqshrn2 sqshrun2 sqrshrn2 uqrshrn2 sqrshrun2",
    "simd_add_narrow": "addhn subhn addhn2 subhn2",
    "simd_add_narrow_round": "raddhn rsubhn raddhn2 rsubhn2",
    "simd_permute": "zip1 zip2 uzp1 uzp2 trn1 trn2 ext rev16 rev32 rev64 rbit",
    "simd_immediate": "movi mvni",
    "simd_multiply": "mul mla mls sqdmulh sqrdmulh",
    "simd_multiply_polynomial": "pmul",
    "simd_multiply_polynomial_long": "pmull pmull2",
    "simd_multiply_long": "smull umull smull2 umull2 sqdmull sqdmull2",
    "simd_multiply_accumulate_long": "smlal umlal smlsl umlsl smlal2 umlal2 smlsl2 umlsl2",
    "simd_multiply_accumulate_long_saturating": "sqdmlal sqdmlal2 sqdmlsl sqdmlsl2",
    "simd_dot": "udot sdot",
    "fp_add": "fadd fsub fabd faddp",
    "fp_compare_mask": "fcmeq fcmge fcmgt fcmle fcmlt",
    "fp_sign": "fabs fneg",
    "fp_minmax": "fmax fmin fmaxnm fminnm",
    "fp_multiply": "fmul fnmul",
    "fp_multiply_accumulate": "fmla fmls",
    "fp_fused": "fmadd fmsub fnmadd fnmsub",
    "fp_divide": "fdiv",
    "fp_square_root": "fsqrt",
    "fp_convert": "fcvt fcvtl fcvtl2 fcvtn fcvtn2 fcvtzs fcvtzu fcvtns fcvtnu fcvtas fcvtau fcvtms fcvtmu fcvtps fcvtpu"
    " scvtf ucvtf"
    " frinta frinti frintm frintn frintp frintx frintz",
    "fp_compare": "fcmp fcmpe",
    "fp_select": "fcsel",
}
_FEATURES = {"udot": "dotprod", "sdot": "dotprod"}


def _invert(classes: dict[str, str]) -> dict[str, str]:
    return {mnemonic: name for name, mnemonics in classes.items() for mnemonic in mnemonics.split()}


_SCALAR_CLASS_OF = _invert(_SCALAR_CLASSES)
_SIMD_CLASS_OF = _invert(_SIMD_CLASSES)
_REDUCTIONS = {
    **dict.fromkeys(("addv", "saddlv", "uaddlv"), "simd_reduce_add"),
    **dict.fromkeys(("smaxv", "sminv", "umaxv", "uminv"), "simd_reduce_minmax"),
}
_SHIFTABLE = {"alu", "alu_flags"}


def classify(mnemonic: str, operands: Operands) -> InstructionClass | None:
    """Return the class of an instruction that `operands.decode` supports, or None when no class holds it."""
    name = _class_name(mnemonic, operands)
    if name is None:
        return None
    return InstructionClass(mnemonic, (name,), _form(operands), _shape(operands), _FEATURES.get(mnemonic))


def _class_name(mnemonic: str, operands: Operands) -> str | None:
    if operands.memory is not None:
        return _memory_class(mnemonic, operands)
    if mnemonic.startswith("b."):
        return "branch"
    first = operands.parsed[0] if operands.parsed else None
    registers = [operand for operand in operands.parsed if isinstance(operand, RegisterOperand)]
    if not any(register.is_vector for register in registers):
        return _scalar_class(mnemonic, operands)
    assert isinstance(first, RegisterOperand)  # noqa: S101  # vector instructions name a register first
    if mnemonic in ("mov", "ins", "umov", "smov", "dup", "fmov"):
        return _move_class(mnemonic, registers)
    if mnemonic in _REDUCTIONS:
        return f"{_REDUCTIONS[mnemonic]}_{registers[1].arrangement}"
    if mnemonic in ("tbl", "tbx"):
        return f"simd_{mnemonic}_{_list_length(operands)}"
    if mnemonic in ("sqshl", "uqshl"):
        return "simd_shift_saturating" if len(registers) == 2 else "simd_shift_saturating_register"
    if mnemonic in _SIMD_CLASS_OF:
        by_element = "_element" if mnemonic in ("mul", "mla", "mls") and registers[-1].lane is not None else ""
        return _SIMD_CLASS_OF[mnemonic] + by_element
    return None


def _scalar_class(mnemonic: str, operands: Operands) -> str | None:
    if mnemonic in ("lsl", "lsr", "asr", "ror"):
        by_register = all(isinstance(operand, RegisterOperand) for operand in operands.parsed)
        return "shift_register" if by_register else "shift_immediate"
    if mnemonic in ("mul", "mneg", "madd", "msub", "udiv", "sdiv"):
        return _multiply_or_divide_class(mnemonic, operands)
    name = _SCALAR_CLASS_OF.get(mnemonic)
    if name in _SHIFTABLE and _shifts_register(operands):
        return f"{name}_shifted"
    return name


def _shifts_register(operands: Operands) -> bool:
    """Whether the last source is a register that is shifted or extended on the way (not a shifted immediate)."""
    if len(operands.parsed) < 2 or not isinstance(operands.parsed[-1], ShiftOperand):
        return False
    return isinstance(operands.parsed[-2], RegisterOperand) and len(operands.parsed) > 2


def _multiply_or_divide_class(mnemonic: str, operands: Operands) -> str:
    first = operands.parsed[0]
    width = "x" if isinstance(first, RegisterOperand) and first.bits == 64 else "w"
    if mnemonic in ("udiv", "sdiv"):
        return f"divide_{width}"
    return f"multiply_add_{width}" if mnemonic in ("madd", "mneg") else f"multiply_{width}"


def _move_class(mnemonic: str, registers: list[RegisterOperand]) -> str:
    """Class of a move within, into or out of the Advanced SIMD registers."""
    if len(registers) == 1:
        return "simd_immediate"  # fmov v0.4s, #1.0
    destination, source = registers[0], registers[1]
    if not destination.is_vector:
        return "simd_to_general_fmov" if mnemonic == "fmov" and source.lane is None else "simd_to_general"
    if not source.is_vector:
        if mnemonic == "dup":
            return "simd_dup_general"
        return "simd_from_general_fmov" if mnemonic == "fmov" and destination.lane is None else "simd_insert_general"
    if destination.lane is not None:
        return "simd_insert"
    return "simd_permute" if mnemonic == "dup" or source.lane is not None else "simd_move"


def _memory_class(mnemonic: str, operands: Operands) -> str:
    direction = "store" if operands.memory is not None and operands.memory.is_store else "load"
    first = operands.parsed[0]
    if isinstance(first, ListOperand):
        return _structure_class(mnemonic, first)
    assert isinstance(first, RegisterOperand)  # noqa: S101  # the decoder made a MemoryAccess from it
    pair = "_pair" if mnemonic in ("ldp", "ldnp", "ldpsw", "stp", "stnp") else ""
    if first.is_vector:
        return f"{direction}{pair}_vector"
    if direction == "store":
        return f"store{pair}"
    narrow = "_signed_word" if mnemonic == "ldpsw" else "_w" if pair and first.bits == 32 else ""
    if not pair and mnemonic not in ("ldr", "ldur"):
        narrow = "_narrow"
    indexed = any(isinstance(operand, MemoryOperand) and operand.index is not None for operand in operands.parsed)
    return f"load{pair}{narrow}" + ("_indexed" if indexed and not pair else "")


def _structure_class(mnemonic: str, registers: ListOperand) -> str:
    """ld1_3, st1_2 (whole registers), ld2_2 or ld2_2_doubleword (interleaved), ld1_lane, ld1r."""
    if mnemonic.endswith("r"):
        return mnemonic
    if registers.lane is not None:
        return f"{mnemonic}_lane_{registers.registers[0].arrangement}"
    if mnemonic.endswith("1"):
        return f"{mnemonic}_{len(registers.registers)}"
    doubleword = "_doubleword" if registers.registers[0].element_bytes == 8 else ""
    return f"{mnemonic}{doubleword}"


def _list_length(operands: Operands) -> int:
    return next(len(operand.registers) for operand in operands.parsed if isinstance(operand, ListOperand))


def _form(operands: Operands) -> str:
    """Return "q" for a 128-bit result (or stored register), "d" for a narrower one, "" without vector registers."""
    candidates = list(operands.writes)
    if operands.memory is not None and operands.memory.is_store:
        candidates += operands.reads
    bits = [part.bits for part in candidates if FIRST_VECTOR <= part.register < FLAGS]
    if not bits:
        return ""
    return "q" if max(bits) == 128 else "d"


def _shape(operands: Operands) -> str:
    """Arrangement of the first vector register (of a list: of its registers), or width of the first general one."""
    first = operands.parsed[0] if operands.parsed else None
    if isinstance(first, ListOperand):
        first = first.registers[0]
    if not isinstance(first, RegisterOperand):
        return ""
    if not first.is_vector:
        return "x" if first.bits == 64 else "w"
    return first.arrangement or {8: "b", 16: "h", 32: "s", 64: "d", 128: "q"}[first.bits]

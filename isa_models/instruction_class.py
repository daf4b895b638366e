"""Group instructions into the classes that core descriptions give timings for.

A core description may time an instruction at any of these levels, and the most specific entry counts:
`MNEMONIC.SHAPE` (`sabd.16b`, `mul.x`, `addp.d`), `MNEMONIC.FORM` (`sabd.q`: any 128-bit result), `CLASS_FORM`
(`simd_absolute_q`), `CLASS` (`simd_absolute`). Where an instruction belongs to a narrower class too
(`alu_shifted_small` within `alu_shifted`), the narrower one is looked up first.
"""

from dataclasses import dataclass

from isa_models.class_table import SCALAR_CLASS_OF, SIMD_CLASS_OF, has_wider, with_wider
from isa_models.isa_features import feature_of
from isa_models.operand_syntax import (
    FIRST_VECTOR,
    FLAGS,
    STACK_POINTER,
    ImmediateOperand,
    ListOperand,
    MemoryOperand,
    Operand,
    RegisterOperand,
    ShiftOperand,
)
from isa_models.operand_table import bytes_per_register
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


_ORDERED_CLASSES = {
    **dict.fromkeys(("ldar", "ldapr", "ldapur", "ldapurs", "ldapursw"), "load_acquire"),
    **dict.fromkeys(("ldxr", "ldaxr"), "load_exclusive"),
    **dict.fromkeys(("ldxp", "ldaxp"), "load_exclusive_pair"),
    **dict.fromkeys(("stlr", "stlur"), "store_release"),
    **dict.fromkeys(("stxr", "stlxr"), "store_exclusive"),
    **dict.fromkeys(("stxp", "stlxp"), "store_exclusive_pair"),
}
_SMALL_SHIFTS = range(1, 5)
_EXTENSIONS = ("uxtb", "uxth", "uxtw", "uxtx", "sxtb", "sxth", "sxtw", "sxtx")
_SHIFTABLE = ("alu", "alu_flags", "logic", "logic_flags", "compare", "test")
_REDUCTIONS = {
    "addv": "simd_reduce_add",
    "saddlv": "simd_reduce_add",
    "uaddlv": "simd_reduce_add",
    **dict.fromkeys(("smaxv", "sminv", "umaxv", "uminv"), "simd_reduce_minmax"),
    **dict.fromkeys(("fmaxv", "fminv", "fmaxnmv", "fminnmv"), "fp_reduce_minmax"),
}
_BETWEEN_FILES = {"fp_to_integer": "fp_to_general", "fp_from_integer": "fp_from_general"}
_MOVES = ("mov", "umov", "smov", "dup", "fmov")


def classify(mnemonic: str, operands: Operands) -> InstructionClass | None:
    """Return the class of an instruction that `operands.decode` supports, or None when no class holds it."""
    name = _narrowest_class(mnemonic, operands)
    if name is None:
        return None
    names = with_wider(name)
    return InstructionClass(mnemonic, names, _form(operands), _shape(operands), feature_of(mnemonic, operands))


def _narrowest_class(mnemonic: str, operands: Operands) -> str | None:
    if operands.memory is not None:
        return _memory_class(mnemonic, operands)
    if mnemonic.startswith("b."):
        return "branch_conditional"
    registers = [operand for operand in operands.parsed if isinstance(operand, RegisterOperand)]
    if any(register.is_vector for register in registers):
        return _simd_class(mnemonic, operands, registers)
    return _scalar_class(mnemonic, operands)


def _scalar_class(mnemonic: str, operands: Operands) -> str | None:
    last = operands.parsed[-1] if operands.parsed else None
    if mnemonic == "mov":
        return _scalar_move_class(operands)
    if mnemonic in ("lsl", "lsr", "asr", "ror"):
        if isinstance(last, RegisterOperand):
            return "shift_register"
        return "rotate_immediate" if mnemonic == "ror" else "shift_immediate"
    if mnemonic in ("mul", "mneg", "madd", "msub", "udiv", "sdiv"):
        return _multiply_or_divide_class(mnemonic, operands)
    name = SCALAR_CLASS_OF.get(mnemonic)
    if (
        name is not None
        and name in _SHIFTABLE
        and isinstance(last, ShiftOperand)
        and isinstance(operands.parsed[-2], RegisterOperand)
    ):
        return _shifted_class(name, last)
    return name


def _scalar_move_class(operands: Operands) -> str:
    source = operands.parsed[1]
    if isinstance(source, ImmediateOperand):
        return "move_zero" if source.is_zero else "move_immediate"
    assert isinstance(source, RegisterOperand)  # noqa: S101  # a move takes a register or an immediate
    if source.register == STACK_POINTER or operands.writes[0].register == STACK_POINTER:
        return "alu"  # an addition of zero
    return "move_zero" if source.register is None else "move_register"


def _shifted_class(name: str, shift: ShiftOperand) -> str:
    """Class of an operation whose last source is a register that is shifted or extended on the way."""
    if shift.kind in _EXTENSIONS:
        return f"{name}_extended"
    is_small = shift.kind == "lsl" and shift.amount in _SMALL_SHIFTS
    return f"{name}_shifted_small" if is_small else f"{name}_shifted"


def _multiply_or_divide_class(mnemonic: str, operands: Operands) -> str:
    first = operands.parsed[0]
    width = "x" if isinstance(first, RegisterOperand) and first.bits == 64 else "w"
    if mnemonic in ("udiv", "sdiv"):
        return f"divide_{width}"
    return f"multiply_add_{width}" if mnemonic in ("madd", "mneg") else f"multiply_{width}"


def _simd_class(mnemonic: str, operands: Operands, registers: list[RegisterOperand]) -> str | None:
    if mnemonic in _MOVES:
        return _move_class(mnemonic, registers)
    if mnemonic in _REDUCTIONS:
        return f"{_REDUCTIONS[mnemonic]}_{registers[1].arrangement}"
    if mnemonic in ("tbl", "tbx"):
        return f"simd_{mnemonic}_{_list_length(operands)}"
    if mnemonic in ("sqshl", "uqshl"):
        return "simd_shift_saturating" if len(registers) == 2 else "simd_shift_saturating_register"
    name = SIMD_CLASS_OF.get(mnemonic)
    if name is None:
        return None
    if mnemonic == "movi":
        return "simd_zero" if _is_zero(operands.parsed[1]) else name
    if not all(register.is_vector for register in registers):
        return _BETWEEN_FILES.get(name)
    variant = name + _variant(operands)
    return variant if has_wider(variant) else name


def _variant(operands: Operands) -> str:
    """Return what may set an operation apart from the one on whole registers: a lane, zero or another immediate."""
    registers = [operand for operand in operands.parsed if isinstance(operand, RegisterOperand)]
    if registers and registers[-1].lane is not None:
        return "_element"
    if _is_zero(operands.parsed[-1]):
        return "_zero"
    return "_immediate" if isinstance(operands.parsed[1], ImmediateOperand) else ""


def _is_zero(operand: Operand) -> bool:
    return isinstance(operand, ImmediateOperand) and operand.is_zero


def _move_class(mnemonic: str, registers: list[RegisterOperand]) -> str:
    """Class of a move within, into or out of the Advanced SIMD registers."""
    if len(registers) == 1:
        return "fp_immediate"
    destination, source = registers[0], registers[1]
    if not destination.is_vector:
        return "simd_to_general_fmov" if mnemonic == "fmov" and source.lane is None else "simd_to_general"
    if not source.is_vector:
        if mnemonic == "dup":
            return "simd_dup_general"
        if mnemonic == "fmov":
            return "simd_from_general_fmov" if destination.lane is None else "simd_insert_general_fmov"
        return "simd_insert_general"
    if destination.lane is not None:
        return "simd_insert"
    return "simd_duplicate" if mnemonic == "dup" or source.lane is not None else "simd_move"


def _memory_class(mnemonic: str, operands: Operands) -> str:
    first = operands.parsed[0]
    if isinstance(first, ListOperand):
        return _structure_class(mnemonic, first)
    assert isinstance(first, RegisterOperand)  # noqa: S101  # the decoder made a MemoryAccess from it
    assert operands.memory is not None  # noqa: S101  # the caller has looked
    if operands.memory.is_atomic:
        return _atomic_class(mnemonic)
    direction = "store" if operands.memory.is_store else "load"
    if mnemonic in ("ldp", "ldnp", "ldpsw", "stp", "stnp"):
        return _pair_class(mnemonic, direction, first)
    if first.is_vector:
        name = f"{direction}_vector"
    elif bytes_per_register(mnemonic) is None:
        name = direction
    else:
        name = f"{direction}_narrow"
    ordered = _ORDERED_CLASSES.get(mnemonic.rstrip("bh"))
    if ordered is not None:
        return name.replace(direction, ordered)
    variant = name + _address_variant(operands)
    return variant if has_wider(variant) else variant.removesuffix("_scaled")


def _atomic_class(mnemonic: str) -> str:
    if mnemonic.startswith("casp"):
        return "atomic_compare_pair"
    if mnemonic.startswith("cas"):
        return "atomic_compare"
    if mnemonic.startswith("swp"):
        return "atomic_swap"
    return "atomic_store" if mnemonic.startswith("st") else "atomic_operation"


def _address_variant(operands: Operands) -> str:
    """Return how the address is formed where that may take time: a literal, a scaled or plain index."""
    address = next((operand for operand in operands.parsed if isinstance(operand, MemoryOperand)), None)
    if address is None:
        return "_literal"
    if address.index is None:
        return ""
    return "_indexed_scaled" if address.is_scaled else "_indexed"


def _pair_class(mnemonic: str, direction: str, first: RegisterOperand) -> str:
    if first.is_vector:
        return f"{direction}_pair_vector"
    if direction == "store":
        return "store_pair"
    narrow = "_signed_word" if mnemonic == "ldpsw" else "_w" if first.bits == 32 else ""
    return f"load_pair{narrow}"


def _structure_class(mnemonic: str, registers: ListOperand) -> str:
    """ld1_3, st1_2 (whole registers), ld2 or ld2_doubleword (interleaved), ld1_lane_b, ld1r."""
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

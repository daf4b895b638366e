"""What an instruction that the emulator refuses would need, told by its encoding and class."""

from __future__ import annotations

from isa_models.errors import UnsupportedInstructionError
from isa_models.instruction_class import classify
from isa_models.isa_features import feature_of_mnemonic
from isa_models.operands import decode
from isa_models.program import Instruction

SYSTEM_CALLS = ("hlt", "hvc")
"""Mnemonics, besides SVC and BRK, of calls to what lies beneath a function."""

_TAGGING = (
    *("irg", "gmi", "addg", "subg", "subp", "subps"),
    *("ldg", "stg", "stzg", "st2g", "stz2g", "stgp", "ldgm", "stgm", "stzgm"),
)
"""Mnemonics of the Memory Tagging Extension."""


def needed_feature(instruction: Instruction) -> str | None:
    """Return the ISA feature that an instruction needs, such as "sve" or "i8mm"; None for one of the base set.

    Encoding groups after Arm DDI 0487, C4.1 "A64 instruction set encoding".
    """
    group = instruction.word >> 25 & 0b1111
    if group == 0b0010:
        return "sve"
    if group == 0 and instruction.word >> 31:
        return "sme"
    if instruction.mnemonic in _TAGGING:
        return "mte"
    try:
        kind = classify(instruction.mnemonic, decode(instruction))
    except UnsupportedInstructionError:
        return feature_of_mnemonic(instruction.mnemonic)
    return None if kind is None else kind.feature

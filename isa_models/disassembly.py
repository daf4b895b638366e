"""The text of single instructions, by Capstone; kernels have most of them in common, so texts are remembered."""

from __future__ import annotations

import threading
from functools import lru_cache

import capstone

from isa_models.addressing import is_relative
from isa_models.program import DATA_MNEMONIC
from isa_models.register_flow import ends_block

_own = threading.local()  # a disassembler must not be used by two threads at once


def instruction_text(word: int, address: int) -> tuple[str, str]:
    """Return mnemonic and operands of the instruction `word` at `address`; where it is none, those of data."""
    return _text(word, address if _names_address(word) else 0)


def data_text(word: int) -> tuple[str, str]:
    """Return mnemonic and operands of a word that is data."""
    return DATA_MNEMONIC, f"{word:#010x}"


@lru_cache(maxsize=1 << 15)
def _names_address(word: int) -> bool:
    """Whether the text depends on the address: of branches, and of what is relative to it."""
    return ends_block(word) or is_relative(word)


@lru_cache(maxsize=1 << 15)
def _text(word: int, address: int) -> tuple[str, str]:
    for _, _, mnemonic, operands in _disassembler().disasm_lite(word.to_bytes(4, "little"), address):
        return mnemonic, operands
    return data_text(word)


def _disassembler() -> capstone.Cs:
    if not hasattr(_own, "disassembler"):
        _own.disassembler = capstone.Cs(capstone.CS_ARCH_ARM64, capstone.CS_MODE_LITTLE_ENDIAN)
    found: capstone.Cs = _own.disassembler
    return found

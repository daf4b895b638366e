"""Which extension of the A64 instruction set an instruction needs beyond Armv8.0, by the names that compilers use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isa_models.operand_syntax import RegisterOperand
from isa_models.operand_table import ATOMIC_ROLES, ROLES

if TYPE_CHECKING:
    from isa_models.operands import Operands

_MNEMONICS = {
    "crc": "crc32b crc32h crc32w crc32x crc32cb crc32ch crc32cw crc32cx",
    "rdm": "sqrdmlah sqrdmlsh",
    "dotprod": "udot sdot",
    "fcma": "fcadd fcmla",
    "fp16fml": "fmlal fmlal2 fmlsl fmlsl2",
    "frintts": "frint32z frint32x frint64z frint64x",
    "jscvt": "fjcvtzs",
    "rcpc": "ldapr ldaprb ldaprh",
    "rcpc-immo": "ldapur ldapurb ldapurh ldapursb ldapursh ldapursw stlur stlurb stlurh",
    "flagm": "cfinv rmif setf8 setf16",
    "altnzcv": "axflag xaflag",
    "aes": "aese aesd aesmc aesimc",
    "sha2": "sha1c sha1m sha1p sha1h sha1su0 sha1su1 sha256h sha256h2 sha256su0 sha256su1",
    "sha3": "sha512h sha512h2 sha512su0 sha512su1 eor3 bcax rax1 xar",
    "sm4": "sm3tt1a sm3tt1b sm3tt2a sm3tt2b sm3partw1 sm3partw2 sm3ss1 sm4e sm4ekey",
    "lse": " ".join(mnemonic for mnemonic, role in ROLES.items() if role in ATOMIC_ROLES),
}
# Of cores that have them; but their instructions are refused, with these names.
_NOT_EMULATED = {
    "i8mm": "usdot sudot smmla ummla usmmla",
    "bf16": "bfdot bfmmla bfmlalb bfmlalt bfcvt bfcvtn bfcvtn2",
    "pauth": "retaa retab braa braaz brab brabz blraa blraaz blrab blrabz ldraa ldrab pacga xpaci xpacd"
    " pacia paciza pacib pacizb pacda pacdza pacdb pacdzb autia autiza autib autizb autda autdza autdb autdzb",
}
_FEATURE_OF = {
    mnemonic: feature for feature, mnemonics in (_MNEMONICS | _NOT_EMULATED).items() for mnemonic in mnemonics.split()
}
_CONVERTS_HALVES = ("fcvt", "fcvtl", "fcvtl2", "fcvtn", "fcvtn2")

FEATURES = (*_MNEMONICS, "fp16")
"""All names that `feature_of` may return."""

DECLARABLE_FEATURES = (*FEATURES, *_NOT_EMULATED)
"""What a core description may list: the emulated extensions, and those that only errors name."""


def feature_of_mnemonic(mnemonic: str) -> str | None:
    """Return the extension that brought a mnemonic, None for one that Armv8.0 has."""
    return _FEATURE_OF.get(mnemonic)


def feature_of(mnemonic: str, operands: Operands) -> str | None:
    """Return the extension that an instruction needs, None where every Armv8.0 core with Advanced SIMD has it."""
    feature = feature_of_mnemonic(mnemonic)
    if feature is not None:
        return feature
    registers = [operand for operand in operands.parsed if isinstance(operand, RegisterOperand) and operand.is_vector]
    if mnemonic in ("pmull", "pmull2") and registers[0].element_bytes == 16:
        return "aes"
    is_floating = mnemonic.startswith("f") or mnemonic in ("scvtf", "ucvtf")
    if is_floating and mnemonic not in _CONVERTS_HALVES and any(register.element_bytes == 2 for register in registers):
        return "fp16"
    return None

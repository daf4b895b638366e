"""An instruction, as disassembled, for each class that core descriptions may give a timing for."""

from __future__ import annotations

import re
from functools import cache

from isa_models.instruction_class import InstructionClass, classify
from isa_models.operands import decode
from isa_models.program import Instruction

_SCALAR = """
add x0, x1, x2; adds x0, x1, x2; adc x0, x1, x2; adcs x0, x1, x2; cmp x0, x1; tst x0, x1; and x0, x1, x2
ands x0, x1, x2; add x0, x1, x2, lsl #3; add x0, x1, x2, lsl #12; add x0, x1, w2, uxtw; and x0, x1, x2, lsl #3
and x0, x1, x2, lsl #12; adds x0, x1, x2, lsl #3; adds x0, x1, x2, lsl #12; adds x0, x1, w2, uxtw
ands x0, x1, x2, lsl #3; ands x0, x1, x2, lsl #12; cmp x0, x1, lsl #3; cmp x0, x1, lsl #12; cmp x0, w1, uxtw
tst x0, x1, lsl #3; tst x0, x1, lsl #12; mov x0, x1; mov x0, #0; mov x0, #1; movk x0, #1; adr x0, #0x1000
ubfx x0, x1, #3, #8; lsl x0, x1, #3; ror x0, x1, #3; uxtb w0, w1; rbit x0, x1; lsl x0, x1, x2; extr x0, x1, x2, #3
bfi x0, x1, #3, #8; clz x0, x1; csel x0, x1, x2, eq; csinv x0, x1, x2, eq; csinc x0, x1, x2, eq
ccmp x0, x1, #0, eq; cfinv; mul w0, w1, w2; mul x0, x1, x2; madd w0, w1, w2, w3; madd x0, x1, x2, x3
smull x0, w1, w2; smaddl x0, w1, w2, x3; smulh x0, x1, x2; udiv w0, w1, w2; udiv x0, x1, x2; crc32b w0, w1, w2
nop; yield; dmb ish; mrs x0, nzcv; msr nzcv, x0; prfm pldl1keep, [x0]; b #0x1000; b.eq #0x1000; cbz x0, #0x1000
tbz w0, #3, #0x1000; bl #0x1000; blr x0; br x0; ret
"""

_MEMORY = """
ldr x0, [x1]; ldr x0, #0x1000; ldr x0, [x1, x2]; ldr x0, [x1, x2, lsl #3]; ldar x0, [x1]; ldxr x0, [x1]
ldrb w0, [x1]; ldrsw x0, #0x1000; ldrb w0, [x1, x2]; ldrh w0, [x1, x2, lsl #1]; ldarb w0, [x1]; ldxrb w0, [x1]
ldp x0, x1, [x2]; ldp w0, w1, [x2]; ldpsw x0, x1, [x2]; ldxp x0, x1, [x2]
ldr q0, [x1]; ldr d0, [x1]; ldr q0, #0x1000; ldr d0, #0x1000; ldr q0, [x1, x2]; ldr d0, [x1, x2]
ldr q0, [x1, x2, lsl #4]; ldr d0, [x1, x2, lsl #3]; ldp q0, q1, [x2]; ldp d0, d1, [x2]
str x0, [x1]; str x0, [x1, x2]; str x0, [x1, x2, lsl #3]; strb w0, [x1]; strb w0, [x1, x2]
strh w0, [x1, x2, lsl #1]; stlr x0, [x1]; stlrb w0, [x1]; stxr w0, x1, [x2]; stxrb w0, w1, [x2]
stp x0, x1, [x2]; stxp w0, x1, x2, [x3]; str q0, [x1]; str d0, [x1]; str q0, [x1, x2]; str d0, [x1, x2]
str q0, [x1, x2, lsl #4]; str d0, [x1, x2, lsl #3]; stp q0, q1, [x2]; stp d0, d1, [x2]
ldadd x0, x1, [x2]; swp x0, x1, [x2]; stadd x0, [x1]; cas x0, x1, [x2]; casp x0, x1, x2, x3, [x4]
ld1r {v0.16b}, [x0]; ld2r {v0.16b, v1.16b}, [x0]; ld3r {v0.16b, v1.16b, v2.16b}, [x0]
ld4r {v0.16b, v1.16b, v2.16b, v3.16b}, [x0]
"""

# Here and below, those whose arrangements are all of 128 bits stand for their 64-bit forms too.
_SIMD = """
eor v0.16b, v1.16b, v2.16b; mvn v0.16b, v1.16b; orr v0.8h, #1; eor3 v0.16b, v1.16b, v2.16b, v3.16b
rax1 v0.2d, v1.2d, v2.2d; add v0.16b, v1.16b, v2.16b; smax v0.16b, v1.16b, v2.16b; smaxp v0.16b, v1.16b, v2.16b
cmhi v0.16b, v1.16b, v2.16b; cmgt v0.16b, v1.16b, #0; shadd v0.16b, v1.16b, v2.16b; cmtst v0.16b, v1.16b, v2.16b
sqadd v0.16b, v1.16b, v2.16b; sqneg v0.16b, v1.16b; suqadd v0.16b, v1.16b; saddl v0.8h, v1.8b, v2.8b
saddw v0.8h, v1.8h, v2.8b; addp v0.16b, v1.16b, v2.16b; saddlp v0.8h, v1.16b; uadalp v0.8h, v1.16b; abs v0.16b, v1.16b
sabd v0.16b, v1.16b, v2.16b; sabdl v0.8h, v1.8b, v2.8b; saba v0.16b, v1.16b, v2.16b; sabal v0.8h, v1.8b, v2.8b
cnt v0.16b, v1.16b; cls v0.16b, v1.16b; bsl v0.16b, v1.16b, v2.16b; shl v0.16b, v1.16b, #3; sshll v0.8h, v1.8b, #3
shrn v0.8b, v1.8h, #3; shrn2 v0.16b, v1.8h, #3; srshr v0.16b, v1.16b, #3; rshrn v0.8b, v1.8h, #3
rshrn2 v0.16b, v1.8h, #3; ssra v0.16b, v1.16b, #3; srsra v0.16b, v1.16b, #3; sli v0.16b, v1.16b, #3
sshl v0.16b, v1.16b, v2.16b; srshl v0.16b, v1.16b, v2.16b; sqshl v0.16b, v1.16b, #3; sqshl v0.16b, v1.16b, v2.16b
xtn v0.8b, v1.8h; xtn2 v0.16b, v1.8h; sqxtn v0.8b, v1.8h; sqxtn2 v0.16b, v1.8h; sqshrn v0.8b, v1.8h, #3
sqshrn2 v0.16b, v1.8h, #3; addhn v0.8b, v1.8h, v2.8h; addhn2 v0.16b, v1.8h, v2.8h; raddhn v0.8b, v1.8h, v2.8h
raddhn2 v0.16b, v1.8h, v2.8h; zip1 v0.16b, v1.16b, v2.16b; ext v0.16b, v1.16b, v2.16b, #3; rev64 v0.16b, v1.16b
rbit v0.16b, v1.16b; dup v0.16b, v1.b[3]; movi v0.16b, #1; movi v0.16b, #0; movi d0, #0; fmov v0.4s, #1.00000000
mul v0.8h, v1.8h, v2.8h; mul v0.8h, v1.8h, v2.h[3]; mul v0.4h, v1.4h, v2.h[3]; mla v0.8h, v1.8h, v2.8h
mla v0.8h, v1.8h, v2.h[3]; mla v0.4h, v1.4h, v2.h[3]; sqdmulh v0.8h, v1.8h, v2.8h; sqdmulh v0.8h, v1.8h, v2.h[3]
sqdmulh v0.4h, v1.4h, v2.h[3]; sqrdmlah v0.8h, v1.8h, v2.8h; sqrdmlah v0.8h, v1.8h, v2.h[3]
sqrdmlah v0.4h, v1.4h, v2.h[3]; pmul v0.16b, v1.16b, v2.16b; pmull v0.8h, v1.8b, v2.8b; smull v0.4s, v1.4h, v2.4h
smull v0.4s, v1.4h, v2.h[3]; sqdmull v0.4s, v1.4h, v2.4h; sqdmull v0.4s, v1.4h, v2.h[3]; smlal v0.4s, v1.4h, v2.4h
smlal v0.4s, v1.4h, v2.h[3]; sqdmlal v0.4s, v1.4h, v2.4h; sqdmlal v0.4s, v1.4h, v2.h[3]
udot v0.4s, v1.16b, v2.16b; udot v0.4s, v1.16b, v2.4b[1]; udot v0.2s, v1.8b, v2.4b[1]; urecpe v0.4s, v1.4s
addv b0, v1.16b; addv h0, v1.8h; addv s0, v1.4s; smaxv b0, v1.16b; smaxv h0, v1.8h; smaxv s0, v1.4s
tbl v0.16b, {v1.16b}, v2.16b; tbl v0.8b, {v1.16b}, v2.8b; tbl v0.16b, {v1.16b, v2.16b}, v3.16b
tbl v0.8b, {v1.16b, v2.16b}, v3.8b; tbl v0.16b, {v1.16b, v2.16b, v3.16b}, v4.16b
tbl v0.8b, {v1.16b, v2.16b, v3.16b}, v4.8b; tbl v0.16b, {v1.16b, v2.16b, v3.16b, v4.16b}, v5.16b
tbl v0.8b, {v1.16b, v2.16b, v3.16b, v4.16b}, v5.8b; tbx v0.16b, {v1.16b}, v2.16b; tbx v0.8b, {v1.16b}, v2.8b
tbx v0.16b, {v1.16b, v2.16b}, v3.16b; tbx v0.8b, {v1.16b, v2.16b}, v3.8b
tbx v0.16b, {v1.16b, v2.16b, v3.16b}, v4.16b; tbx v0.8b, {v1.16b, v2.16b, v3.16b}, v4.8b
tbx v0.16b, {v1.16b, v2.16b, v3.16b, v4.16b}, v5.16b; tbx v0.8b, {v1.16b, v2.16b, v3.16b, v4.16b}, v5.8b
mov v0.16b, v1.16b; mov v0.b[3], v1.b[2]; mov v0.b[3], w1; dup v0.16b, w1; umov w0, v1.b[3]; fmov x0, d1; fmov d0, x1
fmov d0, d1
"""

_FLOATING_POINT = """
fadd v0.4s, v1.4s, v2.4s; fabd v0.4s, v1.4s, v2.4s; faddp v0.4s, v1.4s, v2.4s; fcadd v0.4s, v1.4s, v2.4s, #90
fcmeq v0.4s, v1.4s, v2.4s; fcmeq v0.4s, v1.4s, #0.0; facge v0.4s, v1.4s, v2.4s; fabs v0.4s, v1.4s
fmax v0.4s, v1.4s, v2.4s; fmaxp v0.4s, v1.4s, v2.4s; fmul v0.4s, v1.4s, v2.4s; fmul v0.4s, v1.4s, v2.s[1]
fmul v0.2s, v1.2s, v2.s[1]; fmulx v0.4s, v1.4s, v2.4s; fmulx v0.4s, v1.4s, v2.s[1]; fmulx v0.2s, v1.2s, v2.s[1]
fmla v0.4s, v1.4s, v2.4s; fmla v0.4s, v1.4s, v2.s[1]; fmla v0.2s, v1.2s, v2.s[1]; fmlal v0.4s, v1.4h, v2.4h
fmlal v0.2s, v1.2h, v2.2h; fmlal v0.4s, v1.4h, v2.h[1]; fmlal v0.2s, v1.2h, v2.h[1]; fcmla v0.4s, v1.4s, v2.4s, #90
fcmla v0.4s, v1.4s, v2.s[1], #90; fcmla v0.4h, v1.4h, v2.h[1], #90; fmadd d0, d1, d2, d3; frecps v0.4s, v1.4s, v2.4s
frecpe v0.4s, v1.4s; fdiv v0.4s, v1.4s, v2.4s; fdiv d0, d1, d2; fsqrt v0.4s, v1.4s; fsqrt d0, d1; fcvt d0, s1
fcvtl v0.2d, v1.2s; fcvtn v0.2s, v1.2d; fcvtn2 v0.4s, v1.2d; fcvtzs v0.4s, v1.4s; fcvtzs x0, d1
scvtf v0.4s, v1.4s; scvtf d0, x1; frinta v0.4s, v1.4s; fcmp d0, d1; fcmp d0, #0.0; fccmp d0, d1, #0, eq
fcsel d0, d1, d2, eq; fmaxv s0, v1.4s
"""

_CRYPTOGRAPHY = """
aese v0.16b, v1.16b; aesmc v0.16b, v1.16b; sha1c q0, s1, v2.4s; sha1h s0, s1; sha1su0 v0.4s, v1.4s, v2.4s
sha256h q0, q1, v2.4s; sha256su0 v0.4s, v1.4s; sha512h q0, q1, v2.2d; sha512su0 v0.2d, v1.2d
sm3tt1a v0.4s, v1.4s, v2.s[1]; sm4e v0.4s, v1.4s
"""

_HALF_OF = {"16b": "8b", "8h": "4h", "4s": "2s"}
_FULL = re.compile(r"\b(v\d+)\.(16b|8h|4s)(?!\w)")
_OTHER_VECTOR = re.compile(r"\bv\d+\.(?!(?:16b|8h|4s)(?!\w))|\{|\bq\d")
_ONLY_FULL = ("eor3", "addv s0", "smaxv s0", "fmaxv s0")
"""Starts of examples that have no 64-bit counterpart."""


@cache
def class_examples() -> dict[str, tuple[str, InstructionClass]]:
    """Return an instruction and its class by the class's name, with "_d" or "_q" behind it where it has a form."""
    texts = [text for block in (_SCALAR, _MEMORY, _SIMD, _FLOATING_POINT, _CRYPTOGRAPHY) for text in _texts(block)]
    chosen: dict[str, tuple[str, InstructionClass]] = {}
    for text in [*texts, *_structure_accesses()]:
        mnemonic, _, operands = text.partition(" ")
        kind = classify(mnemonic, decode(Instruction(0, 0, mnemonic, operands)))
        if kind is None:
            raise ValueError(f"'{text}' belongs to no instruction class: correct the example")
        chosen.setdefault(f"{kind.names[0]}_{kind.form}".removesuffix("_"), (text, kind))
    return chosen


def _texts(block: str) -> list[str]:
    texts = []
    for text in (text.strip() for line in block.strip().splitlines() for text in line.split(";")):
        texts.append(text)
        only_full = block is _CRYPTOGRAPHY or text.startswith(_ONLY_FULL)
        if _FULL.search(text) and not _OTHER_VECTOR.search(text) and not only_full:
            texts.append(_FULL.sub(lambda found: f"{found[1]}.{_HALF_OF[found[2]]}", text))
    return texts


def _structure_accesses() -> list[str]:
    """LD1 to ST4 of whole registers and of lanes."""
    texts = []
    for mnemonic in ("ld1", "ld2", "ld3", "ld4", "st1", "st2", "st3", "st4"):
        counts = (1, 2, 3, 4) if mnemonic.endswith("1") else (int(mnemonic[-1]),)
        for count in counts:
            for arrangement in ("16b", "8b", "2d"):
                texts.append(f"{mnemonic} {_list(count, arrangement)}, [x0]")
        for element in "bhsd":
            texts.append(f"{mnemonic} {_list(int(mnemonic[-1]), element)}[1], [x0]")
    return texts


def _list(count: int, arrangement: str) -> str:
    return "{" + ", ".join(f"v{number}.{arrangement}" for number in range(count)) + "}"

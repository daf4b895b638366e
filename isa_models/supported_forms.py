"""Instances of the A64 instructions that the operand table supports: every mnemonic in its arrangements and forms.

Operands differ, so that each register's role shows: results go to x0 and v0 upwards, sources follow. x20 to x23 point
into memory, x16 holds a small index.
"""

from collections.abc import Iterator

BYTES, HALVES, WORDS, DOUBLES = ("8b", "16b"), ("4h", "8h"), ("2s", "4s"), ("2d",)
NARROW = BYTES + HALVES + WORDS
ALL = NARROW + DOUBLES
FLOATS = HALVES + WORDS + DOUBLES
SCALAR_FLOATS = "hsd"
WIDER = {"8b": "8h", "16b": "8h", "4h": "4s", "8h": "4s", "2s": "2d", "4s": "2d"}
PAIRWISE_WIDER = {"8b": "4h", "16b": "8h", "4h": "2s", "8h": "4s", "2s": "1d", "4s": "2d"}
SCALAR_WIDER = {"b": "h", "h": "s", "s": "d"}
CONDITIONS = ("eq", "hs", "mi", "vs", "hi", "ge", "gt")


def _each(mnemonics: str, *operands: str) -> list[str]:
    return [f"{mnemonic} {one}" for mnemonic in mnemonics.split() for one in operands]


def _vectors(mnemonics: str, arrangements: tuple[str, ...], sources: int, rest: str = "") -> list[str]:
    """Operations on `sources` registers besides the destination, all of one arrangement."""
    return [
        f"{mnemonic} " + ", ".join(f"v{number}.{arrangement}" for number in range(sources + 1)) + rest
        for mnemonic in mnemonics.split()
        for arrangement in arrangements
    ]


def _scalars(mnemonics: str, kinds: str, sources: int, rest: str = "") -> list[str]:
    return [
        f"{mnemonic} " + ", ".join(f"{kind}{number}" for number in range(sources + 1)) + rest
        for mnemonic in mnemonics.split()
        for kind in kinds
    ]


def _generals(mnemonics: str, sources: int, rest: str = "") -> list[str]:
    return _scalars(mnemonics, "wx", sources, rest)


def _integer() -> Iterator[str]:
    yield from _generals("add sub adds subs and orr eor bic orn eon ands bics", 2)
    yield from _generals("add sub adds subs and orr eor bic orn eon ands bics", 2, ", lsl #2")
    yield from _generals("add subs orr ands", 2, ", asr #17")
    yield from _generals("and eon bics", 2, ", ror #17")
    yield from _each("add sub adds subs", "x0, x1, w2, uxtw", "x0, x1, w2, sxtb #2", "w0, w1, w2, uxth", "x0, x1, #9")
    yield from _each("add sub", "sp, sp, #16", "x0, sp, x1", "x0, x1, #1, lsl #12", "sp, x1, x2")
    yield from _each("and orr eor ands", "x0, x1, #0xff0", "w0, w1, #0x7e")
    yield from _generals("neg negs mvn", 1)
    yield from _generals("neg negs mvn", 1, ", lsl #3")
    yield from _generals("adc sbc adcs sbcs", 2)
    yield from _generals("ngc ngcs", 1)
    yield from _each("cmp cmn tst", "x0, x1", "w0, w1", "x0, x1, lsl #2", "w0, w1, asr #7", "x0, #8")
    yield from _each("cmp cmn", "x0, w1, uxtb #1", "sp, #16", "w0, wzr")
    yield from _each("mov", "x0, x1", "w0, w1", "x0, sp", "sp, x1", "x0, xzr", "w0, #0", "x0, #0x1ffc", "w0, #-2")
    yield from _each("mov", "x0, #0x1ffffffffffc")
    yield from _each("movk", "x0, #3", "x0, #3, lsl #32", "w0, #3, lsl #16")
    yield from _each("movz movn", "x0, #0, lsl #16", "w0, #3, lsl #16")
    yield from _each("movn", "w0, #0xffff")
    yield from _each("adr", "x0, #64")
    yield from _each("adrp", "x0, #4096")
    yield from _generals("lsl lsr asr ror", 2)
    yield from _generals("lsl lsr asr ror", 1, ", #3")
    yield from _generals("extr", 2, ", #9")
    yield from _generals("ubfx sbfx ubfiz sbfiz bfi bfxil", 1, ", #3, #8")
    yield from _each("ubfm sbfm bfm", "x0, x1, #3, #10", "w0, w1, #7, #4")
    yield from _each("bfc", "x0, #3, #8", "w0, #3, #8")
    yield from _each("uxtb uxth", "w0, w1")
    yield from _each("sxtb sxth", "w0, w1", "x0, w1")
    yield from _each("sxtw", "x0, w1")
    yield from _generals("clz cls rbit rev rev16", 1)
    yield from _each("rev32", "x0, x1")
    yield from _generals("mul mneg udiv sdiv", 2)
    yield from _generals("madd msub", 3)
    yield from _each("smull umull smnegl umnegl", "x0, w1, w2")
    yield from _each("smaddl umaddl smsubl umsubl", "x0, w1, w2, x3")
    yield from _each("smulh umulh", "x0, x1, x2")
    for condition in CONDITIONS:
        yield from _generals("csel csinc csinv csneg", 2, f", {condition}")
        yield from _each("cset csetm", f"x0, {condition}", f"w0, {condition}")
        yield from _generals("cinc cinv cneg", 1, f", {condition}")
        yield from _each("ccmp ccmn", f"x0, x1, #5, {condition}", f"w0, #9, #2, {condition}")
    yield from _each("crc32b crc32h crc32w crc32cb crc32ch crc32cw", "w0, w1, w2")
    yield from _each("crc32x crc32cx", "w0, w1, x2")
    yield from _each("cfinv axflag xaflag", "")
    yield from _each("rmif", "x0, #3, #5", "x0, #3, #15")
    yield from _each("setf8 setf16", "w0")
    # The same register in several roles, and the zero register
    yield from _each("add", "x0, x0, x0", "x0, x1, x1", "w0, wzr, w1")
    yield from _each("madd", "x0, x0, x1, x0", "x0, x1, x2, x1")
    yield from _each("csel", "x0, x0, x1, ne", "x0, xzr, x1, lt")
    yield from _each("subs", "x0, x0, #1")


def _control() -> Iterator[str]:
    yield from _each("b bl", "#64")
    yield from _each("br blr ret", "x20")
    yield "ret"
    yield from _each("cbz cbnz", "x0, #64", "w0, #64")
    yield from _each("tbz tbnz", "x0, #40, #64", "w0, #3, #64")
    yield from (f"b.{condition} #64" for condition in (*CONDITIONS, "ne", "lo", "pl", "vc", "ls", "lt", "le"))
    yield from _each("nop yield wfe sev sevl csdb esb isb sb ssbb pssbb clrex", "")
    yield from _each("dmb dsb", "ish", "sy")
    yield from _each("bti", "c")
    yield from _each("hint", "#40")
    yield from _each("paciasp pacibsp autiasp autibsp xpaclri", "")
    yield from _each("paciaz pacibz autiaz autibz pacia1716 pacib1716 autia1716 autib1716", "")
    yield from _each("hint", "#17", "#18")
    yield from _each("mrs", "x0, nzcv", "x0, fpcr", "x0, fpsr", "x0, tpidr_el0", "x0, dczid_el0")
    yield from _each("msr", "nzcv, x0", "fpsr, x0")


def _addresses(scale: int) -> tuple[str, ...]:
    """Addresses of a single register of `scale` bytes, as text after the register."""
    shift = scale.bit_length() - 1
    extended = f" #{shift}" if shift else ""
    scaled = f"[x20, x16, lsl #{shift}]", f"[x20, w16, uxtw{extended}]", f"[x20, w16, sxtw{extended}]"
    return "[x20]", f"[x20, #{2 * scale}]", "[x20, #16]!", "[x20], #-16", "[x20, x16]", "[sp, #16]", *scaled


def _loads_and_stores() -> Iterator[str]:
    singles = {"x": 8, "w": 4, "b": 1, "h": 2, "s": 4, "d": 8, "q": 16}
    for kind, scale in singles.items():
        yield from _each("ldr str", *(f"{kind}0, {address}" for address in _addresses(scale)))
        yield from _each("ldur stur", f"{kind}0, [x20, #3]", f"{kind}0, [sp, #-8]")
    narrow = {"ldrb": (1, "w"), "ldrh": (2, "w"), "ldrsb": (1, "wx"), "ldrsh": (2, "wx"), "ldrsw": (4, "x")}
    narrow |= {"strb": (1, "w"), "strh": (2, "w")}
    for mnemonic, (scale, kinds) in narrow.items():
        yield from _each(mnemonic, *(f"{kind}0, {address}" for kind in kinds for address in _addresses(scale)))
        unscaled = mnemonic[:2] + "u" + mnemonic[2:]
        yield from _each(unscaled, *(f"{kind}0, [x20, #-5]" for kind in kinds))
        unprivileged = mnemonic[:2] + "t" + mnemonic[2:]
        yield from _each(unprivileged, *(f"{kind}0, [x20, #5]" for kind in kinds))
    yield from _each("ldtr sttr", "x0, [x20, #8]", "w0, [x20]")
    yield from _each("ldr", "x0, .", "w0, .", "s0, .", "d0, .", "q0, .")
    yield from _each("ldrsw", "x0, .")
    pairs = "[x20]", "[x20, #32]", "[x20, #64]!", "[x20], #-32", "[sp, #16]"
    yield from _each("ldp stp", *(f"{kind}0, {kind}1, {address}" for kind in "wxsdq" for address in pairs))
    yield from _each("ldnp stnp", *(f"{kind}0, {kind}1, [x20, #32]" for kind in "wxsdq"))
    yield from _each("ldpsw", *(f"x0, x1, {address}" for address in pairs))
    yield from _each("str", "xzr, [x20]", "wzr, [x20, #4]")
    yield from _each("stp", "xzr, xzr, [x20]", "x0, xzr, [x20]")
    yield from _each("ldr", "x20, [x20]", "x16, [x20, x16]")
    yield from _each("str", "x20, [x20]")
    yield from _each(
        "prfm", "pldl1keep, [x20, #8]", "pldl1keep, [x20, x16, lsl #3]", "pstl2strm, [x20]", "pldl1keep, ."
    )
    yield from _each("prfum", "pldl1keep, [x20, #3]")


def _synchronisation() -> Iterator[str]:
    yield from _each("ldar ldapr ldxr ldaxr stlr", "x0, [x20]", "w0, [x20]")
    yield from _each("ldarb ldarh ldaprb ldaprh ldxrb ldxrh ldaxrb ldaxrh stlrb stlrh", "w0, [x20]")
    yield from _each("ldapur stlur", "x0, [x20, #3]", "w0, [x20]", "x0, [sp, #-8]")
    yield from _each("ldapurb ldapurh stlurb stlurh", "w0, [x20, #-5]")
    yield from _each("ldapursb ldapursh", "w0, [x20, #-5]", "x0, [x20, #5]")
    yield from _each("ldapursw", "x0, [x20, #-5]")
    yield from _each("ldxp ldaxp", "x0, x1, [x20]", "w0, w1, [x20]")
    yield from _each("stxr stlxr", "w0, x1, [x20]", "w0, w1, [x20]")
    yield from _each("stxrb stxrh stlxrb stlxrh", "w0, w1, [x20]")
    yield from _each("stxp stlxp", "w0, x1, x2, [x20]", "w0, w1, w2, [x20]")
    operations = "add", "clr", "eor", "set", "smax", "smin", "umax", "umin"
    for order in ("", "a", "l", "al"):
        for operation in (*(f"ld{name}" for name in operations), "swp", "cas"):
            yield from _each(operation + order, "x0, x1, [x20]", "w0, w1, [x20]")
            yield from _each(f"{operation}{order}b {operation}{order}h", "w0, w1, [x20]")
        yield from _each(f"casp{order}", "x0, x1, x2, x3, [x20]", "w0, w1, w2, w3, [x20]")
    for operation in operations:
        yield from _each(f"st{operation} st{operation}l", "x0, [x20]", "w0, [x20]")
        yield from _each(f"st{operation}b st{operation}lb st{operation}h st{operation}lh", "w0, [x20]")
    yield from _each("swpal", "x0, xzr, [x20]")


def _structures() -> Iterator[str]:
    elements = {"b": 1, "h": 2, "s": 4, "d": 8}
    for arrangement in (*ALL, "1d"):
        size = 8 if arrangement in ("8b", "4h", "2s", "1d") else 16
        for count in (1, 2, 3, 4):
            registers = "{" + ", ".join(f"v{number}.{arrangement}" for number in range(count)) + "}"
            addresses = "[x20]", f"[x20], #{size * count}", "[x20], x16"
            yield from _each("ld1 st1", *(f"{registers}, {address}" for address in addresses))
            if count > 1 and arrangement != "1d":
                yield from _each(f"ld{count} st{count}", *(f"{registers}, {address}" for address in addresses))
            element = elements[arrangement[-1]]
            replicated = "[x20]", f"[x20], #{element * count}", "[x20], x16"
            yield from _each(f"ld{count}r", *(f"{registers}, {address}" for address in replicated))
    for kind, element in elements.items():
        for count in (1, 2, 3, 4):
            registers = "{" + ", ".join(f"v{number}.{kind}" for number in range(count)) + "}"
            addresses = "[x20]", f"[x20], #{element * count}", "[x20], x16"
            yield from _each(
                f"ld{count} st{count}",
                *(f"{registers}[{lane}], {address}" for lane in (0, 16 // element - 1) for address in addresses),
            )
    yield "ld1 {v31.16b, v0.16b}, [sp], #32"


def _simd_lanes() -> Iterator[str]:
    yield from _vectors("and orr eor bic orn bsl bit bif", BYTES, 2)
    yield from _vectors("not cnt rbit rev16", BYTES, 1)
    yield from _each("mvn mov", "v0.16b, v1.16b", "v0.8b, v1.8b")
    yield from _vectors("add sub addp cmeq cmge cmgt cmhi cmhs cmtst sqadd uqadd sqsub uqsub", ALL, 2)
    yield from _vectors("sshl ushl sqshl uqshl srshl urshl sqrshl uqrshl", ALL, 2)
    yield from _vectors("shadd uhadd shsub uhsub srhadd urhadd smax smin umax umin smaxp sminp umaxp uminp", NARROW, 2)
    yield from _vectors("sabd uabd saba uaba mul mla mls", NARROW, 2)
    yield from _vectors("pmul", BYTES, 2)
    yield from _vectors("sqdmulh sqrdmulh sqrdmlah sqrdmlsh", HALVES + WORDS, 2)
    yield from _vectors("abs neg sqabs sqneg suqadd usqadd", ALL, 1)
    yield from _vectors("cmeq cmge cmgt cmle cmlt", ALL, 1, ", #0")
    yield from _vectors("cls clz", NARROW, 1)
    yield from _vectors("rev32", BYTES + HALVES, 1)
    yield from _vectors("rev64", NARROW, 1)
    yield from _vectors("urecpe ursqrte", WORDS, 1)
    yield from _vectors("zip1 zip2 uzp1 uzp2 trn1 trn2", ALL, 2)
    yield from _each("ext", "v0.16b, v1.16b, v2.16b, #5", "v0.8b, v1.8b, v2.8b, #3")
    for count in (1, 2, 3, 4):
        table = "{" + ", ".join(f"v{number}.16b" for number in range(2, 2 + count)) + "}"
        yield from _each("tbl tbx", f"v0.16b, {table}, v1.16b", f"v0.8b, {table}, v1.8b")
    yield from _vectors("shl sqshl uqshl sqshlu sli sri sshr ushr srshr urshr ssra usra srsra ursra", ALL, 1, ", #2")


def _simd_widths() -> Iterator[str]:
    """Operations whose destination is wider or narrower than a source, and reductions."""
    for narrow, wide in WIDER.items():
        upper = "2" if narrow in ("16b", "8h", "4s") else ""
        long = "saddl uaddl ssubl usubl sabdl uabdl sabal uabal smull umull smlal umlal smlsl umlsl"
        yield from (f"{name}{upper} v0.{wide}, v1.{narrow}, v2.{narrow}" for name in long.split())
        yield from (f"{name}{upper} v0.{wide}, v1.{wide}, v2.{narrow}" for name in ("saddw", "uaddw", "ssubw", "usubw"))
        adding = ("addhn", "subhn", "raddhn", "rsubhn")
        yield from (f"{name}{upper} v0.{narrow}, v1.{wide}, v2.{wide}" for name in adding)
        yield from (f"{name}{upper} v0.{narrow}, v1.{wide}" for name in ("xtn", "sqxtn", "uqxtn", "sqxtun"))
        shifts = "shrn rshrn sqshrn uqshrn sqshrun sqrshrn uqrshrn sqrshrun"
        yield from (f"{name}{upper} v0.{narrow}, v1.{wide}, #2" for name in shifts.split())
        yield from (f"{name}{upper} v0.{wide}, v1.{narrow}, #2" for name in ("sshll", "ushll"))
        yield from (f"{name}{upper} v0.{wide}, v1.{narrow}" for name in ("sxtl", "uxtl"))
        yield f"shll{upper} v0.{wide}, v1.{narrow}, #{8 * (16 // int(wide[:-1]) // 2)}"
        if narrow not in BYTES:
            saturating = ("sqdmull", "sqdmlal", "sqdmlsl")
            yield from (f"{name}{upper} v0.{wide}, v1.{narrow}, v2.{narrow}" for name in saturating)
            by_element = "smull umull smlal umlal smlsl umlsl sqdmull sqdmlal sqdmlsl"
            element = narrow[-1]
            yield from (f"{name}{upper} v0.{wide}, v1.{narrow}, v2.{element}[2]" for name in by_element.split())
    for narrow, wide in PAIRWISE_WIDER.items():
        yield from _each("saddlp uaddlp sadalp uadalp", f"v0.{wide}, v1.{narrow}")
    yield from _each("pmull", "v0.8h, v1.8b, v2.8b", "v0.1q, v1.1d, v2.1d")
    yield from _each("pmull2", "v0.8h, v1.16b, v2.16b", "v0.1q, v1.2d, v2.2d")
    for arrangement in HALVES + WORDS:
        element = arrangement[-1]
        names = "mul mla mls sqdmulh sqrdmulh sqrdmlah sqrdmlsh"
        yield from _each(names, f"v0.{arrangement}, v1.{arrangement}, v2.{element}[3]")
    for arrangement in ("8b", "16b", "4h", "8h", "4s"):
        element = arrangement[-1]
        yield from _each("addv smaxv sminv umaxv uminv", f"{element}0, v1.{arrangement}")
        yield from _each("saddlv uaddlv", f"{SCALAR_WIDER[element]}0, v1.{arrangement}")
    yield from _each("addp", "d0, v1.2d")
    for lanes, source in (("2s", "8b"), ("4s", "16b")):
        yield from _each("udot sdot", f"v0.{lanes}, v1.{source}, v2.{source}", f"v0.{lanes}, v1.{source}, v2.4b[3]")


def _simd_scalars() -> Iterator[str]:
    yield from _scalars("add sub cmeq cmge cmgt cmhi cmhs cmtst sshl ushl srshl urshl", "d", 2)
    yield from _scalars("sqadd uqadd sqsub uqsub sqshl uqshl sqrshl uqrshl", "bhsd", 2)
    yield from _scalars("sqdmulh sqrdmulh sqrdmlah sqrdmlsh", "hs", 2)
    yield from _scalars("abs neg", "d", 1)
    yield from _scalars("sqabs sqneg suqadd usqadd", "bhsd", 1)
    yield from _scalars("cmeq cmge cmgt cmle cmlt", "d", 1, ", #0")
    yield from _scalars("shl sli sri sshr ushr srshr urshr ssra usra srsra ursra", "d", 1, ", #2")
    yield from _scalars("sqshl uqshl sqshlu", "bhsd", 1, ", #2")
    for narrow, wide in SCALAR_WIDER.items():
        yield from _each("sqxtn uqxtn sqxtun", f"{narrow}0, {wide}1")
        yield from _each("sqshrn uqshrn sqshrun sqrshrn uqrshrn sqrshrun", f"{narrow}0, {wide}1, #2")
        if narrow != "b":
            yield from _each(
                "sqdmull sqdmlal sqdmlsl", f"{wide}0, {narrow}1, {narrow}2", f"{wide}0, {narrow}1, v2.{narrow}[3]"
            )
            yield from _each("sqdmulh sqrdmulh sqrdmlah sqrdmlsh", f"{narrow}0, {narrow}1, v2.{narrow}[3]")


def _simd_moves() -> Iterator[str]:
    """Immediates, moves of lanes and between the register files, and one register in several roles."""
    yield from _each(
        "movi", "v0.8b, #5", "v0.16b, #5", "v0.8h, #5, lsl #8", "v0.4s, #5, msl #8", "d0, #0xff00", "v0.2d, #0"
    )
    yield from _each("mvni", "v0.4h, #5", "v0.4s, #5, lsl #16")
    yield from _each("orr bic", "v0.4h, #5", "v0.8h, #5, lsl #8", "v0.2s, #5", "v0.4s, #5, lsl #16")
    for element, lane, kind in (("b", 13, "w"), ("h", 6, "w"), ("s", 3, "w"), ("d", 1, "x")):
        yield from _each("mov", f"v0.{element}[{lane}], {kind}1", f"v0.{element}[0], {kind}1")
        yield from _each("mov", f"v0.{element}[{lane}], v1.{element}[1]", f"{element}0, v1.{element}[{lane}]")
        yield from _each("umov", f"{kind}0, v1.{element}[{lane}]")
        yield from (f"dup v0.{one}, v1.{element}[{lane}]" for one in ALL if one[-1] == element)
        yield from (f"dup v0.{one}, {kind}1" for one in ALL if one[-1] == element)
    yield from _each("smov", "w0, v1.b[13]", "x0, v1.b[2]", "w0, v1.h[6]", "x0, v1.h[1]", "x0, v1.s[3]")
    # The same register in several roles
    yield from _each("uadalp", "v0.8h, v0.16b")
    yield from _each("mla", "v0.8h, v0.8h, v1.8h", "v0.8h, v1.8h, v1.8h")
    yield from _each("xtn2", "v0.16b, v0.8h")
    yield from _each("mov", "v0.s[1], v0.s[3]")


def _floating_point() -> Iterator[str]:
    binary = "fadd fsub fmul fmulx fdiv fmax fmin fmaxnm fminnm fabd fcmeq fcmge fcmgt facge facgt frecps frsqrts"
    yield from _vectors(binary, FLOATS, 2)
    yield from _scalars(binary, SCALAR_FLOATS, 2)
    yield from _scalars("fnmul", SCALAR_FLOATS, 2)
    yield from _vectors("faddp fmaxp fminp fmaxnmp fminnmp fmla fmls", FLOATS, 2)
    yield from _each("faddp fmaxp fminp fmaxnmp fminnmp", "h0, v1.2h", "s0, v1.2s", "d0, v1.2d")
    yield from _each("fmaxv fminv fmaxnmv fminnmv", "h0, v1.4h", "h0, v1.8h", "s0, v1.4s")
    unary = "fabs fneg fsqrt frinta frinti frintm frintn frintp frintx frintz"
    convert = "fcvtzs fcvtzu fcvtns fcvtnu fcvtas fcvtau fcvtms fcvtmu fcvtps fcvtpu"
    yield from _vectors(f"{unary} {convert} frecpe frsqrte scvtf ucvtf", FLOATS, 1)
    yield from _scalars(f"{unary} {convert} frecpe frsqrte scvtf ucvtf frecpx", SCALAR_FLOATS, 1)
    yield from _vectors("fcvtzs fcvtzu scvtf ucvtf", FLOATS, 1, ", #3")
    yield from _scalars("fcvtzs fcvtzu scvtf ucvtf", SCALAR_FLOATS, 1, ", #3")
    for kind in SCALAR_FLOATS:
        for general in "wx":
            yield from _each(convert, f"{general}0, {kind}1")
            yield from _each("scvtf ucvtf", f"{kind}0, {general}1", f"{kind}0, {general}1, #3")
            yield from _each("fcvtzs fcvtzu", f"{general}0, {kind}1, #3")
        yield from _each("fcmp fcmpe", f"{kind}0, {kind}1", f"{kind}0, #0.0")
        for condition in ("eq", "le", "hi"):
            yield from _each("fccmp fccmpe", f"{kind}0, {kind}1, #3, {condition}")
            yield from _each("fcsel", f"{kind}0, {kind}1, {kind}2, {condition}")
        yield from _each("fmov", f"{kind}0, {kind}1", f"{kind}0, #1.5")
        yield from _each("fmla fmls fmul fmulx", f"{kind}0, {kind}1, v2.{kind}[1]")
    yield from _each("fjcvtzs", "w0, d1")
    yield from _vectors("frint32z frint32x frint64z frint64x", WORDS + DOUBLES, 1)
    yield from _scalars("frint32z frint32x frint64z frint64x", "sd", 1)
    yield from _vectors("fcmeq fcmge fcmgt fcmle fcmlt", FLOATS, 1, ", #0.0")
    yield from _scalars("fcmeq fcmge fcmgt fcmle fcmlt", SCALAR_FLOATS, 1, ", #0.0")
    yield from _scalars("fmadd fmsub fnmadd fnmsub", SCALAR_FLOATS, 3)
    yield from _each("fcvt", "s0, h1", "d0, h1", "h0, s1", "d0, s1", "h0, d1", "s0, d1")
    yield from _each("fcvtl", "v0.4s, v1.4h", "v0.2d, v1.2s")
    yield from _each("fcvtl2", "v0.4s, v1.8h", "v0.2d, v1.4s")
    yield from _each("fcvtn", "v0.4h, v1.4s", "v0.2s, v1.2d")
    yield from _each("fcvtn2", "v0.8h, v1.4s", "v0.4s, v1.2d")
    yield from _each("fcvtxn", "s0, d1", "v0.2s, v1.2d")
    yield from _each("fcvtxn2", "v0.4s, v1.2d")
    yield from _each("fmov", "w0, s1", "s0, w1", "x0, d1", "d0, x1", "h0, w1", "w0, h1", "v0.d[1], x1", "x0, v1.d[1]")
    yield from _each("fmov", "v0.4s, #1.5", "v0.2s, #1.5", "v0.2d, #1.5", "v0.8h, #1.5")
    for arrangement in FLOATS:
        names = "fmla fmls fmul fmulx"
        yield from _each(names, f"v0.{arrangement}, v1.{arrangement}, v2.{arrangement[-1]}[1]")
        yield from _each("fcadd", f"v0.{arrangement}, v1.{arrangement}, v2.{arrangement}, #90")
        yield from _each(
            "fcmla", *(f"v0.{arrangement}, v1.{arrangement}, v2.{arrangement}, #{angle}" for angle in (0, 90))
        )
    yield from _each("fcmla", "v0.4h, v1.4h, v2.h[1], #90", "v0.8h, v1.8h, v2.h[3], #0", "v0.4s, v1.4s, v2.s[1], #180")
    halves = "v0.2s, v1.2h, v2.2h", "v0.4s, v1.4h, v2.4h", "v0.4s, v1.4h, v2.h[5]", "v0.2s, v1.2h, v2.h[5]"
    yield from _each("fmlal fmlal2 fmlsl fmlsl2", *halves)


def _cryptography() -> Iterator[str]:
    yield from _vectors("aese aesd aesmc aesimc", ("16b",), 1)
    yield from _each("sha1c sha1m sha1p", "q0, s1, v2.4s")
    yield from _each("sha1h", "s0, s1")
    yield from _vectors("sha1su1 sha256su0", ("4s",), 1)
    yield from _vectors("sha1su0 sha256su1", ("4s",), 2)
    yield from _each("sha256h sha256h2", "q0, q1, v2.4s")
    yield from _each("sha512h sha512h2", "q0, q1, v2.2d")
    yield from _vectors("sha512su0", DOUBLES, 1)
    yield from _vectors("sha512su1 rax1", DOUBLES, 2)
    yield from _vectors("eor3 bcax", ("16b",), 3)
    yield from _vectors("xar", DOUBLES, 2, ", #7")
    yield from _vectors("sm3partw1 sm3partw2 sm4ekey", ("4s",), 2)
    yield from _vectors("sm3ss1", ("4s",), 3)
    yield from _each("sm3tt1a sm3tt1b sm3tt2a sm3tt2b", "v0.4s, v1.4s, v2.s[1]")
    yield from _vectors("sm4e", ("4s",), 1)


GROUPS = {
    "integer": _integer,
    "control": _control,
    "loads and stores": _loads_and_stores,
    "synchronisation": _synchronisation,
    "structures": _structures,
    "Advanced SIMD lanes": _simd_lanes,
    "Advanced SIMD widths": _simd_widths,
    "Advanced SIMD scalars": _simd_scalars,
    "Advanced SIMD moves": _simd_moves,
    "floating point": _floating_point,
    "cryptography": _cryptography,
}
FORMS = {group: tuple(dict.fromkeys(text.rstrip() for text in forms())) for group, forms in GROUPS.items()}

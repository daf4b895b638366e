"""What each A64 mnemonic does with its operands: the data behind `operands.decode`.

After the instruction pages of the Arm Architecture Reference Manual (DDI 0487); a test executes every form and
compares.
"""

from enum import Enum, auto
from itertools import product


class Role(Enum):
    """How an instruction uses its operands, in the order of the assembly text."""

    WRITE = auto()
    """Writes the first, reads the others; a write to one lane keeps the others, so it reads its destination too."""
    WRITE_WITH_FLAGS = auto()
    """The same, and sets the flags."""
    UPDATE = auto()
    """Reads all and writes the first, part of which it keeps or works on."""
    ACCUMULATE = auto()
    """The same, but the first is only added to."""
    ADD_LAST = auto()
    """Writes the first, reads the others, the last of which is only added to."""
    WRITE_UPPER_HALF = auto()
    """Writes the upper half of the first and keeps its lower half, reads the others."""
    COMPARE = auto()
    """Reads all, sets the flags."""
    NOTHING = auto()
    """Touches no register that is modelled."""
    PREFETCH = auto()
    """Reads its address alone."""
    BRANCH = auto()
    """Reads its operands."""
    CONDITIONAL_BRANCH = auto()
    """Reads the flags."""
    RETURN = auto()
    """Reads its operand, the link register where there is none."""
    CALL = auto()
    """Reads its operands, writes the link register."""
    SYSTEM_READ = auto()
    """Writes the first; the second is a system register."""
    SYSTEM_WRITE = auto()
    """The first is a system register; reads the second."""
    LOAD = auto()
    """Writes the registers before the address."""
    STORE = auto()
    """Reads all registers."""
    LOAD_STRUCTURE = auto()
    """Writes the registers of a list; loading into a lane keeps the other lanes."""
    STORE_STRUCTURE = auto()
    """Reads all registers."""
    STORE_EXCLUSIVE = auto()
    """Writes the first with whether it stored, reads the others."""
    ATOMIC = auto()
    """Reads the first and the address, writes the second with what was in memory."""
    ATOMIC_STORE = auto()
    """Reads all; no register gets what was in memory."""
    COMPARE_AND_SWAP = auto()
    """Reads all, and writes the first half of the registers before the address with what was in memory."""


def _table(*groups: tuple[Role, str]) -> dict[str, Role]:
    return {mnemonic: role for role, text in groups for mnemonic in text.split()}


def _words(*texts: str) -> frozenset[str]:
    return frozenset(word for text in texts for word in text.split())


# Under the names that the disassembler prefers: MVN for NOT, UBFX for UBFM, SSHLL for SXTL, MOV for INS.
ROLES = _table(
    # General registers
    (Role.WRITE, "add sub and orr eor bic orn eon adc sbc ngc neg mov movz movn adr adrp"),
    (Role.WRITE, "lsl lsr asr ror extr clz cls rbit rev rev16 rev32 rev64"),
    (Role.WRITE, "ubfx sbfx ubfiz sbfiz uxtb uxth sxtb sxth sxtw"),
    (Role.WRITE, "mul mneg smull umull smnegl umnegl smulh umulh udiv sdiv"),
    (Role.ADD_LAST, "madd msub smaddl umaddl smsubl umsubl"),
    (Role.WRITE, "csel csinc csinv csneg cset csetm cinc cinv cneg"),
    (Role.WRITE, "crc32b crc32h crc32w crc32x crc32cb crc32ch crc32cw crc32cx"),
    (Role.WRITE_WITH_FLAGS, "adds subs ands bics negs adcs sbcs ngcs fjcvtzs"),
    (Role.UPDATE, "movk bfi bfxil bfc"),
    (Role.COMPARE, "cmp cmn tst ccmp ccmn"),
    (Role.COMPARE, "cfinv rmif setf8 setf16 axflag xaflag"),
    # Branches and the system
    (Role.BRANCH, "b br cbz cbnz tbz tbnz"),
    (Role.CALL, "bl blr"),
    (Role.RETURN, "ret"),
    (Role.NOTHING, "nop hint yield sev sevl wfe csdb esb psb tsb bti dmb dsb isb sb ssbb pssbb clrex"),
    # Hints, which do nothing on a core without pointer authentication
    (Role.NOTHING, "paciasp pacibsp paciaz pacibz pacia1716 pacib1716"),
    (Role.NOTHING, "autiasp autibsp autiaz autibz autia1716 autib1716 xpaclri"),
    (Role.SYSTEM_READ, "mrs"),
    (Role.SYSTEM_WRITE, "msr"),
    (Role.PREFETCH, "prfm prfum"),
    # Advanced SIMD integer
    (Role.WRITE, "mvn cnt abs addp addv saddlp uaddlp saddlv uaddlv smaxv sminv umaxv uminv"),
    (Role.WRITE, "sqadd uqadd sqsub uqsub sqneg sqabs shadd uhadd shsub uhsub srhadd urhadd"),
    (Role.WRITE, "smax smin umax umin smaxp sminp umaxp uminp cmeq cmge cmgt cmhi cmhs cmle cmlt cmtst"),
    (Role.WRITE, "sabd uabd sabdl uabdl sabdl2 uabdl2"),
    (
        Role.WRITE,
        "saddl uaddl ssubl usubl saddl2 uaddl2 ssubl2 usubl2 saddw uaddw ssubw usubw saddw2 uaddw2 ssubw2 usubw2",
    ),
    (Role.WRITE, "shl sshl ushl sqshl uqshl sqshlu srshl urshl sqrshl uqrshl sshr ushr srshr urshr"),
    (Role.WRITE, "sshll ushll sshll2 ushll2 shll shll2"),
    (Role.WRITE, "xtn sqxtn uqxtn sqxtun shrn rshrn sqshrn uqshrn sqshrun sqrshrn uqrshrn sqrshrun"),
    (Role.WRITE, "addhn subhn raddhn rsubhn"),
    (Role.WRITE, "pmul pmull pmull2 smull2 umull2 sqdmull sqdmull2 sqdmulh sqrdmulh"),
    (Role.WRITE, "zip1 zip2 uzp1 uzp2 trn1 trn2 ext tbl dup umov smov movi mvni urecpe ursqrte"),
    (Role.WRITE, "eor3 bcax rax1 xar"),
    (Role.UPDATE, "bsl bit bif tbx sli sri suqadd usqadd"),
    (
        Role.WRITE_UPPER_HALF,
        "xtn2 sqxtn2 uqxtn2 sqxtun2 shrn2 rshrn2 sqshrn2 uqshrn2 sqshrun2 sqrshrn2 uqrshrn2 sqrshrun2",
    ),
    (Role.WRITE_UPPER_HALF, "addhn2 subhn2 raddhn2 rsubhn2"),
    (Role.ACCUMULATE, "mla mls smlal umlal smlsl umlsl smlal2 umlal2 smlsl2 umlsl2 udot sdot"),
    (Role.ACCUMULATE, "sqdmlal sqdmlal2 sqdmlsl sqdmlsl2 sqrdmlah sqrdmlsh"),
    (Role.ACCUMULATE, "saba uaba sabal uabal sabal2 uabal2 sadalp uadalp ssra usra srsra ursra"),
    # Floating point
    (Role.WRITE, "fmov fadd fsub fmul fmulx fnmul fdiv fsqrt fabs fneg fabd faddp fcadd"),
    (Role.WRITE, "fmax fmin fmaxnm fminnm fmaxp fminp fmaxnmp fminnmp fmaxv fminv fmaxnmv fminnmv"),
    (Role.WRITE, "fcmeq fcmge fcmgt fcmle fcmlt facge facgt fcsel"),
    (Role.WRITE, "frecpe frecps frecpx frsqrte frsqrts"),
    (
        Role.WRITE,
        "fcvt fcvtl fcvtl2 fcvtn fcvtxn fcvtzs fcvtzu fcvtns fcvtnu fcvtas fcvtau fcvtms fcvtmu fcvtps fcvtpu",
    ),
    (Role.WRITE, "scvtf ucvtf frinta frinti frintm frintn frintp frintx frintz frint32z frint32x frint64z frint64x"),
    (Role.ADD_LAST, "fmadd fmsub fnmadd fnmsub"),
    (Role.ACCUMULATE, "fmla fmls fmlal fmlal2 fmlsl fmlsl2 fcmla"),
    (Role.WRITE_UPPER_HALF, "fcvtn2 fcvtxn2"),
    (Role.COMPARE, "fcmp fcmpe fccmp fccmpe"),
    # Cryptography
    (Role.UPDATE, "aese aesd sha1c sha1m sha1p sha1su0 sha1su1 sha256h sha256h2 sha256su0 sha256su1"),
    (Role.UPDATE, "sha512h sha512h2 sha512su0 sha512su1 sm4e"),
    (Role.UPDATE, "sm3partw1 sm3partw2 sm3tt1a sm3tt1b sm3tt2a sm3tt2b"),
    (Role.WRITE, "aesmc aesimc sha1h sm3ss1 sm4ekey"),
    # Loads and stores
    (Role.LOAD, "ldr ldur ldtr ldrb ldrsb ldurb ldursb ldtrb ldtrsb ldrh ldrsh ldurh ldursh ldtrh ldtrsh"),
    (Role.LOAD, "ldrsw ldursw ldtrsw ldp ldnp ldpsw"),
    (Role.LOAD, "ldar ldarb ldarh ldapr ldaprb ldaprh ldxr ldxrb ldxrh ldaxr ldaxrb ldaxrh ldxp ldaxp"),
    (Role.LOAD, "ldapur ldapurb ldapurh ldapursb ldapursh ldapursw"),
    (Role.STORE, "stlur stlurb stlurh"),
    (Role.STORE, "str stur sttr strb sturb sttrb strh sturh sttrh stp stnp stlr stlrb stlrh"),
    (Role.STORE_EXCLUSIVE, "stxr stxrb stxrh stlxr stlxrb stlxrh stxp stlxp"),
    (Role.LOAD_STRUCTURE, "ld1 ld2 ld3 ld4 ld1r ld2r ld3r ld4r"),
    (Role.STORE_STRUCTURE, "st1 st2 st3 st4"),
)

_ATOMIC_OPERATIONS = ("add", "clr", "eor", "set", "smax", "smin", "umax", "umin")
_ORDERS = ("", "a", "l", "al")
_WIDTHS = ("", "b", "h")
ROLES |= {
    prefix + order + width: Role.ATOMIC
    for prefix, order, width in product((*(f"ld{name}" for name in _ATOMIC_OPERATIONS), "swp"), _ORDERS, _WIDTHS)
}
ROLES |= {
    f"st{name}{order}{width}": Role.ATOMIC_STORE
    for name, order, width in product(_ATOMIC_OPERATIONS, ("", "l"), _WIDTHS)
}
ROLES |= {f"cas{order}{width}": Role.COMPARE_AND_SWAP for order, width in product(_ORDERS, _WIDTHS)}
ROLES |= {f"casp{order}": Role.COMPARE_AND_SWAP for order in _ORDERS}

ATOMIC_ROLES = (Role.ATOMIC, Role.ATOMIC_STORE, Role.COMPARE_AND_SWAP)

READS_FLAGS = _words(
    "adc sbc adcs sbcs ngc ngcs csel csinc csinv csneg cset csetm cinc cinv cneg ccmp ccmn fcsel fccmp fccmpe",
    "cfinv rmif setf8 setf16 axflag xaflag",
)

READS_UPPER_HALF = _words(
    "saddl2 uaddl2 ssubl2 usubl2 saddw2 uaddw2 ssubw2 usubw2 sabdl2 uabdl2 sabal2 uabal2",
    "smlal2 umlal2 smlsl2 umlsl2 sqdmlal2 sqdmlsl2 smull2 umull2 sqdmull2 pmull2",
    "sshll2 ushll2 shll2 fcvtl2 fmlal2 fmlsl2 zip2",
)
READS_LOWER_HALF = _words("zip1")
"""Which half they read of the sources that have the narrowest elements; half the bits of the destination."""

NEUTRAL_SYSTEM_REGISTERS = _words(
    "nzcv fpcr fpsr tpidr_el0 tpidrro_el0 cntvct_el0 cntfrq_el0 ctr_el0 dczid_el0",
)
"""System registers that code without an operating system beneath it may use."""


def bytes_per_register(mnemonic: str) -> int | None:
    """Return how many bytes a load or store moves per register; None where that follows from the register."""
    if mnemonic in ("ldrsw", "ldursw", "ldtrsw", "ldapursw", "ldpsw"):
        return 4
    return {"b": 1, "h": 2}.get(mnemonic[-1])

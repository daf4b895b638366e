"""Rows of Advanced SIMD integer instructions, and of those of cryptography, as code.

The element in a row's name is that of the sources, except in those of `saddw` and the like, where it is that of the
result. "acc. fwd." chains the accumulator; without it the chain runs through a multiplicand (the figures of all cores
agree: 4 against 1 on a Neoverse N1). A latency between the register files is that of a way there and back, and of
`dup (elem)` half of such a way was taken off (7.57 = 15.1 - 15.2 / 2 on a Cortex-A72, 1.50 = 5 - 7 / 2 on an N1).
"""

from isa_models.silicon.form import Form, LeftOut, simple
from isa_models.silicon.row_name import RowName
from isa_models.silicon.shapes import fill

_SAME_2 = "{m} v{d}.{full}, v{s}.{full}, v31.{full}"
_SAME_1 = "{m} v{d}.{full}, v{s}.{full}"
_LONG_2 = "{m} v{d}.{wfull}, v{s}.{half}, v31.{half}"
_LONG_2_UPPER = "{m} v{d}.{wfull}, v{s}.{full}, v31.{full}"
_ACROSS = "{m} {e}{d}, v{s}.{full}"

_TEMPLATES = {
    _SAME_2: "add sub sqadd uqadd sqsub uqsub shadd shsub uhadd uhsub srhadd urhadd addp smax smin smaxp sminp umax"
    " umin umaxp uminp sabd uabd saba uaba pmul mul mla mls sqdmulh sqrdmulh sqrdmlah sqrdmlsh and orr orn eor bic bif"
    " bit bsl cmeq cmge cmgt cmhi cmhs cmtst trn1 trn2 zip1 zip2 uzp1 uzp2 sshl ushl srshl urshl sqrshl uqrshl rax1",
    _SAME_1: "suqadd usqadd abs sqabs neg sqneg not mvn rbit rev16 rev32 rev64 cls clz cnt urecpe ursqrte",
    _LONG_2: "saddl uaddl ssubl usubl sabdl uabdl sabal uabal smull umull sqdmull smlal umlal smlsl umlsl sqdmlal"
    " sqdmlsl pmull",
    _LONG_2_UPPER: "saddl2 uaddl2 ssubl2 usubl2 sabdl2 uabdl2 sabal2 uabal2 smull2 umull2 sqdmull2 smlal2 umlal2 smlsl2"
    " umlsl2 sqdmlal2 sqdmlsl2 pmull2",
    "{m} v{d}.{full}, v{s}.{full}, v31.{nhalf}": "saddw uaddw ssubw usubw",
    "{m} v{d}.{full}, v{s}.{full}, v31.{nfull}": "saddw2 uaddw2 ssubw2 usubw2",
    "{m} v{d}.{nhalf}, v{s}.{full}, v31.{full}": "addhn subhn raddhn rsubhn",
    "{m} v{d}.{nfull}, v{s}.{full}, v31.{full}": "addhn2 subhn2 raddhn2 rsubhn2",
    "{m} v{d}.{nhalf}, v{s}.{full}": "xtn sqxtn uqxtn sqxtun",
    "{m} v{d}.{nfull}, v{s}.{full}": "xtn2 sqxtn2 uqxtn2 sqxtun2",
    "{m} v{d}.{wfull}, v{s}.{half}": "sxtl uxtl",
    "{m} v{d}.{wfull}, v{s}.{full}": "saddlp uaddlp sadalp uadalp sxtl2 uxtl2",
    _ACROSS: "addv smaxv sminv umaxv uminv",
    "{m} {we}{d}, v{s}.{full}": "saddlv uaddlv",
    "{m} v{d}.{full}, v{s}.{full}, #2": "shl sqshl uqshl sqshlu sli sri sshr ushr srshr urshr ssra usra srsra ursra",
    "{m} v{d}.{wfull}, v{s}.{half}, #{bits}": "shll",
    "{m} v{d}.{wfull}, v{s}.{full}, #{bits}": "shll2",
    "{m} v{d}.{wfull}, v{s}.{half}, #2": "sshll ushll",
    "{m} v{d}.{wfull}, v{s}.{full}, #2": "sshll2 ushll2",
    "{m} v{d}.{nhalf}, v{s}.{full}, #2": "shrn rshrn sqshrn uqshrn sqshrun sqrshrn uqrshrn sqrshrun",
    "{m} v{d}.{nfull}, v{s}.{full}, #2": "shrn2 rshrn2 sqshrn2 uqshrn2 sqshrun2 sqrshrn2 uqrshrn2 sqrshrun2",
    "{m} v{d}.{full}, v{s}.{full}, v30.{full}, v31.{full}": "eor3 bcax",
    "{m} v{d}.{full}, v{s}.{full}, v31.{full}, #2": "xar",
    "{m} v{d}.4s, v{s}.16b, v31.16b": "sdot udot",
}
_TEMPLATE_OF = {mnemonic: template for template, words in _TEMPLATES.items() for mnemonic in words.split()}
_ELEMENT_SOURCE = {
    _SAME_2: "{m} v{d}.{full}, v{s}.{full}, v15.{lane}",
    _LONG_2: "{m} v{d}.{wfull}, v{s}.{half}, v15.{lane}",
    _LONG_2_UPPER: "{m} v{d}.{wfull}, v{s}.{full}, v15.{lane}",
}
_SCALAR = {
    _SAME_1: "{m} {e}{d}, {e}{s}",
    "{m} v{d}.{nhalf}, v{s}.{full}": "{m} {ne}{d}, {e}{s}",
}
_SEVERAL = "three measurements that differ go by this name"
_HASHES = {
    "crc32x": "{m} w{d}, w{s}, x24",
    "crc32cx": "{m} w{d}, w{s}, x24",
    "sha1h": "{m} s{d}, s{s}",
    **dict.fromkeys(("sha1c", "sha1m", "sha1p"), "{m} q{d}, s30, v31.4s"),
    **dict.fromkeys(("sha1su0", "sha256su1", "sm3partw1", "sm3partw2"), "{m} v{d}.4s, v{s}.4s, v31.4s"),
    **dict.fromkeys(("sha1su1", "sha256su0", "sm4e"), "{m} v{d}.4s, v{s}.4s"),
    "sm4ekey": "{m} v{d}.4s, v{s}.4s, v31.4s",
    "sm3ss1": "{m} v{d}.4s, v{s}.4s, v30.4s, v31.4s",
    **dict.fromkeys(("sha256h", "sha256h2"), "{m} q{d}, q{s}, v31.4s"),
    **dict.fromkeys(("sha512h", "sha512h2"), "{m} q{d}, q{s}, v31.2d"),
    "sha512su0": "{m} v{d}.2d, v{s}.2d",
    "sha512su1": "{m} v{d}.2d, v{s}.2d, v31.2d",
    **dict.fromkeys(("aese", "aesd", "aesmc", "aesimc"), "{m} v{d}.16b, v{s}.16b"),
    **dict.fromkeys(("sm3tt1a", "sm3tt1b", "sm3tt2a", "sm3tt2b"), "{m} v{d}.4s, v{s}.4s, v15.s{lane}"),
}
WAY_THERE_AND_BACK = ("mov v0.d[0], x0", "mov x0, v0.d[0]")


def vector_form(name: RowName) -> Form | LeftOut | None:
    """Return the form of a row of integer arithmetic, logic, shifts, multiplications or permutations."""
    if name.mnemonic == "pmull2" and name.element == "d":
        return LeftOut(_SEVERAL)
    if name.mnemonic in ("tbl", "tbx"):
        return _table_lookup(name)
    if name.mnemonic == "ext":
        return simple(fill("{m} v{d}.{full}, v{s}.{full}, v31.{full}, #" + name.first.strip(">"), "ext", name.element))
    if name.mnemonic in ("orr", "bic") and name.element in "hs":
        shift = ", lsl #8" if "<<8" in name.qualifiers else ""
        return simple(fill("{m} v{d}.{full}, #1", name.mnemonic, name.element) + shift)
    template = _template(name)
    if template is None:
        return None
    lane = _lane(name) if name.first == "elem" else ""
    return simple(fill(template, name.mnemonic, name.element or "s", lane=lane), forwards=name.forwards)


def hash_form(name: RowName) -> Form | LeftOut | None:
    """Return the form of a row of checksums, hashes and ciphers."""
    template = _HASHES.get(name.mnemonic)
    if template is None:
        return None
    return simple(template.format(m=name.mnemonic, d="{d}", s="{s}", lane=name.first.strip("()")))


def move_form(name: RowName) -> Form | LeftOut | None:
    """Return the form of a row of moves of vector elements and immediates, and of narrowing and lengthening."""
    first = name.first
    if name.mnemonic in ("movi", "mvni"):
        value, _, shift = first.partition("<<")
        lsl = f", lsl #{shift}" if shift else ""
        code = fill("{m} v{d}.{full}, #" + value + lsl, name.mnemonic, name.element)
        return Form(stream=(code.format(d="<v>"),))
    if "<->" in first:
        return _between_files(name)
    if name.mnemonic == "dup" and first == "elem":
        source = "x" if name.element == "d" else "w"
        there = fill(f"dup v{{d}}.{{full}}, {source}", name.mnemonic, name.element)
        back = f"umov {source}0, v0.{name.element}[0]"
        chain = (there.format(d=0) + "0", back)
        return Form(chain, (there.format(d="<v>") + "25",), less=WAY_THERE_AND_BACK, less_half=True)
    if name.mnemonic == "dup":
        lane = name.qualifiers[1].split("=")[1].strip()
        return simple(fill("dup v{d}.{full}, v{s}.{e}[" + lane + "]", "dup", name.element))
    return vector_form(name)


def _template(name: RowName) -> str | None:
    first = name.first
    if first == "zero":
        return _SAME_1 + ", #0"
    template = _TEMPLATE_OF.get(name.mnemonic)
    if template is None:
        return None
    if first == "elem" and name.mnemonic in ("sdot", "udot"):
        return "{m} v{d}.4s, v{s}.16b, v15.{lane}"
    if first == "elem":
        return _ELEMENT_SOURCE.get(template)
    if first == "scl":
        return _SCALAR.get(template)
    if first == "reg" and template.endswith("#2"):
        return _SAME_2
    return template


def _lane(name: RowName) -> str:
    """Return the lane of "[7]" or "v.h[7]" as in "h[7]"; that of a dot product is four bytes."""
    number = name.qualifiers[1].partition("[")[2]
    element = "4b" if name.mnemonic in ("sdot", "udot") else name.element
    return f"{element}[{number}"


def _between_files(name: RowName) -> Form:
    """Return a way from a general register into a vector register and back."""
    lane, general = (part.strip() for part in name.first.split("<->"))
    vector = "v0" + lane[1:]
    if name.mnemonic == "fmov":
        return Form(chain=("fmov d0, x0", "fmov x0, d0"))
    back = "mov" if name.mnemonic == "mov" else name.mnemonic
    source = "x0" if lane.startswith("v.d") else "w0"
    return Form(chain=(f"mov {vector}, {source}", f"{back} {general}0, {vector}"))


def _table_lookup(name: RowName) -> Form:
    """Return a look-up whose index is the result of the one before, in a table of one to four registers."""
    count = int(name.first.split("==")[1])
    table = ", ".join(f"v{24 + number}.16b" for number in range(count))
    return simple(f"{name.mnemonic} v{{d}}.16b, {{{{{table}}}}}, v{{s}}.16b")

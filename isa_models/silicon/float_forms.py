"""Rows of floating-point instructions as code.

"scl" is a scalar register of the row's element, "vec" a 128-bit one, and "acc. fwd." chains the accumulator. The
latency of a comparison is that of a comparison and a conditional select less the select. A stream of multiplications
by an element was 14 chains next to each other: see `form.MEASURED_COPIES`.
"""

from dataclasses import replace

from isa_models.silicon.form import MEASURED_COPIES, Form, LeftOut, simple
from isa_models.silicon.row_name import RowName
from isa_models.silicon.scalar_forms import FLAGS_CHAIN
from isa_models.silicon.shapes import fill

_BINARY = (
    "fadd fsub fabd fmax fmin fmaxnm fminnm fmul fmulx frecps frsqrts facge facgt fcmeq fcmge fcmgt fmla fmls fdiv"
)
_UNARY = (
    "fabs fneg frecpe frecpx frsqrte fsqrt frinta frinti frintm frintn frintp frintx frintz fcvtas fcvtau fcvtms fcvtmu"
    " fcvtns fcvtnu fcvtps fcvtpu fcvtzs fcvtzu"
)
_PAIRWISE = "faddp fmaxp fminp fmaxnmp fminnmp"
_FUSED = "fmadd fmsub fnmadd fnmsub"
_ACROSS = "fmaxv fminv fmaxnmv fminnmv"
_LANE_CHAINS = 14
_UNKNOWN_TRANSFER = "what the source took off for the way between the register files fits no figure of its own"


def float_form(name: RowName) -> Form | LeftOut | None:
    """Return the form of a row of floating-point arithmetic, comparisons or conversions."""
    mnemonic = name.mnemonic
    if mnemonic in ("fcmp", "fcmpe", "fccmp", "fccmpe", "fcsel"):
        return _compare_or_select(name)
    if mnemonic in ("scvtf", "ucvtf") or mnemonic == "fjcvtzs" or "->" in name.first:
        return _conversion(name)
    if mnemonic in ("fcvtxn", "fcvtxn2"):
        return simple(f"{mnemonic} v{{d}}.{'4s' if mnemonic.endswith('2') else '2s'}, v{{s}}.2d")
    template = _template(name)
    if template is None:
        return None
    lane = name.qualifiers[1] if name.first == "elem" else ""
    code = fill(template, mnemonic, name.element, lane=lane)
    form = simple(code, forwards=name.forwards)
    if not lane:
        return form
    return replace(form, stream=(code.format(d="<v>", s="<v>"),), copies=MEASURED_COPIES, rotation=_LANE_CHAINS)


def _template(name: RowName) -> str | None:
    mnemonic, is_scalar = name.mnemonic, name.first == "scl"
    if name.first == "elem" and mnemonic in _BINARY.split():
        return "{m} v{d}.{full}, v{s}.{full}, v15.{e}{lane}"
    if "zero" in name.qualifiers:
        return "{m} {e}{d}, {e}{s}, #0.0" if is_scalar else "{m} v{d}.{full}, v{s}.{full}, #0.0"
    if mnemonic in _BINARY.split() or mnemonic == "fnmul":
        return "{m} {e}{d}, {e}{s}, {e}31" if is_scalar else "{m} v{d}.{full}, v{s}.{full}, v31.{full}"
    if mnemonic in _UNARY.split():
        return "{m} {e}{d}, {e}{s}" if is_scalar else "{m} v{d}.{full}, v{s}.{full}"
    if mnemonic in _PAIRWISE.split():
        pair = "2d" if name.element == "d" else "2{e}"
        return f"{{m}} {{e}}{{d}}, v{{s}}.{pair}" if is_scalar else "{m} v{d}.{full}, v{s}.{full}, v31.{full}"
    if mnemonic in _ACROSS.split():
        return "{m} {e}{d}, v{s}.{full}"
    if mnemonic in _FUSED.split():
        forwarded = "{m} {e}{d}, {e}30, {e}31, {e}{d}"
        return forwarded if name.forwards else "{m} {e}{d}, {e}{s}, {e}31, {e}29"
    if mnemonic.rstrip("2") in ("fmlal", "fmlsl"):
        return "{m} v{d}.4s, v{s}.4h, v31.4h"
    if mnemonic in ("fcadd", "fcmla"):
        return _complex_template(name)
    return None


def _complex_template(name: RowName) -> str:
    """Return a template of complex arithmetic; the rotation is one of the qualifiers, "deg = 90"."""
    degrees = next(part.split("=")[1].strip() for part in name.qualifiers if part.startswith("deg"))
    lane = next((part for part in name.qualifiers if part.startswith("v.")), "")
    pair = int(lane.partition("[")[2].rstrip("]")) // 2 if lane else 0  # the source counts numbers, the syntax pairs
    source = f"v15.{{e}}[{pair}]" if lane else "v31.{full}"
    return f"{{m}} v{{d}}.{{full}}, v{{s}}.{{full}}, {source}, #{degrees}"


def _compare_or_select(name: RowName) -> Form:
    e = name.element
    select = f"fcsel {e}0, {e}0, {e}31, eq"
    if name.mnemonic == "fcsel":
        return simple(f"fcsel {e}{{d}}, {e}{{s}}, {e}31, {name.first}")
    if name.mnemonic.startswith("fcc"):
        code = f"{name.mnemonic} {e}30, {e}31, #0, {name.first}"
        return Form((code,), why_no_stream=FLAGS_CHAIN)
    other = "#0.0" if name.first == "zero" else f"{e}31"
    compare = f"{name.mnemonic} {e}{{0}}, {other}"
    return Form((compare.format(0), select), (compare.format(30),), less=(select,))


def _conversion(name: RowName) -> Form | None:
    mnemonic, e, first = name.mnemonic, name.element, name.first
    if mnemonic == "fjcvtzs":
        return Form(stream=("fjcvtzs w<x>, d30",), why_no_chain=_UNKNOWN_TRANSFER)
    if first == "scl -> reg":
        return Form(stream=(f"{mnemonic} x<x>, {e}30",), why_no_chain=_UNKNOWN_TRANSFER)
    if mnemonic in ("scvtf", "ucvtf"):
        shift = ", #2" if ">>2" in name.qualifiers else ""
        if first == "scl":
            return Form(stream=(f"{mnemonic} {e}<v>, x25{shift}",), why_no_chain=_UNKNOWN_TRANSFER)
        return simple(fill("{m} v{d}.{full}, v{s}.{full}" + shift, mnemonic, e))
    source, target = (part.strip() for part in first.split("->"))
    if mnemonic == "fcvt":
        return simple(f"fcvt {target}{{d}}, {source}{{s}}")
    upper = mnemonic.endswith("2")
    if mnemonic.startswith("fcvtl"):
        return simple(fill("{m} v{d}.{wfull}, v{s}." + ("{full}" if upper else "{half}"), mnemonic, source))
    return simple(fill("{m} v{d}." + ("{nfull}" if upper else "{nhalf}") + ", v{s}.{full}", mnemonic, source))

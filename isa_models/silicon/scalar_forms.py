"""Rows of scalar integer instructions as code.

The latency of an instruction that only sets flags is that of it and a conditional select less the select. Throughputs
of instructions that also read the flags would be a chain through them; the source broke that chain in a way that its
figures do not tell (1.31 a cycle on a Cortex-A72), so those are left out.
"""

from isa_models.silicon.form import Form, LeftOut, simple
from isa_models.silicon.row_name import RowName

_ARITHMETIC = "add adds sub subs and ands orr orn eor eon bic bics"
_SHIFTED = {"<<2": "lsl #2", "<<17": "lsl #17", ">>17": "lsr #17"}
_SHIFTED_BY_WORD = {"signed": "asr #17", "rotate": "ror #17"}
_IMMEDIATES = {"imm": "#1", "imm<<12": "#1, lsl #12", "mask imm": "#0xff"}
_PLAIN = {
    "sdiv udiv mul mneg smulh umulh adc sbc": "{m} x{d}, x{s}, x24",
    "madd msub": "{m} x{d}, x{s}, x24, x25",
    "smull umull smnegl umnegl": "{m} x{d}, w{s}, w24",
    "smaddl umaddl smsubl umsubl": "{m} x{d}, w{s}, w24, x25",
    "sxtb sxth sxtw": "{m} x{d}, w{s}",
    "uxtb uxth": "{m} w{d}, w{s}",
    "rbit clz cls ngc": "{m} x{d}, x{s}",
    "bfi bfxil sbfx sbfiz ubfx ubfiz": "{m} x{d}, x{s}, #3, #8",
    "bfm sbfm ubfm": "{m} x{d}, x{s}, #3, #10",
    "bfc": "{m} x{d}, #3, #8",
    "csinc csinv csneg": "{m} x{d}, x{s}, x24, {condition}",
    "cinc cinv cneg": "{m} x{d}, x{s}, {condition}",
}
_PLAIN_OF = {mnemonic: template for words, template in _PLAIN.items() for mnemonic in words.split()}
_REVERSALS = {"rev16": "rev16", "rev32": "rev32", "rev64": "rev"}
_SELECT = "csel x0, x0, x24, eq"
FLAGS_CHAIN = "a stream of it is a chain through the flags, which the source broke in an unknown way"
_FLAGS_ONLY = "the source streamed it with other instructions (1.5 a cycle on a Cortex-A72, where ADDS goes at 2)"


def scalar_form(name: RowName) -> Form | LeftOut | None:
    """Return the form of a row of scalar arithmetic, logic, shifts, multiplications or conditional operations."""
    mnemonic, first = name.mnemonic, name.first
    if mnemonic in ("tst", "ccmp", "ccmn", "rmif", "setf8", "setf16", "cfinv"):
        return _flags_form(name)
    if mnemonic in ("adcs", "sbcs", "ngcs"):
        sources = "x0, x0" if mnemonic == "ngcs" else "x0, x0, x24"
        return Form(chain=(f"{mnemonic} {sources}",), why_no_stream=FLAGS_CHAIN)
    if mnemonic in ("adr", "adrp"):
        return Form(stream=(f"{mnemonic} x<x>, 0",))
    if mnemonic in ("cset", "csetm"):
        return Form(stream=(f"{mnemonic} x<x>, {first}",))
    if mnemonic == "rev":
        return simple(f"{_REVERSALS[first]} x{{d}}, x{{s}}")
    if mnemonic == "extr":
        return simple(f"extr x{{d}}, x{{s}}, x{{s}}, #{_first_amount(name)}")
    if mnemonic in ("neg", "negs", "mvn"):
        shift = _shift(name)
        return simple(f"{mnemonic} x{{d}}, x{{s}}{shift}")
    if mnemonic in _ARITHMETIC.split():
        return _arithmetic(name)
    if mnemonic in ("lsl", "lsr", "asr", "ror") and first == "imm":
        return simple(f"{mnemonic} x{{d}}, x{{s}}, #3")
    template = _PLAIN_OF.get(mnemonic)
    return None if template is None else simple(template.format(m=mnemonic, d="{d}", s="{s}", condition=first))


def variable_shift(row: str) -> Form:
    """Return the form of "lsl (reg) / lslv" and its like."""
    return simple(f"{row.split()[0]} x{{d}}, x{{s}}, x24")


def _first_amount(name: RowName) -> str:
    """Return the number of a qualifier such as ">>17"."""
    return next(part.strip("<>") for part in name.qualifiers if part.startswith((">>", "<<")))


def scalar_move_form(row: str, name: RowName | None) -> Form | LeftOut | None:
    """Return the form of a row of "Scalar nop and move"."""
    if row == "nop":
        return Form(stream=("nop",))
    if row.startswith("mov (x -> x"):
        return _move("mov x{0}, x{1}", "x", is_chain="chain" in row)
    if row.startswith("mov (v.b -> v.b"):
        return _move("mov v{0}.16b, v{1}.16b", "v", is_chain="chain" in row)
    inner = row[row.index("(") + 1 : -1]
    if row.startswith(("mov / movz", "mov / movn")):
        mnemonic = row[len("mov / ") :].split()[0]
        return Form(stream=(f"{mnemonic} x<x>, {_wide_immediate(inner.split(';')[1])}",))
    if row.startswith("mov (mask imm"):
        return Form(stream=(f"mov x<x>, #{inner.split(';')[1].strip()}",))
    if row.startswith("movk"):
        return Form(stream=(f"movk x<x>, {_wide_immediate(inner)}",))
    return None if name is None else _clearing(name)


def _clearing(name: RowName) -> Form:
    if name.element:
        code = f"{name.mnemonic} v{{0}}.16b, v{{0}}.16b, v{{0}}.16b"
        return Form((code.format(0),), (code.format("<v>"),))
    code = f"{name.mnemonic} x{{0}}, x{{0}}, x{{0}}"
    return Form((code.format(0),), (code.format("<x>"),))


def _move(template: str, kind: str, *, is_chain: bool) -> Form:
    """Return a move; a chain goes to and fro between two registers, "chain" rows give the rate of one."""
    if is_chain:
        return Form(stream=(template.format(0, 1), template.format(1, 0)), copies_per_stream=2)
    source = "25" if kind == "x" else "30"
    there_and_back = (template.format(0, 1), template.format(1, 0))
    return Form(chain=there_and_back, stream=(template.format(f"<{kind}>", source),), links_per_chain=2)


def _wide_immediate(text: str) -> str:
    value, _, shift = text.strip().partition("<<")
    return f"#{value}" + (f", lsl #{shift}" if shift else "")


def _shift(name: RowName) -> str:
    kind = name.first.removeprefix("reg")
    word = next((part for part in name.qualifiers if part in _SHIFTED_BY_WORD), None)
    text = _SHIFTED_BY_WORD[word] if word else _SHIFTED.get(kind, "")
    return f", {text}" if text else ""


def _arithmetic(name: RowName) -> Form:
    mnemonic, first = name.mnemonic, name.first
    if first in _IMMEDIATES:
        return simple(f"{mnemonic} x{{d}}, x{{s}}, {_IMMEDIATES[first]}")
    return simple(f"{mnemonic} x{{d}}, x{{s}}, x24{_shift(name)}")


def _flags_form(name: RowName) -> Form:
    mnemonic, first = name.mnemonic, name.first
    if mnemonic in ("ccmp", "ccmn"):
        other = "x24" if first == "reg" else "#1"
        return Form(chain=(f"{mnemonic} x25, {other}, #0, {name.qualifiers[1]}",), why_no_stream=FLAGS_CHAIN)
    if mnemonic == "cfinv":
        return Form(chain=("cfinv",), why_no_stream=FLAGS_CHAIN)
    if mnemonic == "tst":
        other = "#0xff" if first == "imm" else f"x24{_shift(name)}"
        return Form((f"tst x0, {other}", _SELECT), less=(_SELECT,), why_no_stream=_FLAGS_ONLY)
    operands = {"rmif": "x{0}, #3, #15", "setf8": "w{0}", "setf16": "w{0}"}[mnemonic]
    code = f"{mnemonic} {operands}"
    return Form((code.format(0), _SELECT), less=(_SELECT,), why_no_stream=_FLAGS_ONLY)

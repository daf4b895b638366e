"""Rows of loads and stores as code.

A 64-bit load chases a pointer. A narrower one adds its result, zero, to the address of the next, less that addition;
its throughput was measured with such an addition to what each loads, too (0.50 a cycle on a Cortex-A53, where LDRB with
a register offset goes at 1; the pair of words 0.33, where that of doublewords goes at 0.50). A load of vector registers
is moved to a general register, from the last element of the last register where there are several; the source took off
an estimate for the way back that it calls doubtful, so these latencies are compared as differences from that of
`ldr.q (imm; ofs = 0)`. Stores that write back their base rotate among four bases, as several go in a cycle where each
alone would wait; the bases lie apart where they change, since such stores go more slowly (1.0 against 1.5 a cycle on a
Neoverse N1, 1.6 against 2.0 on a V1), and go to and fro: unaligned ones of 16 bytes that only went on would cross
lines, which the figures do not show. Literals lie at a fixed distance from the load, so that half of the doublewords
are unaligned and one in 16 crosses a line: 0.66 a cycle on a Cortex-A53, 0.94 on an A72, 1.88 on a Neoverse N1.
"""

import re

from isa_models.silicon.form import Form, LeftOut
from isa_models.silicon.row_name import RowName
from isa_models.silicon.shapes import shapes

VECTOR_ANCHOR = "ldr.q (imm; ofs = 0)"
_LINE_BYTES = 64
_ALL_VECTORS = 32
_BASES = 4
_ADD = "add x0, x0, x1"
_FREE_ADD = "add x<x>, x<x>, x28"
_OFFSET = re.compile(r"ofs = (\d+)")
_SLOW_PAIR = "by a factor of 0.3 to 0.65 slower than LDP, another one on each core: what goes with it is not known"
_PAGE_CROSSING = "the engines know lines but no pages"


def scalar_load_form(name: RowName) -> Form | LeftOut | None:
    """Return the form of a row of "Scalar load"."""
    if "cross-page" in name.qualifiers:
        return LeftOut(_PAGE_CROSSING)
    if name.first == "literal":
        return Form(stream=(f"{name.mnemonic} x<x>, .",))
    if name.mnemonic == "ldnp":
        return LeftOut(_SLOW_PAIR)
    if name.mnemonic in ("ldp", "ldpsw"):
        return _scalar_pair(name)
    if name.mnemonic in ("ldr", "ldur"):
        return _pointer_chase(name)
    return _narrow_load(name)


def scalar_store_form(name: RowName) -> Form | LeftOut | None:
    """Return the form of a row of "Scalar store (throughput)"."""
    if "cross-page" in name.qualifiers:
        return LeftOut(_PAGE_CROSSING)
    if name.mnemonic == "stp":
        return Form(stream=("stp x24, x25, [x28]",))
    width = "w" if name.mnemonic[-1] in "bh" else "x"
    return _store(name, f"{width}24")


def vector_load_form(name: RowName) -> Form | LeftOut | None:
    """Return the form of a row of "Vector load"."""
    if name.mnemonic == "ldnp":
        return Form(stream=("ldnp q<v>, q<v1>, [x28]",), list_length=2)
    if name.mnemonic == "ldp":
        misaligned = int("unaligned" in name.qualifiers)
        register = 1 if "2nd elem" in name.qualifiers else 0
        return _loaded("ldp q{0}, q{1}, [x{2}]", f"v{register}.d[0]", misaligned)
    if name.mnemonic in ("ldr", "ldur"):
        offset = _offset(name)
        code = f"{name.mnemonic} q{{0}}, [x{{2}}, #{offset}]"
        return _loaded(code, "v0.d[0]", int("unaligned" in name.qualifiers))
    return _structure_load(name)


def vector_store_form(name: RowName) -> Form | LeftOut | None:
    """Return the form of a row of "Vector store (throughput)"."""
    if name.mnemonic == "stp":
        return Form(stream=("stp q30, q31, [x28]",))
    if name.mnemonic in ("str", "stur"):
        return _store(name, "q30")
    return Form(stream=(structure_store(name, "x28").format(24, 25, 26, 27),))


def structure_store(name: RowName, base: str) -> str:
    """Return an ST1 to ST4 of whole registers or of one lane, a template of its one to four register numbers."""
    count = int(name.mnemonic[2])
    arrangement, lane = _arrangement(name)
    if name.mnemonic == "st1" and len(name.qualifiers) > 1 and "reg" in name.qualifiers[1]:
        count = int(name.qualifiers[1].split()[0])
    registers = ", ".join(f"v{{{number}}}.{arrangement}" for number in range(count))
    return f"{name.mnemonic} {{{{{registers}}}}}{lane}, [{base}]"


def _pointer_chase(name: RowName) -> Form:
    """Return a chase of x0: to itself, or along a buffer of pointers to the next where the base is written back."""
    mnemonic, misaligned = name.mnemonic, _misalignment(name)
    setup = [f"add x0, x28, #{misaligned}", "mov x1, x0"] if misaligned else ["mov x1, x0"]
    if name.first.startswith("reg"):
        shift = ", lsl #3" if "<<3" in name.qualifiers else ""
        code = f"ldr x0, [x0, x26{shift}]"
        stream = f"ldr x<x>, [x20, x26{shift}]"
        return Form((code,), (stream,), setup=(*setup, "str x0, [x0]", "mov x20, x1"))
    offset = _offset(name)
    is_pre, is_post = "pre, ofs" in str(name.qualifiers), "post, ofs" in str(name.qualifiers)
    if not (is_pre or is_post):
        code, stream = f"{mnemonic} x0, [x0, #{offset}]", f"{mnemonic} x<x>, [x20, #{offset}]"
        return Form((code,), (stream,), setup=(*setup, f"stur x0, [x0, #{offset}]", "mov x20, x1"))
    address = "[x{0}, #{1}]!" if is_pre else "[x{0}], #{1}"
    stream = f"ldr x<x>, {address.format('<b>', offset)}"
    if "ptr fwd." in name.qualifiers:
        return Form(chain=(f"ldr x1, {address.format(20, offset)}",))
    chain = (f"ldr x1, {address.format(0, offset)}", f"ldr x0, {address.format(1, offset)}")
    fill = f"str x0, [x0, #{offset if is_pre else 0}]"
    return Form(chain, (stream,), setup=(fill,), links_per_chain=2)


def _scalar_pair(name: RowName) -> Form:
    width = "x" if name.mnemonic == "ldpsw" or name.first == "x" else "w"
    misaligned = _misalignment(name)
    setup = (f"add x0, x28, #{misaligned}", "mov x20, x0")
    registers = f"{width}{{0}}, {width}{{1}}"
    if name.mnemonic == "ldp" and width == "x":
        order = (0, 2) if "1st elem" in name.qualifiers else (2, 0)
        chain = f"ldp {registers.format(*order)}, [x0]"
        stream = f"ldp {registers.format('<x>', '<x1>')}, [x20]"
        return Form((chain,), (stream,), setup=(*setup, "stp x0, x0, [x0]"))
    order = (1, 2) if "1st elem" in name.qualifiers else (2, 1)
    chain = f"{name.mnemonic} {registers.format(*order)}, [x0]"
    stream = f"{name.mnemonic} {registers.format('<x>', '<x1>')}, [x20]"
    return Form((chain, _ADD), (stream, _FREE_ADD), less=(_ADD,), setup=setup)


def _narrow_load(name: RowName) -> Form:
    mnemonic = name.mnemonic
    register = "x" if mnemonic.startswith(("ldrs", "ldurs")) else "w"
    misaligned = _misalignment(name)
    setup = (f"add x20, x28, #{misaligned}", "mov x0, x20")
    if name.first == "reg":
        chain = f"{mnemonic} {register}1, [x20, x1]"
        return Form((chain,), (f"{mnemonic} {register}<x>, [x20, x26]",), setup=setup)
    offset = _offset(name)
    chain = f"{mnemonic} {register}1, [x0, #{offset}]"
    stream = f"{mnemonic} {register}<x>, [x20, #{offset}]"
    return Form((chain, _ADD), (stream, _FREE_ADD), less=(_ADD,), setup=setup)


def _structure_load(name: RowName) -> Form:
    arrangement, lane = _arrangement(name)
    count = int(name.mnemonic[2])
    if name.mnemonic == "ld1" and len(name.qualifiers) > 1 and "reg" in name.qualifiers[1]:
        count = int(name.qualifiers[1].split()[0])
    registers = ", ".join(f"v{{{field}}}.{arrangement}" for field in (0, 1, 3, 4)[:count])
    code = f"{name.mnemonic} {{{{{registers}}}}}{lane}, [x{{2}}]"
    result = f"v{count - 1}.d[{1 if lane else 0}]"
    return _loaded(code, result, 0)


def _loaded(template: str, result: str, misaligned: int) -> Form:
    """Return a load of vector registers whose `result`, zero, goes into the address of the next.

    Fields of the template: 0, 1, 3 and 4 registers, 2 the base.
    """
    chain = template.format(0, 1, 0, 2, 3)
    stream = template.format("<v>", "<v1>", 20, "<v2>", "<v3>")
    back = (f"umov x1, {result}", _ADD)
    return Form(
        chain=(chain, *back),
        stream=(stream,),
        setup=(f"add x0, x28, #{misaligned}", "mov x20, x0"),
        anchor=VECTOR_ANCHOR,
        copies=_ALL_VECTORS,
        list_length=stream.count("<v"),
    )


def _store(name: RowName, data: str) -> Form:
    mnemonic, misaligned = name.mnemonic, _misalignment(name)
    offset = _offset(name)
    setup = tuple(f"add x{20 + base}, x28, #{misaligned + base * _BASES * offset}" for base in range(_BASES))
    if name.first.startswith("reg"):
        shift = ", lsl #3" if "<<3" in name.qualifiers else ""
        return Form(stream=(f"{mnemonic} {data}, [x20, x26{shift}]",), setup=setup)
    if "pre, ofs" in str(name.qualifiers):
        return Form(stream=(f"{mnemonic} {data}, [x<b>, #<sign>{offset}]!",), setup=setup)
    if "post, ofs" in str(name.qualifiers):
        return Form(stream=(f"{mnemonic} {data}, [x<b>], #<sign>{offset}",), setup=setup)
    return Form(stream=(f"{mnemonic} {data}, [x20, #{offset}]",), setup=setup)


def _arrangement(name: RowName) -> tuple[str, str]:
    """Return the arrangement of a structure's registers and its lane, "[15]" or ""."""
    if name.first.startswith("single"):
        return name.element, name.qualifiers[1] if len(name.qualifiers) > 1 else "[0]"
    return shapes(name.element)["full"], ""


def _offset(name: RowName) -> int:
    match = _OFFSET.search("; ".join(name.qualifiers))
    return int(match[1]) if match else 0


def _misalignment(name: RowName) -> int:
    if "cross-cache" in name.qualifiers:
        return _LINE_BYTES - 1
    return 1 if "unaligned" in name.qualifiers else 0

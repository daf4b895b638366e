"""Rows of stores whose bytes the next load reads, as code.

Latency is that of the way through memory and back into the register that is stored next; throughput is of pairs that
depend on each other only by their address.
"""

import re

from isa_models.silicon.form import Form, LeftOut
from isa_models.silicon.memory_forms import structure_store
from isa_models.silicon.row_name import parse

_PAIR = re.compile(r"^(?P<store>\S+(?: \([^()]*\))?)\s+-> (?P<load>\S+) \((?P<where>.*)\)$")
_OFFSET = re.compile(r"ofs = (\d+)")
_FALSE = "which of the two the chain runs through, without the bytes of the other, cannot be told from its figures"
_CONTRADICTION = (
    "a Cortex-A53 is slow where the store crosses a line and the load does not, an Apple M1 the other way round"
)
_ORDINALS = {"1st": 0, "2nd": 1, "3rd": 2, "4th": 3}


def store_to_load_form(row: str) -> Form | LeftOut | None:
    """Return the form of a row "STORE -> LOAD (WHERE)"."""
    match = _PAIR.match(row)
    if match is None:
        return None
    if "false dep." in match["where"]:
        return LeftOut(_FALSE)
    store, load, where = match["store"], match["load"], match["where"]
    if load.startswith("ldp"):
        return _pair_to_pair(where)
    if load.startswith("ldr.q"):
        return _to_vector(store, where)
    if "cross-cache" in where:
        return LeftOut(_CONTRADICTION)
    first, second = _offsets(where)
    if load == "ldr":
        second = 0  # written as 1 in "stur -> ldr": every core has the figures of two places there
    return Form(
        chain=(f"{store} x0, [x28, #{first}]", f"{load} x0, [x28, #{second}]"),
        stream=(f"{store} x24, [x28, #{first}]", f"{load} x<x>, [x28, #{second}]"),
    )


def _offsets(where: str) -> tuple[int, int]:
    """Return the two offsets of "ofs = 0 -> ofs = 1"."""
    first, second = _OFFSET.findall(where)
    return int(first), int(second)


def _only_offset(where: str) -> int:
    """Return the offset of "ofs = 16" or "ofs = 16 -> 2nd reg"."""
    return int(_OFFSET.findall(where)[0])


def _pair_to_pair(where: str) -> Form:
    store, load = _offsets(where)
    loaded = "x1, x0" if "swap" in where else "x0, x1"
    return Form(
        chain=(f"stp x0, x1, [x28, #{store}]", f"ldp {loaded}, [x28, #{load}]"),
        stream=(f"stp x24, x25, [x28, #{store}]", f"ldp x<x>, x<x1>, [x28, #{load}]"),
    )


def _to_vector(store: str, where: str) -> Form | None:
    """Return a store of registers of which the load takes the one that lies at its offset."""
    if store == "str.q":
        first, second = _offsets(where)
        return _vector_pair("stur q{0}, " + f"[x28, #{first}]", second, position=0)
    name = parse(store)
    if name is None:
        return None
    if name.mnemonic == "stp":
        offset = _only_offset(where)
        letter = name.element
        return _vector_pair(f"stp {letter}{{0}}, {letter}{{1}}, [x28]", offset, position=offset // 16)
    position = _ORDINALS[where.split()[0]] if "reg" in where else _only_offset(where) // 16
    return _vector_pair(structure_store(name, "x28"), 16 * position, position)


def _vector_pair(store: str, offset: int, position: int) -> Form:
    load = f"ldur q{{0}}, [x28, #{offset}]"
    return Form(
        chain=(store.format(0, 1, 2, 3), load.format(position)),
        stream=(store.format(24, 25, 26, 27), load.format("<v>")),
    )

"""What a core can do at best: binary products a cycle of EOR, CNT and an accumulation, with nothing else in the way.

Each product of a binary dot product costs its share of three vector operations on 128 bits. The bound is that of a long
stream of them without loads, branches and dependences that would matter, timed on the core like any other code. A
kernel that accumulates with a costlier instruction than ADD, or loads its operands, stays below it.
"""

from __future__ import annotations

from isa_models import Core, Simulator

PRODUCTS_PER_VECTOR = 128

_CHAINS = 8
"""Chains side by side: enough for the latencies of every core, and two registers for each of them fit."""
_SHORT, _LONG = 50, 150
"""Rounds of all chains in the two streams; their difference leaves out how the pipeline fills and drains."""

_known: dict[str, float] = {}


def binary_bound(core: Core) -> float:
    """Return the most binary products that the core can multiply and add up in a cycle; computed once a core.

    Raises isa_models.InputError if the core has no timing for one of the three instructions.
    """
    if core.digest not in _known:
        simulator = Simulator(_streams())
        cycles = {name: simulator.simulate(name, core).cycles for name in ("short", "long")}
        products = (_LONG - _SHORT) * _CHAINS * PRODUCTS_PER_VECTOR
        _known[core.digest] = products / (cycles["long"] - cycles["short"])
    return _known[core.digest]


def _streams() -> str:
    """Return the functions `short` and `long`: rounds of EOR, CNT and ADD on products v0 to v7 and sums v8 to v15."""
    chains = range(_CHAINS)
    steps = [f"eor v{chain}.16b, v30.16b, v31.16b" for chain in chains]
    steps += [f"cnt v{chain}.16b, v{chain}.16b" for chain in chains]
    steps += [f"add v{_CHAINS + chain}.16b, v{_CHAINS + chain}.16b, v{chain}.16b" for chain in chains]
    lines: list[str] = []
    for name, rounds in (("short", _SHORT), ("long", _LONG)):
        lines += [f".globl {name}", f"{name}:", f".rept {rounds}", *steps, ".endr", "ret"]
    return "\n".join(lines) + "\n"

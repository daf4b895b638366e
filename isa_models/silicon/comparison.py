"""Run the measured sequences and mixes on the emulated machine, time their traces, and compare with silicon."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from isa_models.core import Core
from isa_models.silicon.loops import Loops, Piece, cycles_per_pass
from isa_models.silicon.statistics import held_out
from isa_models.silicon.templates import unrolled
from isa_models.timing import time_trace

_FOLDER = Path(__file__).parent
SPLIT_SEED = 20240705
_LOOP_INSTRUCTIONS = 50
_SHORT, _LONG = 8, 24
_FLOATING_POINT = ("scvtf", "ucvtf")
_DIVIDER = ("sdiv", "udiv", "fdiv", "fsqrt")


@dataclass(frozen=True, slots=True)
class Case:
    """One measurement: instruction templates and the cycles of one pass; `is_held_out`: not for fitting."""

    name: str
    instructions: tuple[str, ...]
    measured: float
    is_held_out: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """A case and what the engine says: cycles, and what bounds them at best."""

    case: Case
    predicted: float
    bound: str = ""

    @property
    def error(self) -> float:
        """Signed relative error, predicted against measured."""
        return self.predicted / self.case.measured - 1.0


def a53_sequences() -> list[Case]:
    """Return the straight-line sequences with exact issue cycles on a Cortex-A53."""
    entries = json.loads((_FOLDER / "a53_sequences.json").read_text(encoding="utf-8"))["sequences"]
    return _split([(entry["name"], entry["instructions"], entry["issue_cycles"]) for entry in entries])


def a72_singletons() -> list[Case]:
    """Return single instructions in a dependency-free loop on a Cortex-A72."""
    return _a72_cases("a72_singletons.json")


def a72_mixes() -> list[Case]:
    """Return mixes of five instructions in a dependency-free loop on a Cortex-A72."""
    return _a72_cases("a72_mixes.json")


def compare_sequences(cases: Sequence[Case], core: Core) -> list[Comparison]:
    """Issue cycles of each straight-line case, from a cold pipeline with the data in L1."""
    pieces = [
        Piece(tuple(line.replace("{buff}", "x28") for line in case.instructions), setup=("mov x0, #0",))
        for case in cases
    ]
    loops = Loops(pieces)
    comparisons = []
    for case, piece in zip(cases, pieces, strict=True):
        simulation = time_trace(loops.trace(piece, passes=1), core)
        comparisons.append(Comparison(case, simulation.cycles, simulation.bound.what))
    return comparisons


def compare_loops(cases: Sequence[Case], core: Core) -> list[Comparison]:
    """Steady-state cycles of one pass over each case's instructions, in a loop of some 50 instructions.

    Counting down and branching back took time in the measured loops too, so they are part of the simulated ones.
    """
    copies = [_LOOP_INSTRUCTIONS // len(case.instructions) for case in cases]
    bodies = [unrolled(list(case.instructions), count) for case, count in zip(cases, copies, strict=True)]
    pieces = [Piece(tuple(body.splitlines()), with_loop=True) for body in bodies]
    loops = Loops(pieces)
    comparisons = []
    for case, piece, count in zip(cases, pieces, copies, strict=True):
        trace = loops.trace(piece, _LONG)
        cycles = cycles_per_pass(trace, (_SHORT, _LONG), core) / count
        comparisons.append(Comparison(case, cycles, time_trace(trace, core).bound.what))
    return comparisons


def summary(comparisons: Sequence[Comparison]) -> dict[str, float]:
    """Return count, mean and worst absolute relative error, and the shares that are exact and within 10 %."""
    errors = np.array([abs(comparison.error) for comparison in comparisons])
    return {
        "cases": len(errors),
        "mean": float(errors.mean()),
        "median": float(np.median(errors)),
        "worst": float(errors.max()),
        "exact": float((errors < 1e-9).mean()),
        "within 10 %": float((errors <= 0.1).mean()),
    }


def is_floating_point(case: Case) -> bool:
    """Whether a case holds floating-point work or integer divisions (moves between registers are none)."""
    names = _mnemonics(case)
    return uses_divider(case) or any(
        name in _FLOATING_POINT or (name.startswith("f") and name != "fmov") for name in names
    )


def uses_divider(case: Case) -> bool:
    """Whether a case holds a division or a square root."""
    return any(name in _DIVIDER for name in _mnemonics(case))


def _mnemonics(case: Case) -> list[str]:
    return [instruction.split()[0] for instruction in case.instructions]


def _a72_cases(name: str) -> list[Case]:
    entries = json.loads((_FOLDER / name).read_text(encoding="utf-8"))["mixes"]
    return _split([("; ".join(e["instructions"]), e["instructions"], e["measured_cycles"]) for e in entries])


def _split(entries: list[tuple[str, list[str], float]]) -> list[Case]:
    checking = held_out(len(entries), SPLIT_SEED)
    return [
        Case(name, tuple(instructions), float(measured), number in checking)
        for number, (name, instructions, measured) in enumerate(entries)
    ]

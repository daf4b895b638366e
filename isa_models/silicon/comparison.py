"""Run the measured snippets through the engines and compare: predicted against measured cycles."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from isa_models.core import Core
from isa_models.program import Program
from isa_models.silicon.snippets import assemble, repeated_trace
from isa_models.silicon.templates import unrolled
from isa_models.timing import time_trace
from isa_models.trace import Trace

_FOLDER = Path(__file__).parent
_SPLIT_SEED = 20240705
_COPIES = 12
_SHORT, _LONG = 8, 24
_DIVISIONS = ("scvtf", "ucvtf", "sdiv", "udiv")
_TAKEN = ("cbz_taken", "b_dual_issue")


@dataclass(frozen=True, slots=True)
class Case:
    """One measurement: instruction templates and the cycles of one pass; `is_held_out`: not for fitting."""

    name: str
    instructions: tuple[str, ...]
    measured: float
    is_held_out: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """A case and what the engine says."""

    case: Case
    predicted: float

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
    snippets = ["\n".join(case.instructions).replace("{buff}", "x28") for case in cases]
    programs = assemble(snippets)
    return [
        Comparison(case, time_trace(_path(case, program), core).cycles)
        for case, program in zip(cases, programs, strict=True)
    ]


def compare_loops(cases: Sequence[Case], core: Core) -> list[Comparison]:
    """Steady-state cycles of one pass over each case's instructions."""
    programs = assemble([unrolled(list(case.instructions), _COPIES) for case in cases])
    return [
        Comparison(case, steady_cycles(program, core) / _COPIES) for case, program in zip(cases, programs, strict=True)
    ]


def steady_cycles(program: Program, core: Core) -> float:
    """Cycles that one more repetition of a straight-line program takes once the pipeline is full."""
    short = time_trace(repeated_trace(program, _SHORT), core).cycles
    long = time_trace(repeated_trace(program, _LONG), core).cycles
    return (long - short) / (_LONG - _SHORT)


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
    """Whether a case holds floating-point work, divisions included (moves between registers are none)."""
    mnemonics = [instruction.split()[0] for instruction in case.instructions]
    return any(name in _DIVISIONS or (name.startswith("f") and name != "fmov") for name in mnemonics)


def _a72_cases(name: str) -> list[Case]:
    entries = json.loads((_FOLDER / name).read_text(encoding="utf-8"))["mixes"]
    return _split([("; ".join(e["instructions"]), e["instructions"], e["measured_cycles"]) for e in entries])


def _split(entries: list[tuple[str, list[str], float]]) -> list[Case]:
    """Hold out every other case of a random order with a fixed seed."""
    order = np.random.default_rng(_SPLIT_SEED).permutation(len(entries))
    held_out = set(order[::2].tolist())
    return [
        Case(name, tuple(instructions), float(measured), number in held_out)
        for number, (name, instructions, measured) in enumerate(entries)
    ]


def _path(case: Case, program: Program) -> Trace:
    """Trace of a sequence; code between a taken branch and its label is not executed."""
    skipped: set[int] = set()
    if case.name in _TAKEN:
        lines = [line for line in case.instructions if not line.endswith(":")]
        jump = next(number for number, line in enumerate(lines) if line.split()[0] in ("b", "cbz"))
        skipped = set(range(jump + 1, case.instructions.index("0:")))
    trace = repeated_trace(program, 1)
    kept = [number for number in trace.index.tolist() if number not in skipped]
    return Trace(program, trace.index[kept], trace.address[kept])

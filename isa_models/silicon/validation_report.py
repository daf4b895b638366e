"""`docs/validation.md`: how far the simulator is from silicon, and what has no silicon behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from isa_models.core import Core, Sourced
from isa_models.silicon.data_sets import DataSet
from isa_models.silicon.statistics import Point, errors_of

_WORST = 12
_WORST_OF_A_REASON = 3
_LARGE = 0.10
_COLUMNS = "half | cases | median | mean | worst | within 2 % | 5 % | 10 % | exact"
_HEAD = """# How far the simulator is from silicon

Made by `make validate`; do not edit. Every figure here comes from code that was assembled, run on the emulated machine
and timed on a core description, against timings that others measured on silicon
([sources and licences](../isa_models/silicon/README.md)).

Each file is split into halves by a fixed seed: the *checking* half was kept from fitting. This holds for the mixes and
sequences; the entries of single instructions were read from whole files, so the two halves of a table or of the
singletons say how even a fit is, not what it predicts. An error is relative and absolute; where a file gives two
decimals, it is counted from the nearest number that rounds to the one given.
"""
_MISSING = """## What has no measurement behind it

- **Cortex-A55**: nothing of it was measured; it is a Cortex-A53 with changes from secondary sources.
- **Cortex-A76** (Raspberry Pi 5): no timing of its own but for UDOT; its pipeline is that of the Neoverse N1 here.
- **Caches and memory**: latencies of L2 and memory, bandwidths, misses outstanding, and **prefetchers** of every core.
- **Branch prediction**: misprediction costs come from few figures, what is learned is a simple model, and the rows of
  branches in the table are left out.
- **64-bit forms** of Advanced SIMD instructions: the table has 128-bit ones nearly alone; the singletons and mixes of
  the Cortex-A72 and the sequences of the Cortex-A53 hold some. Many entries are taken over from a like instruction
  ('like' another, below; the Cortex-A76 takes all of them from the Neoverse N1).
- **Chains between different instructions**: a table of single instructions shows no bypass between units.
- **From an atomic operation to a load of its bytes**: the load waits for the result of the operation, and then as long
  as for the data of a store.
- **Queues in front of the ports**: the mixes of the Cortex-A72 fit 4 to 32 waiting micro-operations alike, and eight is
  taken from secondary literature. Blocks of like instructions, as in the kernels of this project, depend on it: the
  binary convolutions with 64 channels take up to 10 % longer with six and up to 9 % less with twelve
  (`--override port_queue=6`). The queues of the other cores are guesses.

A description says for each of its entries how sure it is: *high* is measured, *medium* follows from a measurement of
a like instruction, *low* comes from secondary sources or is a guess.
"""


def report(sets: Sequence[DataSet], cores: Sequence[Core]) -> str:
    """Return the whole page in Markdown."""
    parts = [_HEAD, _overview(sets), *(_section(data) for data in sets), _MISSING, _confidence(cores)]
    return "\n".join(part.strip("\n") + "\n" for part in parts)


def _overview(sets: Sequence[DataSet]) -> str:
    """Return one line for each data set and half, without the parts that are kept apart."""
    lines = ["## Overview", "", *_heading(f"core | file | {_COLUMNS}")]
    for data in sets:
        lines += [f"| {data.core} | {data.file} | {cells}" for cells in _cells(data, data.usual)]
    apart = {part.title for data in sets for part in data.parts if part.is_apart}
    return "\n".join([*lines, "", f"Kept apart, see below: {'; '.join(sorted(apart))}."])


def _cells(data: DataSet, points: Sequence[Point]) -> Iterable[str]:
    """Return the rest of a line of a table for each half that has points."""
    for half, is_held_out in (("fitting", False), ("checking", True)):
        chosen = [point for point in points if point.is_held_out == is_held_out]
        if chosen:
            errors = errors_of(chosen)
            shares = (errors.within_2, errors.within_5, errors.within_10)
            exact = f"{errors.exact:.1%}" if data.is_whole_cycles else ""
            averages = f"{errors.count} | {errors.median:.1%} | {errors.mean:.1%} | {errors.worst:.1%}"
            yield f"{half} | {averages} | {' | '.join(f'{share:.1%}' for share in shares)} | {exact} |"


def _section(data: DataSet) -> str:
    title = f"## {data.core}, {data.file}"
    lines = [title, "", f"![Simulated against measured, and errors](validation/{data.key}.svg)", ""]
    lines += _heading(f"kind | {_COLUMNS}")
    groups = [(part.title, part.points) for part in data.parts]
    if any(part.is_apart for part in data.parts):
        groups.append(("**all but what is kept apart**", data.usual))
    if len(data.parts) > 1:
        groups.append(("**all**", data.points))
    for kind, points in groups:
        lines += [f"| {kind} | {cells}" for cells in _cells(data, points)]
    return "\n".join([*lines, "", *_worst(data), *_reasons(data), *_left_out(data)])


def _worst(data: DataSet) -> list[str]:
    wrong = [point for point in data.points if point.error]
    if not wrong:
        return ["Every case is exact."]
    lines = _heading("worst cases, three a reason | measured | simulated | error | why")
    for point in _varied(sorted(wrong, key=lambda point: (-abs(point.error), point.name))):
        figures = f"{point.measured:.2f} | {point.simulated:.2f} | {point.error:+.1%}"
        lines.append(f"| `{point.name}` | {figures} | {point.why or 'not explained'} |")
    return lines


def _varied(points: Iterable[Point]) -> list[Point]:
    """Return the first points, few of each reason."""
    chosen: list[Point] = []
    counts: Counter[str] = Counter()
    for point in points:
        counts[point.why] += 1
        if counts[point.why] <= _WORST_OF_A_REASON or not point.why:
            chosen.append(point)
    return chosen[:_WORST]


def _reasons(data: DataSet) -> list[str]:
    """Return how many errors above a limit have which reason."""
    counts = Counter(point.why or "not explained" for point in data.points if abs(point.error) > _LARGE)
    lines = [f"- {count}: {reason}" for reason, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    return ["", f"Errors above {_LARGE:.0%} by reason:", "", *lines] if lines else []


def _heading(columns: str) -> list[str]:
    return [f"| {columns} |", "|" + " --- |" * len(columns.split("|"))]


def _left_out(data: DataSet) -> list[str]:
    if not data.left_out:
        return []
    lines = [f"- {count}: {reason}" for reason, count in data.left_out.items()]
    return ["", f"Left out or not timed ({sum(data.left_out.values())} figures):", "", *lines]


def _confidence(cores: Sequence[Core]) -> str:
    lines = _heading("core | timed classes | high | medium | low | 'like' another | other entries of low confidence")
    for core in cores:
        counts = Counter(timing.confidence for timing in core.classes.values())
        like = sum(timing.source == "like" for timing in core.classes.values())
        parts = (name for name in type(core).model_fields if isinstance(getattr(core, name), Sourced))
        low = [name for name in parts if getattr(core, name).confidence == "low"]
        lines.append(
            f"| {core.name} | {len(core.classes)} | {counts['high']} | {counts['medium']} | {counts['low']} |"
            f" {like} | {', '.join(low) or 'none'} |"
        )
    return "\n".join(lines)

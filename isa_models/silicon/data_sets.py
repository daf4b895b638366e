"""What the simulator says about each file of measurements, as points to be summarised and plotted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from isa_models.core import Core, load_core
from isa_models.silicon.comparison import (
    SPLIT_SEED,
    Case,
    Comparison,
    a53_sequences,
    a72_mixes,
    a72_singletons,
    compare_loops,
    compare_sequences,
    is_floating_point,
    uses_divider,
)
from isa_models.silicon.known_differences import why
from isa_models.silicon.statistics import Point, held_out
from isa_models.silicon.table_comparison import Figure, TimingTable
from isa_models.silicon.timing_table import Measurement, measured_cores, measurements, table_rows

TABLE_CORES = ("cortex-a53", "cortex-a72", "neoverse-n1", "neoverse-v1", "apple-m1")
"""Cores of the table that have a description of the same name."""

_DOUBTFUL = "latency of vector loads (doubted by the source)"


@dataclass(frozen=True, slots=True)
class Part:
    """Some points of a data set that are summarised together; `is_apart`: and kept out of the figure for the rest."""

    title: str
    points: tuple[Point, ...]
    is_apart: bool = False


@dataclass(frozen=True, slots=True)
class DataSet:
    """The measurements of one file on one core.

    Attributes:
        key: Short name, part of file names.
        core: Name of the core's description.
        file: That holds the measurements.
        unit: Of the numbers.
        parts: Its points by kind; they do not overlap.
        left_out: Number of measurements that are not simulated, by reason.

    """

    key: str
    core: str
    file: str
    unit: str
    parts: tuple[Part, ...]
    left_out: dict[str, int]

    @property
    def is_whole_cycles(self) -> bool:
        """Whether the measured numbers are exact, so that a simulated one can be."""
        return self.unit == "issue cycles"

    @property
    def usual(self) -> tuple[Point, ...]:
        """All points but those of the parts that are kept apart."""
        return tuple(point for part in self.parts if not part.is_apart for point in part.points)

    @property
    def points(self) -> tuple[Point, ...]:
        """All points."""
        return tuple(point for part in self.parts for point in part.points)


def sequence_set() -> DataSet:
    """Return the straight-line sequences of the Cortex-A53."""
    points = _points(a53_sequences(), compare_sequences, load_core("cortex-a53"))
    part = Part("straight-line sequences", tuple(point for _, point in points))
    return DataSet("cortex-a53-sequences", "cortex-a53", "a53_sequences.json", "issue cycles", (part,), {})


def singleton_set() -> DataSet:
    """Return the single instructions of the Cortex-A72."""
    return _loop_set("cortex-a72-singletons", "a72_singletons.json", a72_singletons())


def mix_set() -> DataSet:
    """Return the mixes of five instructions of the Cortex-A72."""
    return _loop_set("cortex-a72-mixes", "a72_mixes.json", a72_mixes())


def table_sets() -> list[DataSet]:
    """Return the table of instructions, one data set for each core that has a description."""
    rows = table_rows()
    table = TimingTable(rows)
    checking = {rows[number] for number in held_out(len(rows), SPLIT_SEED)}
    cores = [name for name in measured_cores() if name in TABLE_CORES]
    return [_table_set(table, checking, name, measurements(name)) for name in cores]


def sets_of(core: str) -> list[DataSet]:
    """Return the data sets of one core, none for a core that nothing was measured of."""
    sets: list[DataSet] = []
    if core == "cortex-a53":
        sets.append(sequence_set())
    if core == "cortex-a72":
        sets += [singleton_set(), mix_set()]
    if core in TABLE_CORES:
        rows = table_rows()
        checking = {rows[number] for number in held_out(len(rows), SPLIT_SEED)}
        entries = measurements(core)
        table = TimingTable((entry.group, entry.row) for entry in entries)
        sets.append(_table_set(table, checking, core, entries))
    return sets


def _loop_set(key: str, file: str, cases: Sequence[Case]) -> DataSet:
    points = _points(cases, compare_loops, load_core("cortex-a72"))
    integer = tuple(point for case, point in points if not is_floating_point(case))
    floating = tuple(point for case, point in points if is_floating_point(case) and not uses_divider(case))
    divider = tuple(point for case, point in points if uses_divider(case))
    parts = (
        Part("without floating point", integer),
        Part("with floating point", floating),
        Part("with divisions or square roots", divider, is_apart=True),
    )
    return DataSet(key, "cortex-a72", file, "cycles", parts, {})


def _points(
    cases: Sequence[Case], compare: Callable[[Sequence[Case], Core], list[Comparison]], core: Core
) -> list[tuple[Case, Point]]:
    return [
        (
            entry.case,
            Point(
                name=entry.case.name,
                measured=entry.case.measured,
                simulated=entry.predicted,
                error=entry.error,
                is_held_out=entry.case.is_held_out,
                why=f"simulated: {entry.bound}",
            ),
        )
        for entry in compare(cases, core)
    ]


def _table_set(
    table: TimingTable, checking: set[tuple[str, str]], name: str, entries: Sequence[Measurement]
) -> DataSet:
    parts: dict[str, list[Point]] = {"latency": [], "throughput": [], _DOUBTFUL: []}
    left_out: dict[str, int] = {}
    for figure in table.figures(entries, load_core(name)):
        if figure.simulated is None:
            reason = figure.problem.removeprefix("left out: ").split("): ", 1)[-1]
            left_out[reason] = left_out.get(reason, 0) + 1
        else:
            title = _DOUBTFUL if figure.is_doubtful else figure.quantity
            parts[title].append(_table_point(name, figure, figure.simulated, checking))
    return DataSet(
        key=f"{name}-table",
        core=name,
        file="instruction_timing.csv",
        unit="cycles, or instructions per cycle",
        parts=tuple(Part(title, tuple(points), is_apart=title == _DOUBTFUL) for title, points in parts.items()),
        left_out=dict(sorted(left_out.items(), key=lambda item: (-item[1], item[0]))),
    )


def _table_point(core: str, figure: Figure, simulated: float, checking: set[tuple[str, str]]) -> Point:
    return Point(
        name=f"{figure.row}, {figure.quantity}",
        measured=figure.measured,
        simulated=simulated,
        error=figure.error,
        is_held_out=(figure.group, figure.row) in checking,
        why=why(core, figure.row, figure.quantity),
    )

"""The instruction-timing table against the simulator: every row that is code, run and timed on a core."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from isa_models.core import Core
from isa_models.errors import InputError, IsaModelError
from isa_models.silicon.form import Form, LeftOut
from isa_models.silicon.form_runs import FormRuns, FormTimes
from isa_models.silicon.instruction_forms import form_of
from isa_models.silicon.timing_table import Measurement

Quantity = Literal["latency", "throughput"]

_ROUNDING = 0.005
"""Half of the last digit that the table gives."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number and what the simulator says.

    Attributes:
        group: Heading of the row in the table.
        row: Its name.
        quantity: "latency", in cycles, or "throughput", in instructions per cycle.
        measured: On silicon, rounded to two decimals.
        simulated: None where the row could not be timed.
        problem: Why not; starts with "left out: " where the row is not meant to be.
        is_doubtful: Whether the source itself doubts what it measured (latencies of vector loads).

    """

    group: str
    row: str
    quantity: Quantity
    measured: float
    simulated: float | None
    problem: str = ""
    is_doubtful: bool = False

    @property
    def error(self) -> float:
        """Relative error, signed, of what was simulated to the nearest number that rounds to what was measured."""
        if self.simulated is None:
            raise ValueError(f"{self.row}: not simulated ({self.problem})")
        low, high = max(self.measured - _ROUNDING, 1e-9), self.measured + _ROUNDING
        if low <= self.simulated <= high:
            return 0.0
        return self.simulated / (high if self.simulated > high else low) - 1.0


class TimingTable:
    """The forms of some rows, assembled and run once, to be timed on any number of cores."""

    def __init__(self, rows: Iterable[tuple[str, str]]) -> None:
        self._forms = {key: form_of(*key) for key in rows}
        self._runs = FormRuns(form for form in self._forms.values() if isinstance(form, Form))

    def figures(self, entries: Sequence[Measurement], core: Core) -> list[Figure]:
        """Compare measured rows, all of them rows of this table, with the simulator; in their order."""
        figures: list[Figure] = []
        times = FormTimes(self._runs, core)
        anchors = {entry.row: entry.latency for entry in entries}
        for entry in entries:
            form = self._forms[entry.group, entry.row]
            if entry.latency is not None:
                figures.append(self._latency(entry, entry.latency, form, anchors, times))
            if entry.throughput is not None:
                figures.append(self._throughput(entry, entry.throughput, form, times))
        return figures

    def _latency(
        self,
        entry: Measurement,
        measured: float,
        form: Form | LeftOut,
        anchors: dict[str, float | None],
        times: FormTimes,
    ) -> Figure:
        simulated, problem = None, ""
        if isinstance(form, LeftOut):
            problem = f"left out: {form.reason}"
        elif not form.chain:
            problem = f"left out: {form.why_no_chain}"
        elif form.anchor == entry.row:
            problem = "left out: the other latencies of its group are compared as differences from it"
        else:
            try:
                simulated = times.latency(form) + self._shift(form, anchors, times)
            except IsaModelError as error:
                problem = str(error)
        is_doubtful = entry.group.startswith("Vector load")
        return Figure(entry.group, entry.row, "latency", measured, simulated, problem, is_doubtful)

    def _shift(self, form: Form, anchors: dict[str, float | None], times: FormTimes) -> float:
        """Cycles that the source took off a row and its anchor alike, as the anchor tells."""
        if form.anchor is None:
            return 0.0
        group = next(group for group, row in self._forms if row == form.anchor)
        anchor, measured = self._forms[group, form.anchor], anchors.get(form.anchor)
        if not isinstance(anchor, Form) or measured is None:
            raise InputError(f"the latency of '{form.anchor}', which this one is relative to, was not measured")
        return measured - times.latency(anchor)

    def _throughput(self, entry: Measurement, measured: float, form: Form | LeftOut, times: FormTimes) -> Figure:
        simulated, problem = None, ""
        if isinstance(form, LeftOut):
            problem = f"left out: {form.reason}"
        elif not form.stream:
            problem = f"left out: {form.why_no_stream}"
        else:
            try:
                simulated = times.throughput(form)
            except IsaModelError as error:
                problem = str(error)
        return Figure(entry.group, entry.row, "throughput", measured, simulated, problem)

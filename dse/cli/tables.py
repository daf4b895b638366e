"""Tables that the command line prints."""

from __future__ import annotations

import sys

from rich import box
from rich.console import Console
from rich.table import Table

from dse.evaluation import LATENCY_SCOPE
from dse.results import StudyResults, TrialResult

PLAIN_WIDTH = 140
"""Columns of a table where standard output is not a terminal that has its own."""


def print_table(table: Table) -> None:
    """Print to standard output, in the terminal's width if it is one."""
    Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH).print(table)


def front_table(results: StudyResults) -> Table:
    """Return the Pareto front, fastest first, each design with its gain over the conventional one."""
    title = (
        f"Pareto front of {results.name}: {len(results.front)} of {len(results.complete)} designs, "
        f"{results.network} on {results.dataset}, {results.core}"
    )
    table = _design_table(title)
    table.caption = f"Accuracy on the validation images ± standard error. Latency counts the {LATENCY_SCOPE}."
    for trial in results.front:
        table.add_row(*_design_cells(trial, results.conventional))
    return table


def trials_table(results: StudyResults) -> Table:
    """Return every trial in the order of their numbers, with the reason where one has no result."""
    table = _design_table(f"Trials of {results.name}: {results.core}, {results.network} on {results.dataset}")
    table.add_column("state")
    for trial in results.trials:
        state = trial.state.name.lower()
        reason = f"{state}: {trial.reason}" if trial.reason else state
        table.add_row(*_design_cells(trial, results.conventional), reason)
    return table


def _design_table(title: str) -> Table:
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", caption_justify="left")
    for heading in ("trial", "accuracy %", "latency ms", "width", "accumulator"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("overflow", no_wrap=True)
    for heading in ("clip", "tile", "speed-up", "accuracy gain"):
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _design_cells(trial: TrialResult, conventional: TrialResult | None) -> list[str]:
    design = trial.design
    described = ["", "", "", "", ""]
    if design is not None:
        clip = "none" if design.clip is None else str(design.clip)
        described = [
            f"{design.width_multiplier:g}",
            f"{design.accumulator}-bit",
            design.overflow.value,
            clip,
            str(design.tile),
        ]
    return [str(trial.number), *_objective_cells(trial), *described, *_gain_cells(trial, conventional)]


def _objective_cells(trial: TrialResult) -> list[str]:
    if not trial.complete:
        return ["", ""]
    latency, accuracy = trial.point
    error = trial.attributes.accuracy_standard_error
    margin = "" if error is None else f" ± {100 * error:.2f}"
    return [f"{100 * accuracy:.2f}{margin}", f"{latency:.4f}"]


def _gain_cells(trial: TrialResult, conventional: TrialResult | None) -> list[str]:
    if not trial.complete or conventional is None:
        return ["", ""]
    if trial.number == conventional.number:
        return ["conventional", ""]
    latency, accuracy = trial.point
    reference_latency, reference_accuracy = conventional.point
    return [f"{reference_latency / latency:.2f}x", f"{100 * (accuracy - reference_accuracy):+.2f}"]

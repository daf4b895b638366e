"""Tables that the command line prints."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from dse.accuracy_claims import (
    ERRORS_NOTE,
    MARK,
    accuracy_gain,
    against_conventional,
    marked_groups,
    study_notes,
)
from dse.comparison import Line
from dse.evaluation import LATENCY_SCOPE
from dse.goal import Goal
from dse.hypervolume import stalled_for
from dse.recipe_text import recipe_text
from dse.results import StudyResults, TrialResult
from dse.second_look_claims import LONGER, refined_mark
from dse.twin_rows import twin_headings, twin_rows

PLAIN_WIDTH = 140
"""Columns of a table where standard output is not a terminal that has its own."""


def print_table(table: Table) -> None:
    """Print to standard output, in the terminal's width if it is one."""
    Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH).print(table)


def front_table(results: StudyResults) -> Table:
    """Return the Pareto front, best in the first objective first, each design with its gain over the conventional."""
    title = (
        f"Pareto front of {results.name}: {len(results.front)} of {len(results.complete)} designs, "
        f"{results.network} on {results.dataset}, {results.core_name}"
    )
    table = _design_table(title, results)
    table.caption = f"Training: {recipe_text(results.recipe)}. {ERRORS_NOTE} Latency counts the {LATENCY_SCOPE}."
    for trial in results.front:
        table.add_row(*_design_cells(results, trial))
    return table


def trials_table(results: StudyResults) -> Table:
    """Return every trial in the order of their numbers, with the reason where one has no result."""
    table = _design_table(
        f"Trials of {results.name}: {results.core_name}, {results.network} on {results.dataset}", results
    )
    table.add_column("state")
    for trial in results.trials:
        state = trial.state.name.lower()
        reason = f"{state}: {trial.reason}" if trial.reason else state
        table.add_row(*_design_cells(results, trial), reason)
    return table


def layers_table(trial: TrialResult) -> Table:
    """Return the binary layers of a trial: what each runs in which tile, and what that takes."""
    table = Table(title=f"Layers of trial {trial.number}: {trial.design}", box=box.SIMPLE_HEAD, title_justify="left")
    for heading in ("layer", "shape", "tile"):
        table.add_column(heading, no_wrap=True)
    for heading in ("cycles", "products a cycle"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("bound")
    for layer in trial.attributes.layers:
        figures = (f"{layer.cycles:,}", f"{layer.products_per_cycle:.1f}")
        table.add_row(layer.name, layer.shape, layer.tile, *figures, layer.bound)
    return table


def twins_table(results: StudyResults, trial: TrialResult) -> Table:
    """Return the designs that compute the same as a complete trial's and are no better."""
    title = f"As accurate as trial {trial.number}, as they compute the same, and no better: timed and not trained"
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left")
    design, *figures = twin_headings(results)
    table.add_column(design)
    for heading in figures:
        table.add_column(heading, justify="right")
    for cells in twin_rows(results, trial):
        table.add_row(*cells)
    return table


def comparison_table(lines: Sequence[Line]) -> Table:
    """Return two trials or studies side by side."""
    table = Table(box=box.SIMPLE_HEAD, caption=ERRORS_NOTE, caption_justify="left")
    for heading in ("", "first", "second", "second against first"):
        table.add_column(heading)
    for line in lines:
        table.add_row(line.what, line.one, line.other, line.difference)
    return table


def front_notes(results: StudyResults) -> list[str]:
    """Return what the accuracies of the front show and do not show, a line each, for below a table of designs."""
    notes = study_notes(results)
    for faster, unshown in marked_groups(results):
        numbers = ", ".join(str(trial.number) for trial in unshown)
        trials = "trial" if len(unshown) == 1 else "trials"
        notes.append(f"{MARK} not shown to be more accurate than trial {faster.number}: {trials} {numbers}")
    equal = results.equal_accuracy
    compared = against_conventional(results, equal) if equal else None
    if equal and compared:
        notes.append(f"trial {equal.number} against the conventional design: {compared}")
    return notes


def goal_notes(results: StudyResults) -> list[str]:
    """Return what a study is after where that is not the usual, how far it has come, and why it stopped."""
    goal = results.goal
    notes = []
    if goal.objectives != Goal().objectives:
        notes.append(f"objectives: {', '.join(map(str, goal.objectives))}")
    if goal.constraints:
        judged = [*results.complete, *(trial for trial in results.spared if not trial.feasible)]
        feasible = sum(trial.feasible for trial in judged)
        limits = ", ".join(map(str, goal.constraints))
        notes.append(f"constraints: {limits}; {feasible} of {len(judged)} designs keep them")
    if results.hypervolumes:
        volume, idle = results.hypervolumes[-1], stalled_for(results.hypervolumes)
        late = f", none of it in the last {trials_of(idle)}" if idle else ""
        notes.append(
            f"hypervolume {volume:.4f} of 1 after {trials_of(len(results.hypervolumes))}{late}; {_from(results)}"
        )
    if results.stopped:
        notes.append(f"last run: {results.stopped}")
    return notes


def trials_of(count: int) -> str:
    """Return a number of trials in words."""
    return f"{count} trial{'' if count == 1 else 's'}"


def _from(results: StudyResults) -> str:
    pairs = zip(results.goal.objectives, results.reference or (), strict=True)
    return f"reference {', '.join(f'{objective.label} {objective.text(value)}' for objective, value in pairs)}"


def _design_table(title: str, results: StudyResults) -> Table:
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", caption_justify="left")
    table.add_column("trial", justify="right", no_wrap=True)
    table.add_column("accuracy %", no_wrap=True)
    if results.look is not None:
        table.add_column(f"{LONGER} %", no_wrap=True)
    for heading in ("latency ms", "width"):
        table.add_column(heading, justify="right", no_wrap=True)
    is_long = results.differs_by_layer  # then these may wrap, and the others have room
    table.add_column("bits", justify="right", no_wrap=not is_long, overflow="fold")
    table.add_column("overflow", no_wrap=not is_long, overflow="fold")
    table.add_column("clip", justify="right", no_wrap=not is_long, overflow="fold")
    table.add_column("maps", justify="right", no_wrap=True)
    if results.chooses_network:
        table.add_column("network", overflow="fold")
    for measure in results.further_measures:
        table.add_column(
            measure.label, justify="right", overflow="fold"
        )  # its heading may wrap, so that the others have room
    for heading in ("speed-up", "gain"):
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _design_cells(results: StudyResults, trial: TrialResult) -> list[str]:
    design = trial.design
    described = ["", "", "", "", ""]
    if design is not None:
        described = [
            f"{design.network.width_multiplier:g}",
            design.accumulator_text,
            design.overflow_text,
            design.clip_text,
            design.network.maps.value,
        ]
    if results.chooses_network:
        described.append("" if design is None else design.network.further)
    gains = _gain_cells(trial, results.conventional)
    return [str(trial.number), *_objective_cells(results, trial), *described, *_further_cells(results, trial), *gains]


def _further_cells(results: StudyResults, trial: TrialResult) -> list[str]:
    known = dict(results.further(trial))
    return [measure.text(known[measure]) if measure in known else "" for measure in results.further_measures]


def _objective_cells(results: StudyResults, trial: TrialResult) -> list[str]:
    longer = [] if results.look is None else [_refined_cell(results, trial)]
    if not trial.complete:
        return ["", *longer, ""]
    mark = f" {MARK}" if trial.number in results.not_shown_above else ""
    return [f"{trial.measured.percent}{mark}", *longer, f"{trial.point[0]:.4f}"]


def _refined_cell(results: StudyResults, trial: TrialResult) -> str:
    if trial.refined is None:
        return ""
    return f"{trial.refined.measured.percent}{f' {MARK}' if refined_mark(results, trial) else ''}"


def _gain_cells(trial: TrialResult, conventional: TrialResult | None) -> list[str]:
    if not trial.complete or conventional is None:
        return ["", ""]
    if trial.number == conventional.number:
        return ["conventional", ""]
    return [f"{conventional.point[0] / trial.point[0]:.2f}x", accuracy_gain(trial, conventional)]

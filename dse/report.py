"""The report of a study: one HTML file that needs nothing else and asks the network for nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import optuna
from optuna.trial import TrialState
from plotly.offline import get_plotlyjs

from dse.accuracy_claims import (
    ERRORS_NOTE,
    HOLLOW_NOTE,
    against_conventional,
    front_mark,
    study_notes,
)
from dse.chart_theme import DARK, FIGURE_CONFIG, LIGHT, Theme
from dse.charts import SELECTION_TRACE, describe_design, front_figure, hypervolume_figure
from dse.headings import heading
from dse.layer_chart import layer_figure, layer_legend
from dse.page import asset, cards, script_json, write_page
from dse.recipe_text import recipe_text
from dse.results import StudyResults, TrialResult
from dse.second_look_claims import LONGER, refined_mark, refined_notes
from dse.study_reader import read_results

COLUMNS = (
    "Trial",
    "Accuracy (%)",
    "Test accuracy (%)",
    "Latency (ms)",
    "Against conventional",
    "Accumulator",
    "Overflow",
    "Clip",
    "Maps",
    "Width",
    "On the front",
)


def write_report(study: optuna.Study, path: Path) -> None:
    """Write the report of `study`; `path` is replaced at once, or left as it was if anything fails.

    Raises:
        UsageError: `study` is not one that this version of dse reads.
        DseError: The file cannot be written, or the study's attributes are damaged.

    """
    write_page(path, render_report(read_results(study)))


def render_report(results: StudyResults) -> str:
    """Return the report as HTML."""
    return Template(asset("page.html")).substitute(
        title=escape(results.name),
        subtitle=escape(_subtitle(results)),
        cards=cards(_cards(results)),
        columns="".join(f'<th scope="col">{escape(name)}</th>' for name in _columns(results)),
        rows="\n".join(_row(results, trial) for trial in _shown(results)),
        style=asset("report.css"),
        script=asset("report.js"),
        summary=escape(". ".join(_notes(results))),
        errors=escape(ERRORS_NOTE),
        hollow=escape(HOLLOW_NOTE),
        reference=escape(_reference(results)),
        plotly=get_plotlyjs(),
        data=script_json(_figures(results)),
    )


def _columns(results: StudyResults) -> tuple[str, ...]:
    """Return the headings of the table, that of a second look behind accuracy, further measures before the last."""
    longer = [f"{heading(LONGER)} (%)"] if results.look is not None else []
    return (
        *COLUMNS[:2],
        *longer,
        *COLUMNS[2:-1],
        *(heading(measure.label) for measure in results.further_measures),
        COLUMNS[-1],
    )


def _notes(results: StudyResults) -> list[str]:
    """Return what is said below the front, a sentence each."""
    return list(map(heading, (*study_notes(results), *refined_notes(results))))


def _shown(results: StudyResults) -> list[TrialResult]:
    """Return the designs that the report lists: those of the front, then the conventional one if it is not on it."""
    shown = list(results.front)
    if results.conventional and results.conventional.number not in results.front_numbers:
        shown.append(results.conventional)
    return shown


def _subtitle(results: StudyResults) -> str:
    clock = f" at {results.clock_hz / 1e9:g} GHz" if results.clock_hz else ""
    states = (("complete", TrialState.COMPLETE), ("pruned", TrialState.PRUNED), ("failed", TrialState.FAIL))
    counts = ", ".join(f"{results.count(state)} {name}" for name, state in states if results.count(state))
    what = (
        f"Network {results.network} on {results.core_name}{clock}, data {results.dataset}, "
        f"training: {recipe_text(results.recipe)}"
    )
    limits = "".join(f", {constraint}" for constraint in results.goal.constraints)
    return f"{what}{limits}; trials: {counts or 'none yet'}{f'; {results.stopped}' if results.stopped else ''}"


def _reference(results: StudyResults) -> str:
    pairs = zip(results.goal.objectives, results.reference or (), strict=False)
    return ", ".join(f"{objective.label} {objective.text(value)}" for objective, value in pairs) or "not known yet"


def _cards(results: StudyResults) -> list[tuple[str, str, str]]:
    cards = []
    if results.fastest and results.most_accurate:
        fast, accurate = results.fastest, results.most_accurate
        cards.append(("Best latency", f"{fast.point[0]:.3f} ms", f"trial {fast.number}, at {fast.measured.percent} %"))
        note = ", ".join([f"trial {accurate.number}, at {accurate.point[0]:.3f} ms", *_marks(results, accurate)])
        cards.append(("Highest accuracy", f"{accurate.measured.percent} %", note))
    if results.gain and results.equal_accuracy:
        compared = against_conventional(results, results.equal_accuracy) or "the conventional design itself"
        note = f"trial {results.equal_accuracy.number}: {compared}"
        cards.append(("Gain over conventional", f"{results.gain:.2f}x", note))
    return cards


def _marks(results: StudyResults, trial: TrialResult) -> list[str]:
    mark = front_mark(results, trial)
    return [] if mark is None else [mark]


def _row(results: StudyResults, trial: TrialResult) -> str:
    design = trial.design
    latency = trial.point[0]
    cells = [
        trial.measured.percent,
        *([] if results.look is None else [trial.refined.measured.percent if trial.refined else ""]),
        "" if trial.tested is None else trial.tested.percent,
        f"{latency:.3f}",
        f"{results.conventional.point[0] / latency:.2f}x" if results.conventional and latency > 0 else "",
    ]
    if design is None:
        cells += [""] * 5
    else:
        further = f", {design.network.further}" if design.network.further else ""
        cells += [
            f"{design.accumulator_text} bit",
            design.overflow_text,
            design.clip_text,
            design.network.maps.value,
            f"{design.network.width_multiplier:g}{further}",
        ]
    known = dict(results.further(trial))
    cells += [measure.text(known[measure]) if measure in known else "" for measure in results.further_measures]
    conventional = " (conventional)" if trial == results.conventional else ""
    link = f'<a href="#trial-{trial.number}">{trial.number}{conventional}</a>'
    data = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
    mark = f'<td class="mark">{escape(_front_cell(results, trial))}</td>'
    return f'<tr id="row-{trial.number}"><td>{link}</td>{data}{mark}</tr>'


def _front_cell(results: StudyResults, trial: TrialResult) -> str:
    if trial.number not in results.front_numbers:
        return trial.reason or "not on the front"
    return "; ".join(filter(None, (front_mark(results, trial) or "distinguishable", refined_mark(results, trial))))


def _figures(results: StudyResults) -> dict[str, Any]:
    """Return what the page's script draws: the front and the layers of the designs shown, in both themes."""
    shown = _shown(results)
    first = results.equal_accuracy or results.most_accurate
    return {
        "light": _themed(results, shown, LIGHT),
        "dark": _themed(results, shown, DARK),
        "points": {str(trial.number): list(results.plane(trial)) for trial in shown},
        "legends": {
            str(trial.number): [asdict(entry) for entry in layer_legend(trial, conventional=results.conventional)]
            for trial in shown
        },
        "titles": {
            str(trial.number): f"Layers of trial {trial.number}: {describe_design(trial.design)}" for trial in shown
        },
        "first": str(first.number) if first else None,
        "ring": SELECTION_TRACE,
        "config": FIGURE_CONFIG,
    }


def _themed(results: StudyResults, shown: Sequence[TrialResult], theme: Theme) -> dict[str, Any]:
    layers = {str(trial.number): layer_figure(trial, conventional=results.conventional, theme=theme) for trial in shown}
    return {
        "front": front_figure(results, theme=theme).to_plotly_json(),
        "hypervolume": hypervolume_figure(results, theme=theme).to_plotly_json(),
        "layers": {number: figure.to_plotly_json() for number, figure in layers.items()},
    }

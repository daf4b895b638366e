"""The report of a study: one HTML file that needs nothing else and asks the network for nothing."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from html import escape
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

import optuna
from optuna.trial import TrialState
from plotly.offline import get_plotlyjs

from dse.chart_theme import DARK, LIGHT, Theme
from dse.charts import FIGURE_CONFIG, SELECTION_TRACE, describe_design, front_figure
from dse.errors import DseError
from dse.layer_chart import layer_figure, layer_legend
from dse.results import StudyResults, TrialResult, read_results

COLUMNS = (
    "Trial",
    "Accuracy (%)",
    "Test accuracy (%)",
    "Latency (ms)",
    "Against conventional",
    "Accumulator",
    "Overflow",
    "Clip",
    "Tile",
    "Width",
)


def write_report(study: optuna.Study, path: Path) -> None:
    """Write the report of `study`; `path` is replaced at once, or left as it was if anything fails.

    Raises:
        UsageError: `study` is not one that this version of dse reads.
        DseError: The file cannot be written, or the study's attributes are damaged.

    """
    page = render_report(read_results(study))
    try:
        _replace(path, page)
    except OSError as error:
        raise DseError(f"cannot write report {path}: {error.strerror or error}") from error


def render_report(results: StudyResults) -> str:
    """Return the report as HTML."""
    return Template(_asset("page.html")).substitute(
        title=escape(results.name),
        subtitle=escape(_subtitle(results)),
        cards="".join(_card(*card) for card in _cards(results)),
        columns="".join(f'<th scope="col">{escape(name)}</th>' for name in COLUMNS),
        rows="\n".join(_row(results, trial) for trial in _shown(results)),
        style=_asset("report.css"),
        script=_asset("report.js"),
        plotly=get_plotlyjs(),
        data=_script_json(_figures(results)),
    )


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
    return f"Network {results.network} on {results.core}{clock}, data {results.dataset}; trials: {counts or 'none yet'}"


def _cards(results: StudyResults) -> list[tuple[str, str, str]]:
    cards = []
    if results.fastest and results.most_accurate:
        fast, accurate = results.fastest, results.most_accurate
        cards.append(
            ("Best latency", f"{fast.point[0]:.3f} ms", f"trial {fast.number}, at {100 * fast.point[1]:.2f} %")
        )
        note = f"trial {accurate.number}, at {accurate.point[0]:.3f} ms"
        cards.append(("Best accuracy", f"{100 * accurate.point[1]:.2f} %", note))
    if results.gain and results.equal_accuracy:
        note = f"times faster at its accuracy (within a standard error): trial {results.equal_accuracy.number}"
        cards.append(("Gain over conventional", f"{results.gain:.2f}x", note))
    return cards


def _card(label: str, value: str, note: str) -> str:
    return f'<div><dt>{escape(label)}</dt><dd class="value">{escape(value)}</dd><dd>{escape(note)}</dd></div>'


def _row(results: StudyResults, trial: TrialResult) -> str:
    design, attributes = trial.design, trial.attributes
    latency, accuracy = trial.point
    error, test = attributes.accuracy_standard_error, attributes.test_accuracy
    cells = [
        f"{100 * accuracy:.2f}" + ("" if error is None else f" ± {100 * error:.2f}"),
        "" if test is None else f"{100 * test:.2f}",
        f"{latency:.3f}",
        f"{results.conventional.point[0] / latency:.2f}x" if results.conventional and latency > 0 else "",
    ]
    if design is not None:
        clip = "none" if design.clip is None else str(design.clip)
        cells += [
            f"{design.accumulator} bit",
            design.overflow.value,
            clip,
            str(design.tile),
            f"{design.width_multiplier:g}",
        ]
    conventional = " (conventional)" if trial == results.conventional else ""
    link = f'<a href="#trial-{trial.number}">{trial.number}{conventional}</a>'
    data = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
    return f'<tr id="row-{trial.number}"><td>{link}</td>{data}</tr>'


def _figures(results: StudyResults) -> dict[str, Any]:
    """Return what the page's script draws: the front and the layers of the designs shown, in both themes."""
    shown = _shown(results)
    first = results.equal_accuracy or results.most_accurate
    return {
        "light": _themed(results, shown, LIGHT),
        "dark": _themed(results, shown, DARK),
        "points": {str(trial.number): [trial.point[0], 100 * trial.point[1]] for trial in shown},
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
        "layers": {number: figure.to_plotly_json() for number, figure in layers.items()},
    }


def _script_json(value: Any) -> str:
    """Return `value` as JSON that can stand inside a script element: no text in it can end the element."""
    return json.dumps(value, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def _asset(name: str) -> str:
    return resources.files("dse").joinpath("report_page", name).read_text(encoding="utf-8")


def _replace(path: Path, text: str) -> None:
    """Write a file beside `path` and rename it over `path`, so that no reader ever sees half of it."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(temporary).unlink()
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

"""How much of the spread of latency and accuracy each parameter of a study explains by itself.

The measure is the correlation ratio: the variance of the means of the trials that share a value of the parameter, each
weighted by how many there are, as a share of the variance of all. It needs no model, and ten thousand trials take
milliseconds. It says nothing about parameters that matter only together, nor about values that were never tried.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dse.chart_theme import LIGHT, RAMP, Theme, say
from dse.results import StudyResults, TrialResult

IMPORTANCE_NOTE = (
    "Share of the variance of all complete trials that the means by value of one parameter alone explain. What matters "
    "only together with another parameter does not show, and a search tries good values more often than others."
)
HEIGHT_OF_ROW = 44
MOST_ROWS = 14
"""Parameters that the figure has room for: a deep network whose layers differ has dozens."""

_NAMES = {
    "accumulator": "Bits",
    "overflow": "Overflow",
    "clip": "Clip",
    "maps": "Maps",
    "width_multiplier": "Width",
    "depth_multiplier": "Depth",
    "input_size": "Input size",
    "repairs": "Repairs",
}
_OF_LAYERS = ("accumulator", "overflow", "clip")


def importances(results: StudyResults) -> dict[str, tuple[float, float]]:
    """Return for each parameter that takes several values what it explains of latency and of accuracy, 0 to 1.

    Where layers differ in a design, each layer's accumulator, overflow policy and clip is a parameter of its own.
    """
    trials = [trial for trial in results.complete if trial.attributes.design is not None]
    latency, accuracy = (np.array([trial.point[axis] for trial in trials]) for axis in (0, 1))
    found = {}
    for name, values in _columns(trials).items():
        if len(set(values)) > 1:
            found[name] = (_explained(values, latency), _explained(values, accuracy))
    return found


def _columns(trials: Sequence[TrialResult]) -> dict[str, list[str]]:
    """Return what each trial has of each parameter, as text; "" of a layer that its network lacks."""
    designs = [trial.attributes.design or {} for trial in trials]
    differs = any(isinstance(design.get(name), list) for design in designs for name in _OF_LAYERS)
    counts = [len(trial.attributes.layers) for trial in trials]
    columns: dict[str, list[str]] = {}
    for name, title in _NAMES.items():
        values = [design.get(name) for design in designs]
        if not differs or name not in _OF_LAYERS:
            columns[title] = list(map(str, values))
            continue
        for number in range(max(counts)):
            of_layer = [_of_layer(value, number, count) for value, count in zip(values, counts, strict=True)]
            columns[f"{title}, layer {number + 1}"] = of_layer
    return columns


def _of_layer(value: Any, number: int, count: int) -> str:
    """Return what a layer has of a value that is one for all of so many layers, or a list."""
    if number >= count:
        return ""
    return str(value[number] if isinstance(value, list) else value)


def importance_figure(results: StudyResults, *, theme: Theme = LIGHT) -> go.Figure:
    """Draw two bars a parameter, the most important for either objective first, and no more than `MOST_ROWS`."""
    found = sorted(importances(results).items(), key=lambda item: -max(item[1]))[:MOST_ROWS]
    figure = go.Figure(layout={"template": theme.template})
    names = [name for name, _ in found]
    for axis, (title, colour) in enumerate((("latency", RAMP[0]), ("accuracy", RAMP[4]))):
        shares = [100 * both[axis] for _, both in found]
        figure.add_trace(
            go.Bar(
                x=shares,
                y=names,
                orientation="h",
                name=title,
                marker={"color": colour},
                text=[f"{share:.0f} %" for share in shares],
                textposition="outside",
                cliponaxis=False,
                hovertemplate=f"%{{y}} alone explains %{{x:.1f}} % of the spread of {title}<extra></extra>",
            )
        )
    if not found:
        say(figure, "No parameter has taken several values yet", theme)
    figure.update_layout(
        height=HEIGHT_OF_ROW * max(len(found), 2) + 60,
        barmode="group",
        bargap=0.3,
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
    )
    figure.update_xaxes(range=[0, 105], ticksuffix=" %", fixedrange=True)
    figure.update_yaxes(autorange="reversed", fixedrange=True)
    return figure


def _explained(values: Sequence[Any], outcomes: np.ndarray) -> float:
    """Return the correlation ratio of outcomes and the value that each has."""
    spread = float(outcomes.var())
    if spread == 0:
        return 0.0
    _, groups = np.unique([str(value) for value in values], return_inverse=True)
    counts = np.bincount(groups)
    means = np.bincount(groups, outcomes) / counts
    return float((counts * (means - outcomes.mean()) ** 2).sum() / counts.sum() / spread)

"""Simulated against measured figures of a core, and the distribution of the errors, as `docs/validation.md` draws them.

The figures are made from the measurements that `isa_models` carries, so that an installed package has them too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dse.cache import EvaluationCache
from dse.chart_theme import LIGHT, Theme
from isa_models import load_core, timing_digest

VALIDATION = "validation"
"""Kind of cache record."""

HEIGHT = 330
COLOURS = {False: "#4878a8", True: "#d1732e"}
LABELS = {False: "fitting half", True: "checking half"}
LARGEST_ERROR = 30.0
"""Per cent; larger errors count at the edge."""
_BIN = 1.0


@dataclass(frozen=True, slots=True)
class ValidationSet:
    """The measurements of one file on one core: measured and simulated numbers of the usual points, and their errors.

    `errors`: signed, relative, as `isa_models.silicon` counts them; `held_out`: whether a point was kept from the fit.
    """

    key: str
    file: str
    unit: str
    measured: tuple[float, ...]
    simulated: tuple[float, ...]
    errors: tuple[float, ...]
    held_out: tuple[bool, ...]
    names: tuple[str, ...]

    def mean_error(self) -> float:
        """Return the mean of the absolute errors."""
        return float(np.mean(np.abs(self.errors)))

    def share_within(self, limit: float) -> float:
        """Return the share of the points whose error is at most `limit`."""
        return float(np.mean(np.abs(self.errors) <= limit))


def validation_sets(core: str, cache: EvaluationCache) -> tuple[ValidationSet, ...]:
    """Return what was measured on a core beside what its description says, none where nothing was measured.

    Simulates thousands of instruction forms unless `cache` has the result. Raises CacheError, isa_models.InputError.
    """
    from isa_models.silicon.data_sets import sets_of

    content = {"core": load_core(core).digest, "timing": timing_digest(), "what": VALIDATION}
    record = cache.load(VALIDATION, content)
    if record is None:
        sets = [
            {
                "key": data.key,
                "file": data.file,
                "unit": data.unit,
                "measured": [point.measured for point in data.points],
                "simulated": [point.simulated for point in data.points],
                "errors": [point.error for point in data.points],
                "held_out": [point.is_held_out for point in data.points],
                "names": [point.name for point in data.points],
            }
            for data in sets_of(core)
        ]
        record = cache.store(VALIDATION, content, {"sets": sets})
    return tuple(ValidationSet(**{name: _frozen(value) for name, value in fields.items()}) for fields in record["sets"])


def measured_figure(data: ValidationSet, *, theme: Theme = LIGHT) -> go.Figure:
    """Draw simulated against measured numbers; equal points are drawn once."""
    figure = _figure(theme)
    ends = [min(data.measured), max(data.measured)]
    line = {"color": theme.muted, "width": 1}
    figure.add_trace(go.Scatter(x=ends, y=ends, mode="lines", line=line, hoverinfo="skip", showlegend=False))
    for half, numbers in _halves(data):
        once = {(data.measured[number], round(data.simulated[number], 2)): data.names[number] for number in numbers}
        figure.add_trace(
            go.Scatter(
                x=[measured for measured, _ in once],
                y=[simulated for _, simulated in once],
                text=list(once.values()),
                mode="markers",
                marker={"size": 5, "color": COLOURS[half], "opacity": 0.6},
                hovertemplate="%{text}<br>measured %{x}, simulated %{y}<extra></extra>",
                name=LABELS[half],
            )
        )
    figure.update_xaxes(type="log", title={"text": f"measured, {data.unit}"})
    figure.update_yaxes(type="log", title={"text": "simulated"})
    return figure


def error_figure(data: ValidationSet, *, theme: Theme = LIGHT) -> go.Figure:
    """Draw how many cases have which error."""
    figure = _figure(theme)
    edges = np.arange(-LARGEST_ERROR - _BIN / 2, LARGEST_ERROR + _BIN, _BIN)
    for half, numbers in _halves(data):
        errors = np.clip([100 * data.errors[number] for number in numbers], -LARGEST_ERROR, LARGEST_ERROR)
        counts, _ = np.histogram(errors, edges)
        figure.add_trace(
            go.Bar(
                x=((edges[:-1] + edges[1:]) / 2).tolist(),
                y=[int(count) or None for count in counts],
                marker={"color": COLOURS[half], "opacity": 0.6},
                hovertemplate="%{y} cases at %{x:.0f} %<extra></extra>",
                name=LABELS[half],
            )
        )
    figure.update_xaxes(title={"text": f"error, % (beyond {LARGEST_ERROR:.0f}: at the edge)"})
    figure.update_yaxes(type="log", title={"text": "cases"})
    return figure


def _figure(theme: Theme) -> go.Figure:
    legend = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"}
    return go.Figure(
        layout={"template": theme.template, "height": HEIGHT, "barmode": "overlay", "bargap": 0.05, "legend": legend}
    )


def _halves(data: ValidationSet) -> list[tuple[bool, list[int]]]:
    """Return whether a half was kept from the fit, and the numbers of its points."""
    return [
        (half, [number for number, is_held_out in enumerate(data.held_out) if is_held_out == half])
        for half in (False, True)
    ]


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else value

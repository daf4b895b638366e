"""Plots of simulated against measured figures, as SVG files that change only when the figures do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from isa_models.silicon.data_sets import DataSet

_SETTINGS: Any = {
    "svg.hashsalt": "isa_models",
    "svg.fonttype": "none",
    "font.size": 9.0,
    "axes.grid": True,
    "grid.alpha": 0.3,
}
_LARGEST_SHOWN = 0.30
_BIN = 0.01
_COLOURS = {False: "#4878a8", True: "#d1732e"}
_LABELS = {False: "fitting half", True: "checking half"}


def plot(data: DataSet, path: Path) -> None:
    """Write one SVG with two panels: simulated against measured, and the distribution of the errors."""
    with mpl.rc_context(_SETTINGS):
        figure = Figure(figsize=(9.0, 3.8), layout="constrained")
        against, histogram = figure.subplots(1, 2)
        largest = max(point.measured for point in data.points)
        smallest = min(point.measured for point in data.points)
        against.plot([smallest, largest], [smallest, largest], color="0.6", linewidth=0.8)
        for half in (False, True):
            chosen = {(p.measured, round(p.simulated, 2)) for p in data.points if p.is_held_out == half}
            measured, simulated = zip(*sorted(chosen), strict=True)  # equal ones drawn once
            against.scatter(measured, simulated, s=7, alpha=0.5, color=_COLOURS[half], label=_LABELS[half])
        against.set(xscale="log", yscale="log", xlabel=f"measured, {data.unit}", ylabel="simulated")
        against.legend(loc="upper left")
        _draw_histogram(histogram, data)
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
    _strip_trailing_spaces(path)


def _draw_histogram(axes: mpl.axes.Axes, data: DataSet) -> None:
    edges = np.arange(-_LARGEST_SHOWN, _LARGEST_SHOWN + _BIN / 2, _BIN)
    bins = (100 * edges).tolist()
    errors = [
        np.clip([point.error for point in data.points if point.is_held_out == half], edges[0], edges[-1])
        for half in (False, True)
    ]
    axes.hist(100 * errors[0], bins, alpha=0.6, color=_COLOURS[False], label=_LABELS[False])
    axes.hist(100 * errors[1], bins, alpha=0.6, color=_COLOURS[True], label=_LABELS[True])
    axes.set(yscale="log", xlabel=f"error, % (beyond {_LARGEST_SHOWN:.0%}: at the edge)", ylabel="cases")
    axes.legend()


def _strip_trailing_spaces(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(line.rstrip() for line in lines) + "\n", encoding="utf-8")

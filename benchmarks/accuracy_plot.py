"""The picture of the quick run: each design's accuracy after it, over its accuracy after the long training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.accuracy_results import DatasetResults

_SETTINGS: Any = {
    "svg.hashsalt": "benchmarks",
    "svg.fonttype": "none",
    "font.size": 8.0,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.alpha": 0.3,
}
_PANEL = (4.2, 3.4)  # inches
_COLOURS = {"exact": "#4878a8", "saturate": "#d1732e", "wrap": "#5a9a5a"}


def plot(results: Sequence[DatasetResults], path: Path) -> None:
    """Write a panel for each data set; the last recipe of each is drawn, which is the default."""
    with mpl.rc_context(_SETTINGS):
        figure = Figure(figsize=(_PANEL[0] * len(results), _PANEL[1]), layout="constrained")
        for axes, result in zip(figure.subplots(1, len(results), squeeze=False)[0], results, strict=True):
            _draw(axes, result)
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(line.rstrip() for line in lines) + "\n", encoding="utf-8")


def _draw(axes: mpl.axes.Axes, result: DatasetResults) -> None:
    quick = result.rows[-1]
    for policy, colour in _COLOURS.items():
        chosen = [number for number, name in enumerate(result.designs) if policy in name]
        axes.scatter(
            [100 * result.truth[number] for number in chosen],
            [100 * quick.accuracies[number] for number in chosen],
            s=16,
            color=colour,
            label=policy,
        )
    axes.set(title=f"{result.dataset}: tau {quick.agreement.tau:.2f}", xlabel="truth, %", ylabel="quick run, %")
    axes.legend(loc="upper left")

"""The picture of the samplers: how much of the hypervolume each has found, evaluation by evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.study_samplers import ENOUGH, SamplerResult

_SETTINGS: Any = {
    "svg.hashsalt": "benchmarks",
    "svg.fonttype": "none",
    "font.size": 8.0,
    "axes.grid": True,
    "grid.alpha": 0.3,
}


def plot(results: Sequence[SamplerResult], path: Path) -> None:
    """Write the first seed's curve of every sampler as SVG."""
    with mpl.rc_context(_SETTINGS):
        figure = Figure(figsize=(5.2, 3.4), layout="constrained")
        axes = figure.subplots()
        for result in results:
            axes.plot(range(1, len(result.curve) + 1), [100 * share for share in result.curve], label=result.name)
        axes.axhline(100 * ENOUGH, color="black", linewidth=0.8, linestyle="--")
        axes.set(xscale="log", ylim=(50, 101), xlabel="evaluations (first seed)", ylabel="of the true hypervolume, %")
        axes.legend(loc="lower right")
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(line.rstrip() for line in lines) + "\n", encoding="utf-8")

"""The picture of `docs/kernels.md`, as an SVG file that changes only when the figures do."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from benchmarks.kernel_results import KernelResults, LayerRow
from benchmarks.kernel_rivals import Reference
from kernels_asm import ConvShape

_SETTINGS: Any = {
    "svg.hashsalt": "benchmarks",
    "svg.fonttype": "none",
    "font.size": 8.0,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.alpha": 0.3,
}
_COLUMNS = 2
_PANEL = (5.2, 2.3)  # inches
_WIDTH = 0.27  # of a bar; a layer has three of them
_OURS = "#4878a8"
_REFERENCES = {Reference.INDIRECT: "#d1732e", Reference.ONE_CHANNEL: "#9a9a9a"}


def plot(results: KernelResults, path: Path) -> None:
    """Write a panel for each core: products a cycle of each layer, of the references, and the bound as a line."""
    cores = [list(rows) for _, rows in groupby(results.layers, key=lambda row: row.core)]
    lines = -(-(len(cores) + 1) // _COLUMNS)  # one panel more, for the legend
    with mpl.rc_context(_SETTINGS):
        figure = Figure(figsize=(_PANEL[0] * _COLUMNS, _PANEL[1] * lines), layout="constrained")
        panels = figure.subplots(lines, _COLUMNS, squeeze=False).ravel()
        for axes, rows in zip(panels, cores, strict=False):
            _draw(axes, rows)
        for axes in panels[len(cores) :]:
            axes.axis("off")
        panels[-1].legend(*panels[0].get_legend_handles_labels(), loc="center")
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
    _strip_trailing_spaces(path)


def _draw(axes: mpl.axes.Axes, rows: Sequence[LayerRow]) -> None:
    places = np.arange(len(rows))
    axes.axhline(rows[0].bound, color="0.3", linewidth=1, linestyle="--", label="bound: EOR, CNT and ADD alone")
    axes.bar(places - _WIDTH, [row.products_per_cycle for row in rows], _WIDTH, color=_OURS, label="ours, best tile")
    for offset, (reference, colour) in enumerate(_REFERENCES.items()):
        heights = [row.shape.products / row.reference_cycles[reference] for row in rows]
        axes.bar(places + offset * _WIDTH, heights, _WIDTH, color=colour, label=str(reference))
    axes.set(title=rows[0].core, ylabel="products a cycle")
    axes.set_xticks(places, [_label(row.shape) for row in rows], fontsize=6.5)


def _label(shape: ConvShape) -> str:
    size = f"{shape.height}x{shape.width}\n{shape.channels_in}→{shape.channels_out}"
    return f"{size}\n{shape.kernel_height}x{shape.kernel_width}{f' s{shape.stride}' if shape.stride > 1 else ''}"


def _strip_trailing_spaces(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(line.rstrip() for line in lines) + "\n", encoding="utf-8")

"""The section of `docs/accuracy.md` about clips and narrow accumulators, and its picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

BEGIN, END = "<!-- clip: begin -->", "<!-- clip: end -->"
"""The section stands between these lines."""

_SETTINGS: Any = {"svg.hashsalt": "benchmarks", "svg.fonttype": "none", "font.size": 8.0, "axes.grid": True}

_HEAD = """## What clips and 8-bit sums cost

Made by `{command}`; do not edit between the marks.

`tiny` at width 1 on {dataset}: {before:,} training images (repeated ones included) in exact 32-bit sums, then {after:,}
more with the clip and with sums that wrap in 8 bits inserted, as Vorabbi et al. (arXiv 2304.00952) do it; the 32-bit
network without a clip, {baseline:.2%}, goes on as long. Judged on {held_out:,} images that no training saw. *Loss* is
the baseline's accuracy less the design's under the same seed, mean over {seeds} seeds; its standard error is that of
the mean over seeds.

![Loss of accuracy over the clip]({picture})

| clip | accuracy | loss, points | standard error |
| ---: | ---: | ---: | ---: |
"""


@dataclass(frozen=True, slots=True)
class ClipRow:
    """A clip: mean accuracy, mean loss against the baseline and its standard error over seeds, all 0 to 1."""

    clip: int
    accuracy: float
    loss: float
    standard_error: float


@dataclass(frozen=True, slots=True)
class ClipResults:
    """What the section says.

    Attributes:
        dataset: Its name.
        before: Images looked at before the insertion.
        after: Images looked at after it.
        held_out: Images that judge.
        seeds: How many.
        baseline: Mean accuracy of the network without clip, 0 to 1.
        rows: One a clip.

    """

    dataset: str
    before: int
    after: int
    held_out: int
    seeds: int
    baseline: float
    rows: tuple[ClipRow, ...]


def clip_row(clip: int, accuracies: Sequence[float], baselines: Sequence[float]) -> ClipRow:
    """Return the row of a clip from accuracies and the baseline's, one a seed, at least two or ValueError."""
    if len(accuracies) < 2:
        raise ValueError("a standard error over seeds needs two of them")
    losses = [baseline - accuracy for accuracy, baseline in zip(accuracies, baselines, strict=True)]
    return ClipRow(clip, fmean(accuracies), fmean(losses), stdev(losses) / math.sqrt(len(losses)))


def section(results: ClipResults, command: str, picture: str) -> str:
    """Return the section in Markdown; `picture` is relative to the page."""
    fields = {name: getattr(results, name) for name in ("dataset", "before", "after", "held_out", "seeds", "baseline")}
    head = _HEAD.format(command=command, picture=picture, **fields)
    rows = (
        f"| {row.clip} | {row.accuracy:.2%} | {100 * row.loss:+.2f} | {100 * row.standard_error:.2f} |\n"
        for row in results.rows
    )
    best = min(results.rows, key=lambda row: row.loss)
    return (
        head
        + "".join(rows)
        + f"\nThe best clip, {best.clip}, loses {100 * best.loss:.2f} ± {100 * best.standard_error:.2f} points.\n"
    )


def plot(results: ClipResults, path: Path) -> None:
    """Write the loss over the clip, with standard errors, as SVG."""
    with mpl.rc_context(_SETTINGS):
        figure = Figure(figsize=(4.6, 3.0), layout="constrained")
        axes = figure.subplots()
        axes.errorbar(
            [row.clip for row in results.rows],
            [100 * row.loss for row in results.rows],
            [100 * row.standard_error for row in results.rows],
            marker="o",
            markersize=4,
            capsize=3,
            color="#4878a8",
        )
        axes.axhline(0, color="black", linewidth=0.8)
        axes.set(
            xscale="log", xlabel="clip", ylabel="loss of accuracy, points", title="8-bit sums and a clip, inserted"
        )
        axes.set_xticks([row.clip for row in results.rows], [str(row.clip) for row in results.rows], minor=False)
        axes.minorticks_off()
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(line.rstrip() for line in lines) + "\n", encoding="utf-8")

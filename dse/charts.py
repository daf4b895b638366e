"""The figure of a study that the report and the dashboard share: its designs and their Pareto front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from html import escape
from textwrap import wrap

import numpy as np
import plotly.graph_objects as go

from dse.accuracy_claims import against_conventional, front_mark
from dse.chart_theme import LIGHT, SYMBOLS, Theme, ramp, say
from dse.design import Design, Sums
from dse.measures import ACCURACY
from dse.networks.feature_maps import FeatureMaps
from dse.results import StudyResults, TrialResult
from dse.second_look_claims import LONGER, refined_mark

SELECTION_TRACE = 0
"""Index in the front figure of the ring round the selected trial, so that a page can move it alone."""

MOST_DOMINATED = 800
"""Dominated trials that have a point; a browser draws thousands too slowly to be worked with."""
_GRIDS = (400, 280, 200, 140, 100, 70, 50, 35, 26)
"""Cells that either axis is divided into where there are more: one trial is drawn of each cell."""
DEPTH = 15
"""Points of accuracy below the lowest point of the front and the conventional design that are shown at first."""

HOVER_CHARACTERS = 46
"""Longest line of a hover text that a narrow page has room for."""


class ColourBy(StrEnum):
    """The parameter that colours the front figure."""

    ACCUMULATOR = "accumulator"
    OVERFLOW = "overflow"
    CLIP = "clip"
    WIDTH = "width"


@dataclass(frozen=True, slots=True)
class _Category:
    label: str
    order: float
    trials: tuple[TrialResult, ...]


def front_figure(
    results: StudyResults,
    *,
    colour_by: ColourBy = ColourBy.ACCUMULATOR,
    selected: int | None = None,
    theme: Theme = LIGHT,
) -> go.Figure:
    """Draw every complete trial in the plane of the first two objectives, with the Pareto front on top.

    Of more objectives the front has no line, as its points are no stairs in a plane. Bars are one standard error of
    accuracy to either side, on the front and the conventional design. Points of the front that are not shown to be more
    accurate than a faster one are hollow. Points carry their trial number as `customdata`. Pruned and failed trials
    have no point to draw.

    Args:
        results: The study.
        colour_by: Parameter whose values give the points their colour and symbol.
        selected: Number of the trial to ring; no ring if it is None or has no point.
        theme: Colours for the background that the figure lies on.

    """
    figure = go.Figure(layout={"template": theme.template})
    figure.add_trace(selection_trace(results, selected, theme))
    figure.add_trace(_front_line(results, theme))
    categories = _categories(results.complete, colour_by)
    dominated = [trial for trial in results.complete if trial.number not in results.front_numbers]
    shown = thinned(dominated)
    if len(shown) < len(dominated):
        _note(figure, f"{len(shown):,} of {len(dominated):,} dominated designs have a point", theme, right=False)
    for category, colour, symbol in zip(categories, ramp(len(categories)), _cycled(SYMBOLS), strict=False):
        figure.add_trace(_dominated_trace(results, category, shown, colour, symbol))
    for category, colour, symbol in zip(categories, ramp(len(categories)), _cycled(SYMBOLS), strict=False):
        figure.add_trace(_front_trace(results, category, colour, symbol, theme))
        figure.add_trace(_undistinguished_trace(results, category, colour, symbol))
    if results.conventional:
        _mark_conventional(figure, results, results.conventional, theme)
    if not results.complete:
        say(figure, "No trial has finished yet", theme)
    _leave_out_far_below(figure, results, theme)
    figure.update_layout(
        xaxis={"title": {"text": results.goal.objectives[0].title}, "rangemode": "normal"},
        yaxis={"title": {"text": results.goal.objectives[1].title}},
        hovermode="closest",
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        uirevision=results.name,
    )
    return figure


def _leave_out_far_below(figure: go.Figure, results: StudyResults, theme: Theme) -> None:
    """Begin the axis at most `DEPTH` below the front, and say how many designs are lower: zooming out shows them.

    A design that learned nothing would press the others into a line.
    """
    shown = [*results.front, *([results.conventional] if results.conventional else [])]
    if not shown or results.goal.objectives[1] != ACCURACY:
        return
    bottom = 100 * min(trial.point[1] for trial in shown) - DEPTH
    below = sum(100 * trial.point[1] < bottom for trial in results.complete)
    figure.update_yaxes(autorangeoptions={"clipmin": bottom})
    if below:
        designs = "1 design is" if below == 1 else f"{below} designs are"
        _note(figure, f"{designs} below {bottom:.0f} %", theme, right=True)


def _note(figure: go.Figure, text: str, theme: Theme, *, right: bool) -> None:
    """Write a note in the lower right or the upper left corner of the figure, where points are rare."""
    figure.add_annotation(
        text=text,
        x=1 if right else 0,
        y=0 if right else 1,
        xref="paper",
        yref="paper",
        xanchor="right" if right else "left",
        yanchor="bottom" if right else "top",
        showarrow=False,
        font={"size": 12, "color": theme.muted},
    )


def selection_trace(results: StudyResults, selected: int | None, theme: Theme = LIGHT) -> go.Scatter:
    """Return the ring round the selected trial: trace `SELECTION_TRACE` of the front figure."""
    trial = results.trial(selected) if selected is not None else None
    points = [results.plane(trial)] if trial and trial.complete else []
    return go.Scatter(
        x=[x for x, _ in points],
        y=[y for _, y in points],
        mode="markers",
        marker={"size": 26, "color": theme.accent, "opacity": 0.3, "line": {"width": 2.5, "color": theme.accent}},
        hoverinfo="skip",
        showlegend=False,
        name="selected",
    )


def describe_design(design: Design | None) -> str:
    """Say in words what a design is, shortest first: "8-bit saturate, clip 15, width 0.5"."""
    if design is None:
        return "not chosen yet"
    width = f"width {design.network.width_multiplier:g}"
    maps = ", int8 maps" if design.network.maps is FeatureMaps.INT8 else ""
    further = f", {design.network.further}" if design.network.further else ""
    return f"{design.sums_text}{maps}, {width}{further}"


def _category_of(design: Design | None, colour_by: ColourBy) -> tuple[float, str]:
    if design is None:
        return float("inf"), "unknown"
    if colour_by is ColourBy.WIDTH:
        return design.network.width_multiplier, f"width {design.network.width_multiplier:g}"
    found = {_category_of_sums(sums, colour_by) for sums in design.sums}
    return found.pop() if len(found) == 1 else (2e9, "differs by layer")


def _category_of_sums(sums: Sums, colour_by: ColourBy) -> tuple[float, str]:
    match colour_by:
        case ColourBy.ACCUMULATOR:
            return sums.accumulator, f"{sums.accumulator} bit"
        case ColourBy.OVERFLOW:
            return len(sums.overflow.value), sums.overflow.value
        case _:
            return (1e9, "no clip") if sums.clip is None else (sums.clip, f"clip {sums.clip}")


def _categories(trials: Sequence[TrialResult], colour_by: ColourBy) -> list[_Category]:
    groups: dict[tuple[float, str], list[TrialResult]] = {}
    for trial in trials:
        groups.setdefault(_category_of(trial.design, colour_by), []).append(trial)
    return [_Category(label, order, tuple(groups[order, label])) for order, label in sorted(groups)]


def _front_line(results: StudyResults, theme: Theme) -> go.Scatter:
    first = results.goal.objectives[0]
    points = sorted(map(results.plane, results.front)) if len(results.goal.objectives) == 2 else []
    if points and not first.is_maximised:
        slowest = max(results.plane(trial)[0] for trial in results.complete)
        points.append((slowest, points[-1][1]))
    return go.Scatter(
        x=[x for x, _ in points],
        y=[y for _, y in points],
        mode="lines",
        line={"shape": "vh" if first.is_maximised else "hv", "width": 1.5, "color": theme.muted},
        hoverinfo="skip",
        name="Pareto front",
        showlegend=bool(points),
    )


def _mark_conventional(figure: go.Figure, results: StudyResults, trial: TrialResult, theme: Theme) -> None:
    x, y = results.plane(trial)
    trace = go.Scatter(
        x=[x],
        y=[y],
        mode="markers",
        marker={"symbol": "circle-open", "size": 17, "color": theme.ink, "line": {"width": 1.5}},
        hoverinfo="skip",
        showlegend=False,
        name="conventional",
    )
    if trial.number not in results.front_numbers:
        trace.update(_error_bars(results, [trial], theme.ink))
    figure.add_trace(trace)
    figure.add_annotation(x=x, y=y, text="conventional", ax=0, ay=36, arrowhead=0, arrowwidth=1, standoff=9)


def thinned(trials: Sequence[TrialResult]) -> frozenset[int]:
    """Return the numbers of at most `MOST_DOMINATED` of complete trials: of those close together the first one."""
    if len(trials) <= MOST_DOMINATED:
        return frozenset(trial.number for trial in trials)
    points = np.array([trial.point for trial in trials])
    span = np.ptp(points, axis=0)
    shares = (points - points.min(axis=0)) / np.where(span == 0, 1, span)
    for cells in _GRIDS:
        _, first = np.unique(np.floor(shares * cells).astype(int), axis=0, return_index=True)
        if len(first) <= MOST_DOMINATED:
            break
    return frozenset(trials[index].number for index in first)  # the coarsest grid has fewer cells than that


def _dominated_trace(
    results: StudyResults, category: _Category, shown: frozenset[int], colour: str, symbol: str
) -> go.Scatter:
    trials = [trial for trial in category.trials if trial.number in shown]
    marker = {"size": 7, "color": colour, "symbol": symbol, "opacity": 0.35}
    trace = _points(results, trials, category.label, marker)
    trace.showlegend = False
    return trace


def _front_trace(results: StudyResults, category: _Category, colour: str, symbol: str, theme: Theme) -> go.Scatter:
    shown = {trial.number for trial in results.distinguishable}
    trials = [trial for trial in category.trials if trial.number in shown]
    marker = {"size": 12, "color": colour, "symbol": symbol, "line": {"width": 1.5, "color": theme.surface}}
    trace = _points(results, trials, category.label, marker)
    if trials:
        trace.update(_error_bars(results, trials, colour))
    else:
        trace.update(x=[None], y=[None])  # keeps the category in the legend
    return trace


def _undistinguished_trace(results: StudyResults, category: _Category, colour: str, symbol: str) -> go.Scatter:
    trials = [trial for trial in category.trials if trial.number in results.not_shown_above]
    marker = {"size": 11, "color": colour, "symbol": f"{symbol}-open", "line": {"width": 2}}
    trace = _points(results, trials, category.label, marker)
    trace.showlegend = False
    trace.update(_error_bars(results, trials, colour))
    return trace


def _error_bars(results: StudyResults, trials: Sequence[TrialResult], colour: str) -> dict[str, object]:
    """Return the bars of the accuracies, along the axis that shows them; none where no axis does."""
    errors = [trial.measured.standard_error for trial in trials]
    percent = [None if error is None else 100 * error for error in errors]
    bars = {"type": "data", "array": percent, "color": colour, "thickness": 1.2, "width": 3}
    axes = zip(("error_x", "error_y"), results.goal.objectives, strict=False)
    return {axis: bars for axis, objective in axes if objective == ACCURACY}


def _points(results: StudyResults, trials: Sequence[TrialResult], label: str, marker: dict[str, object]) -> go.Scatter:
    places = list(map(results.plane, trials))
    return go.Scatter(
        x=[x for x, _ in places],
        y=[y for _, y in places],
        customdata=[trial.number for trial in trials],
        text=[_hover(results, trial) for trial in trials],
        hovertemplate="%{text}<extra></extra>",
        mode="markers",
        marker=marker,
        name=label,
        legendgroup=label,
    )


def _hover(results: StudyResults, trial: TrialResult) -> str:
    mark, interval = front_mark(results, trial), trial.measured.interval
    lines = [
        f"<b>Trial {trial.number}</b>{' on the front' if trial.number in results.front_numbers else ''}",
        f"{trial.point[0]:.3f} ms, {trial.measured.percent} %",
        *(f"{measure.label}: {measure.text(value)}" for measure, value in results.further(trial)),
        *([escape(trial.reason)] if trial.reason else []),
        *([f"95 % interval {100 * interval[0]:.2f} to {100 * interval[1]:.2f} %"] if interval else []),
        *([mark] if mark else []),
        *_refined_lines(results, trial),
        escape(describe_design(trial.design)),
    ]
    compared = against_conventional(results, trial)
    if compared:
        lines += wrap(f"against the conventional design: {compared}", HOVER_CHARACTERS)
    return "<br>".join(lines)


def _refined_lines(results: StudyResults, trial: TrialResult) -> list[str]:
    """Return what a second look says of a trial, none where there was none."""
    if trial.refined is None:
        return []
    mark = refined_mark(results, trial)
    return [f"{LONGER}: {trial.refined.measured.percent} %", *(wrap(mark, HOVER_CHARACTERS) if mark else [])]


def hypervolume_figure(results: StudyResults, theme: Theme = LIGHT) -> go.Figure:
    """Draw the hypervolume after each complete trial; a step up is a trial that the front gained by.

    Only those trials have a point, and the last: thousands of equal ones would only slow a browser down.
    """
    figure = go.Figure(layout={"template": theme.template})
    volumes = results.hypervolumes
    steps = [index for index in range(len(volumes)) if index == 0 or volumes[index] != volumes[index - 1]]
    drawn = sorted({*steps, len(volumes) - 1}) if volumes else []
    figure.add_trace(
        go.Scatter(
            x=[results.complete[index].number for index in drawn],
            y=[volumes[index] for index in drawn],
            mode="lines+markers",
            line={"shape": "hv", "width": 2, "color": theme.accent},
            marker={"size": 5},
            hovertemplate="after trial %{x}: %{y:.4f}<extra></extra>",
            showlegend=False,
        )
    )
    if not volumes:
        say(figure, "No hypervolume before the conventional design is known", theme)
    figure.update_layout(
        xaxis={"title": {"text": "Trial"}},
        yaxis={"title": {"text": "Hypervolume (share of what could be had)"}, "rangemode": "tozero"},
    )
    return figure


def _cycled(values: Sequence[str]) -> Sequence[str]:
    return tuple(values) * 8

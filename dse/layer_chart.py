"""The figure of a design's layers: a bar of cycles per binary layer, split into families of stall reasons.

Its legend is not Plotly's but a list that pages write as HTML above it: Plotly's would take its height, which changes
with the width of the page, from the bars. So every row of the figure keeps the pixels that its label and bar need.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import plotly.graph_objects as go

from dse.chart_theme import LIGHT, STALL_COLOURS, LegendEntry, Theme, say
from dse.results import LayerResult, TrialResult
from dse.stall_families import FamilyCycles, StallFamily, group_stalls

ROW_HEIGHT = 104
"""Pixels of the figure that a layer takes: four lines of text over its bar."""

BAR_HEIGHT = 20
MARK_HEIGHT = 28
LABEL_GAP = 5
MARGIN = {"l": 8, "r": 24, "t": 2, "b": 48, "autoexpand": False}

MOST_REASONS = 8
"""Reasons that the hover of a bar lists one by one; 32 vector registers would not fit on a page."""

_BAR_CENTRE = 0.28  # below the middle of its row, as a share of the row
_LINE_MARK_STRETCH = 1.4  # Plotly draws "line-ns" this much longer than its size


def layer_figure(trial: TrialResult, *, conventional: TrialResult | None = None, theme: Theme = LIGHT) -> go.Figure:
    """Draw a bar of cycles per binary layer of `trial`, split into the families of its stalls.

    Args:
        trial: The design to break down.
        conventional: If given and another trial, its cycles are marked on the layers of the same name.
        theme: Colours for the background that the figure lies on.

    """
    layers = trial.attributes.layers
    figure = go.Figure(layout={"template": theme.template})
    bars = [-row - _BAR_CENTRE for row in range(len(layers))]
    groups = [group_stalls(layer.stalls, layer.cycles) for layer in layers]
    for family in _families(groups):
        figure.add_trace(_family_bar(family, bars, layers, [group.get(family) for group in groups], theme))
    marked = _marked(trial, conventional)
    if marked:
        figure.add_trace(_conventional_marks(marked, layers, bars, theme))
    for bar, layer in zip(bars, layers, strict=True):
        _add_label(figure, bar, layer)
    if not layers:
        say(figure, "This trial has no simulated layers", theme)
    rows = max(len(layers), 1)
    figure.update_layout(
        barmode="stack",
        height=ROW_HEIGHT * rows + MARGIN["t"] + MARGIN["b"],
        margin=MARGIN,
        xaxis={"title": {"text": "Cycles"}, "tickformat": "~s", "rangemode": "tozero", "fixedrange": True, "nticks": 6},
        yaxis={"visible": False, "range": [0.5 - rows, 0.5], "fixedrange": True},
        showlegend=False,
        hovermode="closest",
    )
    figure.update_xaxes(automargin=False)
    figure.update_yaxes(automargin=False)
    return figure


def layer_legend(trial: TrialResult, *, conventional: TrialResult | None = None) -> tuple[LegendEntry, ...]:
    """Return the legend of `layer_figure`: the families that it shows, in the order of the bars."""
    groups = [group_stalls(layer.stalls, layer.cycles) for layer in trial.attributes.layers]
    entries = [LegendEntry(family.label, family.meaning, STALL_COLOURS[family]) for family in _families(groups)]
    if _marked(trial, conventional):
        entries.append(LegendEntry("conventional", "cycles that the conventional design needs for the layer", None))
    return tuple(entries)


def _families(groups: Sequence[dict[StallFamily, FamilyCycles]]) -> list[StallFamily]:
    return [family for family in StallFamily if any(family in group for group in groups)]


def _marked(trial: TrialResult, conventional: TrialResult | None) -> TrialResult | None:
    return conventional if conventional and conventional.number != trial.number else None


def _family_bar(
    family: StallFamily,
    bars: Sequence[float],
    layers: Sequence[LayerResult],
    groups: Sequence[FamilyCycles | None],
    theme: Theme,
) -> go.Bar:
    return go.Bar(
        x=[group.cycles if group else 0 for group in groups],
        y=bars,
        orientation="h",
        width=BAR_HEIGHT / ROW_HEIGHT,
        name=family.label,
        marker={"color": STALL_COLOURS[family], "line": {"color": theme.surface, "width": 1}},
        text=[_hover(layer, group) if group else "" for layer, group in zip(layers, groups, strict=True)],
        textposition="none",
        hovertemplate="%{text}<extra></extra>",
    )


def _hover(layer: LayerResult, group: FamilyCycles) -> str:
    lines = [
        f"<b>{escape(layer.name)}: {group.family.label}</b>",
        f"{group.cycles:,.0f} of {layer.cycles:,} cycles ({group.cycles / max(layer.cycles, 1):.1%})",
        *(f"{escape(reason)}: {cycles:,.0f}" for reason, cycles in group.reasons[:MOST_REASONS]),
    ]
    rest = group.reasons[MOST_REASONS:]
    if rest:
        lines.append(f"{len(rest)} more: {sum(cycles for _, cycles in rest):,.0f}")
    return "<br>".join(lines)


def _conventional_marks(
    conventional: TrialResult, layers: Sequence[LayerResult], bars: Sequence[float], theme: Theme
) -> go.Scatter:
    cycles = {layer.name: layer.cycles for layer in conventional.attributes.layers}
    marks = [(cycles[layer.name], bar) for layer, bar in zip(layers, bars, strict=True) if layer.name in cycles]
    size = MARK_HEIGHT / _LINE_MARK_STRETCH
    return go.Scatter(
        x=[x for x, _ in marks],
        y=[y for _, y in marks],
        mode="markers",
        marker={"symbol": "line-ns", "size": size, "line": {"width": 2.5, "color": theme.ink}},
        name="conventional",
        hovertemplate="conventional design: %{x:,} cycles<extra></extra>",
    )


def _add_label(figure: go.Figure, bar: float, layer: LayerResult) -> None:
    figure.add_annotation(
        x=0,
        y=bar,
        yshift=BAR_HEIGHT / 2 + LABEL_GAP,
        yanchor="bottom",
        xanchor="left",
        align="left",
        borderpad=0,
        showarrow=False,
        text=f"<b>{escape(layer.name)}</b>  {escape(layer.shape)}<br>"
        f"{layer.cycles:,} cycles, {layer.products_per_cycle:.1f} products/cycle<br>"
        f"bound: {escape(layer.bound)}<br>"
        f"tile: {escape(layer.tile)}",
    )

"""The course of trainings: accuracy on the validation split after each epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import plotly.graph_objects as go

from dse.chart_theme import LIGHT, RAMP, SYMBOLS, Theme, say

HEIGHT = 320
EpochPoint = tuple[int, float, float]
"""Number of an epoch, loss, accuracy (0..1)."""


def training_figure(designs: Mapping[str, Sequence[EpochPoint]], *, theme: Theme = LIGHT) -> go.Figure:
    """Draw the accuracy by epoch of some designs, by the name of each."""
    figure = go.Figure(layout={"template": theme.template})
    for (name, epochs), colour, symbol in zip(designs.items(), (RAMP[0], RAMP[4]), SYMBOLS, strict=False):
        if epochs:
            figure.add_trace(
                go.Scatter(
                    x=[epoch for epoch, _, _ in epochs],
                    y=[100 * accuracy for _, _, accuracy in epochs],
                    customdata=[loss for _, loss, _ in epochs],
                    hovertemplate="epoch %{x}: %{y:.2f} %, loss %{customdata:.3f}<extra></extra>",
                    mode="lines+markers",
                    line={"color": colour},
                    marker={"size": 8, "symbol": symbol},
                    name=escape(name),
                )
            )
    if not any(designs.values()):
        say(figure, "No training was recorded", theme)
    figure.update_layout(
        height=HEIGHT, legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"}, showlegend=True
    )
    figure.update_xaxes(title={"text": "Epoch"}, dtick=1 if _longest(designs) <= 20 else None)
    figure.update_yaxes(title={"text": "Validation accuracy (%)"})
    return figure


def _longest(designs: Mapping[str, Sequence[EpochPoint]]) -> int:
    return max(map(len, designs.values()), default=0)

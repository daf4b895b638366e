"""How well a core's description meets what was measured on silicon."""

from __future__ import annotations

from collections.abc import Sequence

from dash import html
from dash.development.base_component import Component

from dashboards.components.figure import figure
from dse.chart_theme import Theme
from dse.validation_charts import ValidationSet, error_figure, measured_figure


def validation(core: str, sets: Sequence[ValidationSet], theme: Theme) -> list[Component]:
    """Return a figure for each file of measurements of the core."""
    if not sets:
        return [html.P(f"Nothing was measured on a {core}: its figures are taken over or guessed.", className="quiet")]
    return [part for data in sets for part in _one(data, theme)]


def _one(data: ValidationSet, theme: Theme) -> list[Component]:
    heading = (
        f"{data.file}: {len(data.measured):,} figures, mean error {data.mean_error():.1%}, "
        f"{data.share_within(0.02):.1%} within 2 %, {data.share_within(0.1):.1%} within 10 %"
    )
    measured = figure(measured_figure(data, theme=theme), f"{data.file}: what the model says over what was measured")
    errors = figure(error_figure(data, theme=theme), f"{data.file}: errors of the model")
    return [html.H3(heading), html.Div([measured, errors], className="pair")]

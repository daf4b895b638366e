"""A chart in a page, with what it is called for people who do not see it."""

from __future__ import annotations

from typing import Any, cast

from dash import dcc, html
from dash.development.base_component import Component

from dashboards.components.aria import aria
from dse.chart_theme import FIGURE_CONFIG

_CONFIG = cast("dcc.Graph.Config", FIGURE_CONFIG)
_still: Any = {**FIGURE_CONFIG, "displayModeBar": False}
_STILL_CONFIG = cast("dcc.Graph.Config", _still)


def still_figure(chart: Any, label: str) -> Component:
    """Return a chart without buttons."""
    return html.Div(_graph(chart, _STILL_CONFIG), role="img", **aria(label=label))


def figure(chart: Any, label: str, **properties: Any) -> Component:
    """Return a chart with its buttons; `properties` are further ones of the graph, such as its id."""
    # no image, which would take its buttons from who does not see it
    return html.Div(_graph(chart, _CONFIG, **properties), role="figure", **aria(label=label))


def _graph(chart: Any, config: dcc.Graph.Config, **properties: Any) -> dcc.Graph:
    return dcc.Graph(figure=chart, config=config, responsive=True, style={"height": chart.layout.height}, **properties)

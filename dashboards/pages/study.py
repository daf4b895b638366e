"""The study page: Pareto front, the selected trial's layers, and all trials."""

from __future__ import annotations

from typing import cast

import dash_mantine_components as dmc
from dash import dcc, html
from dash.development.base_component import Component

from dashboards import ids
from dashboards.components.aria import aria
from dashboards.components.panel import panel
from dashboards.components.trial_table import trial_table
from dse.accuracy_claims import ERRORS_NOTE, HOLLOW_NOTE, MARK
from dse.chart_theme import FIGURE_CONFIG
from dse.charts import ColourBy
from dse.parameter_importance import IMPORTANCE_NOTE

_CONFIG = cast("dcc.Graph.Config", FIGURE_CONFIG)
_WITHOUT = [name for name in FIGURE_CONFIG["modeBarButtonsToRemove"] if name != "select2d"]
_FRONT_CONFIG = cast("dcc.Graph.Config", {**FIGURE_CONFIG, "modeBarButtonsToRemove": _WITHOUT})
"""A box that is drawn on the front becomes filters."""


def layout() -> Component:
    """Return the page without data; callbacks fill it."""
    return html.Div(
        [
            dcc.Store(id=ids.SELECTION),
            dcc.Store(id=ids.FILLED),
            html.Header(id=ids.HEADER),
            _filters(),
            _figures(),
            _trials(),
            dcc.Store(id=ids.ALL_STUDIES_SHOWN),
            html.Div(id=ids.ALL_STUDIES),
            panel(
                html.H2("Hypervolume"),
                _still(ids.HYPERVOLUME, "Hypervolume by trial"),
            ),
            _parameters(),
        ],
        className="page-content",
    )


def _figures() -> Component:
    return html.Div([_front(), _layers()], className="figures-row")


def _filters() -> dmc.Paper:
    return panel(
        html.Div(id=ids.EXPLORE_FILTERS),
        html.P("Filters hold for every view below, and the address holds the filters.", className="quiet small"),
    )


def _parameters() -> Component:
    """Return what assets/explore.js draws of the parameters, and what the server says of their weight."""
    return html.Div(
        [
            panel(
                html.H2("Parallel coordinates"),
                html.Div(id=ids.EXPLORE_PARALLEL),
                html.P(
                    "A line is a trial, its colour its accumulator; of more than 2,500 every n-th is drawn, here and "
                    "below. Drag along an axis to filter, click it to stop.",
                    className="quiet small",
                ),
            ),
            html.Div(
                [
                    panel(
                        html.H2("Which parameters matter"),
                        _still(ids.IMPORTANCES, "Which parameters matter"),
                        html.P(IMPORTANCE_NOTE, className="quiet small"),
                    ),
                    panel(
                        html.H2("In three dimensions"),
                        html.Div(id=ids.EXPLORE_3D),
                        html.P("Large dots are on the front. Drag, or use the arrow keys.", className="quiet small"),
                    ),
                ],
                className="pair",
            ),
            panel(html.H2("Slices"), html.Div(id=ids.EXPLORE_SLICES, className="slices")),
        ],
        className="page-content",
    )


def _front() -> dmc.Paper:
    choice = dmc.SegmentedControl(
        id=ids.COLOUR,
        data=[{"value": colour.value, "label": colour.value} for colour in ColourBy],
        value=ColourBy.ACCUMULATOR.value,
        size="xs",
        **{"aria-label": "Colour by"},
    )
    caption = (
        f"{ERRORS_NOTE} Bars: ± one standard error. {HOLLOW_NOTE} Faint points are dominated; pruned and failed trials "
        "have no point. Latency counts the binary layers, from signs to signs: the others run in floating point and "
        "are not timed."
    )
    return panel(
        dmc.Group(
            [html.H2("Pareto front"), dmc.Group([html.Span("colour by", className="quiet small"), choice], gap=6)],
            justify="space-between",
            gap="xs",
        ),
        html.Div(
            dcc.Graph(id=ids.FRONT, config=_FRONT_CONFIG, responsive=True, className="front"),
            role="figure",  # and no image, which would take its buttons from who does not see it
            className="front-frame",
            **aria(label="Pareto front"),
        ),
        html.P(caption, className="quiet small"),
        name="front-panel",
    )


def _layers() -> dmc.Paper:
    return panel(
        html.Div(id=ids.DETAILS),
        html.Div(_still(ids.LAYERS, "Cycles of the layers of the selected trial"), id=ids.LAYERS_FRAME, hidden=True),
    )


def _still(name: str, label: str) -> Component:
    """Return a figure without buttons, with what it is called for people who do not see it."""
    graph = dcc.Graph(id=name, config={**_CONFIG, "displayModeBar": False}, responsive=True)
    return html.Div(graph, role="img", **aria(label=label))


def _trials() -> dmc.Paper:
    legend = f"{MARK} on the front, and not shown to be more accurate than a faster trial of it: the note says which."
    return panel(html.H2("Trials"), trial_table(), html.P(legend, className="quiet small"))

"""The design page: one design against another, the conventional one unless the address names a different one."""

from __future__ import annotations

import dash_mantine_components as dmc
from dash import dcc, html
from dash.development.base_component import Component

from dashboards import ids
from dashboards.components.aria import aria
from dashboards.components.panel import panel

ROOFLINE_POLL_MS = 500
EXPORT_POLL_MS = 500


def layout() -> Component:
    """Return the page without designs; callbacks fill it."""
    return html.Div(
        [
            dcc.Interval(id=ids.DESIGN_POLL, interval=ROOFLINE_POLL_MS, disabled=True),
            dcc.Store(id=ids.DESIGN_TICK),
            dcc.Store(id=ids.DESIGN_SHOWN),
            dcc.Store(id=ids.DESIGN_FIELDS),
            dcc.Interval(id=ids.EXPORT_POLL, interval=EXPORT_POLL_MS, disabled=True),
            dcc.Store(id=ids.EXPORT_TICK),
            dcc.Store(id=ids.EXPORT_ASKED),
            dcc.Download(id=ids.EXPORT_DOWNLOAD),
            panel(
                html.H1("Design"),
                html.Div(
                    [
                        dmc.TextInput(id=ids.DESIGN_TRIAL, label="Trial", className="narrow"),
                        dmc.TextInput(id=ids.DESIGN_BESIDE, label="Beside trial", className="narrow"),
                        dmc.Button("Show", id=ids.DESIGN_SHOW, variant="default"),
                    ],
                    className="form",
                ),
            ),
            dmc.Alert(id=ids.DESIGN_PROBLEM, hide=True, title="This cannot be shown", color="red", variant="light"),
            html.Div(id=ids.DESIGN_BODY, className="page-content"),
            panel(html.H2("Roofline"), html.Div(id=ids.DESIGN_ROOFLINE, **aria(live="polite"))),
        ],
        className="page-content",
    )

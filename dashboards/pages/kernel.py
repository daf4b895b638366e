"""The kernel page: where a kernel's cycles go, and what a change of the core or of the tile would do."""

from __future__ import annotations

import dash_mantine_components as dmc
from dash import dcc, html
from dash.development.base_component import Component

from dashboards import ids
from dashboards.components.aria import aria

KERNEL_POLL_MS = 400
"""How often a page asks for a simulation that it waits for."""


def layout() -> Component:
    """Return the page without a kernel; callbacks fill it."""
    return html.Div(
        [
            dcc.Interval(id=ids.KERNEL_POLL, interval=KERNEL_POLL_MS, disabled=True),
            dcc.Store(id=ids.KERNEL_TICK),
            dcc.Store(id=ids.KERNEL_SHOWN),
            dcc.Store(id=ids.KERNEL_FORM_SHOWN),
            html.Div(id=ids.KERNEL_FORM, className="page-content"),
            dmc.Alert(id=ids.KERNEL_PROBLEM, hide=True, title="This cannot be simulated", color="red", variant="light"),
            html.Div(id=ids.KERNEL_RESULT, className="page-content", **aria(live="polite")),
        ],
        className="page-content",
    )

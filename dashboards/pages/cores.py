"""The cores page: what is known of a core, from where and how surely; two cores side by side; and the validation."""

from __future__ import annotations

import dash_mantine_components as dmc
from dash import dcc, html
from dash.development.base_component import Component

from dashboards import ids
from dashboards.components.aria import aria
from dashboards.components.core_table import core_table
from dashboards.components.panel import panel
from isa_models import list_cores

VALIDATION_POLL_MS = 1000
NO_OTHER = "none"


def layout() -> Component:
    """Return the page without a core; callbacks fill it."""
    cores = list(list_cores())
    return html.Div(
        [
            dcc.Interval(id=ids.CORES_POLL, interval=VALIDATION_POLL_MS, disabled=True),
            dcc.Store(id=ids.CORES_TICK),
            dcc.Store(id=ids.CORES_SHOWN),
            dcc.Store(id=ids.CORES_FILLED),
            panel(
                html.H1("Cores"),
                html.Div(
                    [
                        dmc.Select(id=ids.CORES_CORE, label="Core", data=cores, allowDeselect=False),
                        dmc.Select(id=ids.CORES_BESIDE, label="Beside", data=[NO_OTHER, *cores], allowDeselect=False),
                        dmc.Switch(id=ids.CORES_DIFFERENCES, label="differences only", checked=False),
                    ],
                    className="form",
                ),
                html.Div(id=ids.CORES_ABOUT),
            ),
            dmc.Alert(id=ids.CORES_PROBLEM, hide=True, title="This cannot be shown", color="red", variant="light"),
            panel(
                html.H2("Description"),
                html.P(
                    "Every figure with its source and how sure it is: high is measured on silicon, medium follows from "
                    "the measurement of a like instruction, low comes from secondary literature or is a guess.",
                    className="quiet small",
                ),
                core_table(),
            ),
            panel(
                html.H2("Simulated against measured"),
                html.Div(id=ids.CORES_VALIDATION, **aria(live="polite")),
            ),
        ],
        className="page-content",
    )

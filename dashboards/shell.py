"""What surrounds every page: navigation, the switch of colours, the storage's problem, and the stores of the app."""

from __future__ import annotations

import dash_mantine_components as dmc
from dash import dcc, html
from dash.development.base_component import Component

from dashboards import ids
from dashboards.components.aria import aria
from dashboards.components.problem import problem

POLL_MS = 2000
"""How often an open page asks whether the study has changed."""


def layout() -> dmc.MantineProvider:
    """Return the app without a page; `dashboards.callbacks.shell` puts in the one that the address names."""
    return dmc.MantineProvider(
        [
            dcc.Location(id=ids.URL, refresh=False),
            dcc.Interval(id=ids.POLL, interval=POLL_MS),
            dcc.Store(id=ids.REVISION),
            dcc.Store(id=ids.STORAGE_STATE),
            dcc.Store(id=ids.SCHEME),
            html.Main([_top(), problem(), html.Div(id=ids.PAGE, className="page-content")], className="page"),
        ],
        defaultColorScheme="auto",
        theme={"primaryColor": "blue", "fontFamily": "inherit", "autoContrast": True},
    )


def _top() -> Component:
    return html.Div(
        [
            html.Nav(id=ids.NAVIGATION, **aria(label="Pages")),
            dmc.ColorSchemeToggle(
                lightIcon=html.Span("☀"),
                darkIcon=html.Span("☾"),
                variant="default",
                size="md",
                **{"aria-label": "Light or dark"},
            ),
        ],
        className="top",
    )

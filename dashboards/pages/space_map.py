"""The map of the search space: what the accumulator's width alone does on every core."""

from __future__ import annotations

from dash import dcc, html
from dash.development.base_component import Component

from dashboards import ids
from dashboards.components.aria import aria
from dashboards.components.panel import panel
from dse.networks import DEFAULT_NETWORK

MAP_POLL_MS = 1000


def layout() -> Component:
    """Return the page without the map; callbacks fill it."""
    return html.Div(
        [
            dcc.Interval(id=ids.MAP_POLL, interval=MAP_POLL_MS, disabled=True),
            dcc.Store(id=ids.MAP_TICK),
            dcc.Store(id=ids.MAP_SHOWN),
            panel(
                html.H1("What the accumulator's width alone does"),
                html.P(
                    f"Cycles of the binary convolutions of network {DEFAULT_NETWORK} on every core, as a share of "
                    "those with 32 bits. Sums are exact, outputs int16 and unclipped throughout; each point has the "
                    "fastest of a few tiles, the same ones for every width.",
                    className="quiet",
                ),
                html.Div(id=ids.MAP_RESULT, **aria(live="polite")),
            ),
        ],
        className="page-content",
    )

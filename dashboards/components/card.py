"""A figure with its label and a note."""

from __future__ import annotations

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component


def card(label: str, value: str, note: Component | str, *more: Component) -> dmc.Paper:
    """Return a card; `more` stands below the note."""
    return dmc.Paper(
        [html.Div(label, className="card-label"), html.Div(value, className="card-value"), html.Div(note), *more],
        withBorder=True,
        radius="md",
        className="card",
    )

"""The frame of a part of a page."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import html


def panel(*children: Any, name: str = "") -> dmc.Paper:
    """Return children in a frame; `name` is a class for the style sheet."""
    return dmc.Paper(html.Section(list(children)), withBorder=True, radius="md", className=f"panel {name}")

"""The colours of figures, by what a page says about its own."""

from __future__ import annotations

from typing import Any

from dse.chart_theme import LIGHT, THEMES, Theme


def theme_of(scheme: Any) -> Theme:
    """Return the theme of a colour scheme; anything unknown is light."""
    return THEMES.get(scheme, LIGHT) if isinstance(scheme, str) else LIGHT

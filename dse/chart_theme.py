"""Colours, symbols, Plotly templates and settings of the charts, light and dark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import plotly.graph_objects as go

from dse.stall_families import StallFamily

FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'

RAMP = ("#4c5fe0", "#0f97c4", "#159a6c", "#a8960c", "#e8761a", "#d6336c")
"""Ordered colours that keep their contrast on white and on near-black."""

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "pentagon", "star")
"""One a colour, so that no difference is told by colour alone."""

STALL_COLOURS = {
    StallFamily.PORT: "#5782e0",
    StallFamily.VECTOR: "#bd845b",
    StallFamily.SCALAR: "#d358d2",
    StallFamily.WIDTH: "#2f8a34",
    StallFamily.SPACE: "#f85093",
    StallFamily.MEMORY: "#8f5aec",
    StallFamily.BRANCH: "#e2381c",
    StallFamily.OTHER: "#7f8894",
}
"""Searched for contrast on both themes, and for neighbours in a bar that a colour-blind eye tells apart."""


FIGURE_CONFIG: Final[dict[str, Any]] = {
    "displaylogo": False,
    "showSendToCloud": False,  # else a button uploads the chart to its maker's servers
    "responsive": True,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d", "zoomIn2d", "zoomOut2d"],
}


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours of a chart that depend on what it lies on."""

    name: str
    ink: str
    muted: str
    grid: str
    surface: str
    accent: str

    @property
    def template(self) -> go.layout.Template:
        """The Plotly template with every colour but those of the data; the background is the page's."""
        axis = {
            "gridcolor": self.grid,
            "linecolor": self.grid,
            "zeroline": False,
            "ticks": "outside",
            "ticklen": 4,
            "tickcolor": self.grid,
            "automargin": True,
            "title": {"standoff": 10, "font": {"size": 13, "color": self.muted}},
            "tickfont": {"color": self.muted},
        }
        return go.layout.Template(
            layout={
                "font": {"family": FONT, "size": 12, "color": self.ink},
                "paper_bgcolor": "rgba(0,0,0,0)",
                "plot_bgcolor": "rgba(0,0,0,0)",
                "xaxis": axis,
                "yaxis": axis,
                "hoverlabel": {
                    "bgcolor": self.surface,
                    "bordercolor": self.muted,
                    "font": {"family": FONT, "size": 12, "color": self.ink},
                    "align": "left",
                },
                "legend": {"bgcolor": "rgba(0,0,0,0)", "font": {"color": self.ink}},
                "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": self.muted, "activecolor": self.ink},
                "annotationdefaults": {"font": {"color": self.ink}, "arrowcolor": self.muted},
                "margin": {"l": 8, "r": 16, "t": 8, "b": 8},
            }
        )


LIGHT = Theme("light", ink="#1d2430", muted="#5d6778", grid="#e4e7ec", surface="#ffffff", accent="#2f6fde")
DARK = Theme("dark", ink="#e8ebf0", muted="#9aa4b2", grid="#333a45", surface="#20252d", accent="#5b93f0")
THEMES = {theme.name: theme for theme in (LIGHT, DARK)}


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """One entry of a legend that a page writes as HTML; `colour` is None for a mark that is a line drawn in ink."""

    label: str
    meaning: str
    colour: str | None


def ramp(count: int) -> list[str]:
    """Return `count` colours spread evenly over the ramp; it starts again after six."""
    if count <= 1:
        return [RAMP[0]] * count
    step = max((len(RAMP) - 1) / (count - 1), 1.0)
    return [RAMP[round(index * step) % len(RAMP)] for index in range(count)]


def say(figure: go.Figure, text: str, theme: Theme) -> None:
    """Write `text` in the middle of a figure that has nothing to draw."""
    figure.add_annotation(
        text=text, x=0.5, y=0.5, xref="paper", yref="paper", showarrow=False, font={"size": 15, "color": theme.muted}
    )

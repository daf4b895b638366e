"""The fronts of all studies of the storage, where there are several."""

from __future__ import annotations

from collections.abc import Sequence

from dash import html
from dash.development.base_component import Component

from dashboards.components.figure import figure
from dashboards.components.panel import panel
from dse.chart_theme import Theme
from dse.results import StudyResults
from dse.study_fronts import fronts_figure


def study_fronts(studies: Sequence[StudyResults], theme: Theme) -> list[Component]:
    """Return a panel with the fronts, nothing for a storage with one study."""
    if len(studies) < 2:
        return []
    note = (
        "Colour is the core. This page shows one study; start the dashboard with --name for another. Accuracies of "
        "studies on different images, or with another training, do not compare."
    )
    return [
        panel(
            html.H2("All studies of this storage"),
            figure(fronts_figure(studies, theme=theme), "Fronts of all studies of this storage"),
            html.P(note, className="quiet small"),
        )
    ]

"""The legend over the selected trial's layers, as HTML: it wraps as it likes and never pushes the bars together."""

from __future__ import annotations

from collections.abc import Iterable

from dash import html

from dse.chart_theme import LegendEntry
from dse.layer_chart import layer_legend
from dse.results import StudyResults, TrialResult


def legend(results: StudyResults, trial: TrialResult) -> html.Ul:
    """Return the legend of the layer figure of `trial`; each entry says on hover what it means."""
    return legend_list(layer_legend(trial, conventional=results.conventional))


def legend_list(entries: Iterable[LegendEntry]) -> html.Ul:
    """Return entries as a list; each says on hover what it means."""
    return html.Ul(
        [html.Li([_swatch(entry.colour), entry.label], title=entry.meaning) for entry in entries], className="legend"
    )


def _swatch(colour: str | None) -> html.Span:
    if colour is None:
        return html.Span(className="swatch line")
    return html.Span(className="swatch", style={"background": colour})

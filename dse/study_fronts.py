"""The Pareto fronts of several studies in one figure, coloured by core."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import plotly.graph_objects as go

from dse.chart_theme import LIGHT, SYMBOLS, Theme, ramp
from dse.measures import ACCURACY, LATENCY
from dse.recipe_text import recipe_text
from dse.results import StudyResults

HEIGHT = 380
_DASHES = ("solid", "dash", "dot", "dashdot")


def fronts_figure(studies: Sequence[StudyResults], *, theme: Theme = LIGHT) -> go.Figure:
    """Draw the front of each study in latency and accuracy; studies on one core share a colour and differ in symbol.

    Those of a front of other objectives, which is no line there, are not joined.

    Where they were trained in several ways, the names say how.
    """
    cores = sorted({study.core_name for study in studies})
    colours = dict(zip(cores, ramp(len(cores)), strict=True))
    figure = go.Figure(layout={"template": theme.template})
    seen: dict[str, int] = {}
    trainings = {recipe_text(study.recipe) for study in studies}
    for study in studies:
        training = f", {recipe_text(study.recipe)}" if len(trainings) > 1 else ""
        rank = seen[study.core_name] = seen.get(study.core_name, -1) + 1
        figure.add_trace(
            go.Scatter(
                x=[trial.point[0] for trial in study.front],
                y=[100 * trial.point[1] for trial in study.front],
                customdata=[trial.number for trial in study.front],
                mode="lines+markers" if set(study.goal.objectives) == {LATENCY, ACCURACY} else "markers",
                line={
                    "shape": "hv",
                    "width": 1.5,
                    "color": colours[study.core_name],
                    "dash": _DASHES[rank % len(_DASHES)],
                },
                marker={"size": 8, "symbol": SYMBOLS[rank % len(SYMBOLS)]},
                name=f"{escape(study.core_name)}: {escape(study.name)}{training}",
                hovertemplate="trial %{customdata}: %{x:.3f} ms, %{y:.2f} %<extra>%{fullData.name}</extra>",
            )
        )
    figure.update_layout(
        height=HEIGHT, hovermode="closest", legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"}
    )
    figure.update_xaxes(title={"text": "Latency (ms) of the binary layers"})
    figure.update_yaxes(title={"text": "Validation accuracy (%)"})
    return figure

"""What happens on the study page: polling, selecting, drawing. Nothing here writes to a study.

One callback alone moves the selection between URL, figure and table, so they cannot chase each other.
"""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
from dash import Dash, Input, Output, Patch, State, ctx, no_update
from dash.exceptions import PreventUpdate

from dashboards import ids, selection
from dashboards.components.header import header
from dashboards.components.trial_details import trial_details
from dashboards.components.trial_table import rows, table_size
from dashboards.source import Snapshot, StudySource
from dse.chart_theme import LIGHT, THEMES, Theme
from dse.charts import SELECTION_TRACE, ColourBy, front_figure, selection_trace
from dse.errors import DseError
from dse.layer_chart import layer_figure
from dse.results import StudyResults


def register(app: Dash, source: StudySource) -> None:
    """Connect the study page of `app` to `source`."""
    _register_poll(app, source)
    _register_selection(app, source)
    _register_front(app, source)
    _register_trial(app, source)


def _register_poll(app: Dash, source: StudySource) -> None:
    @app.callback(
        Output(ids.PROBLEM, "children"),
        Output(ids.PROBLEM, "hide"),
        Output(ids.REVISION, "data"),
        Output(ids.HEADER, "children"),
        Output(ids.TRIALS, "rowData"),
        Output(ids.TRIALS, "dashGridOptions"),
        Output(ids.TRIALS, "style"),
        Input(ids.POLL, "n_intervals"),
        State(ids.REVISION, "data"),
        State(ids.PROBLEM, "children"),
    )
    def poll(_: Any, revision: Any, shown_problem: Any) -> tuple[Any, ...]:
        message, snapshot = _read(source)
        changed = snapshot is not None and snapshot.revision != revision
        if not changed and message == shown_problem:
            raise PreventUpdate
        if snapshot is None or not changed:
            return message, message is None, *[no_update] * 5
        results = snapshot.results
        return (
            message,
            message is None,
            snapshot.revision,
            header(results),
            rows(results),
            *table_size(len(results.trials)),
        )


def _register_selection(app: Dash, source: StudySource) -> None:
    @app.callback(
        Output(ids.SELECTION, "data"),
        Output(ids.URL, "search"),
        Output(ids.TRIALS, "selectedRows"),
        Output(ids.TRIALS, "scrollTo"),
        Input(ids.URL, "search"),
        Input(ids.FRONT, "clickData"),
        Input(ids.TRIALS, "selectedRows"),
        Input(ids.REVISION, "data"),
        State(ids.SELECTION, "data"),
    )
    def select(search: Any, click: Any, selected_rows: Any, _: Any, current: Any) -> tuple[Any, ...]:
        results = _results(source)
        chosen = {ids.FRONT: selection.from_click(click), ids.TRIALS: selection.from_rows(selected_rows)}
        by_hand = ctx.triggered_id in chosen
        if by_hand:
            number = chosen[str(ctx.triggered_id)]
        else:
            number = selection.from_query(search)
            number = selection.default_trial(results) if number is None else number
        if number is None or number == current:
            raise PreventUpdate
        query = selection.to_query(number) if by_hand else no_update
        if ctx.triggered_id == ids.TRIALS or results.trial(number) is None:
            return number, query, no_update, no_update
        return number, query, {"ids": [str(number)]}, {"rowId": str(number), "rowPosition": "middle"}


def _register_front(app: Dash, source: StudySource) -> None:
    @app.callback(
        Output(ids.FRONT, "figure"),
        Input(ids.REVISION, "data"),
        Input(ids.SELECTION, "data"),
        Input(ids.COLOUR, "value"),
        Input(ids.SCHEME, "data"),
    )
    def draw_front(_: Any, selected: Any, colour: Any, scheme: Any) -> go.Figure | Patch:
        results = _results(source)
        number = selection.trial_number(selected)
        if set(ctx.triggered_prop_ids) == {f"{ids.SELECTION}.data"}:
            return _move_ring(results, number, _theme(scheme))
        return front_figure(results, colour_by=_colour_by(colour), selected=number, theme=_theme(scheme))


def _register_trial(app: Dash, source: StudySource) -> None:
    @app.callback(
        Output(ids.DETAILS, "children"),
        Output(ids.LAYERS, "figure"),
        Output(ids.LAYERS, "style"),
        Input(ids.REVISION, "data"),
        Input(ids.SELECTION, "data"),
        Input(ids.SCHEME, "data"),
    )
    def draw_trial(_: Any, selected: Any, scheme: Any) -> tuple[Any, ...]:
        results = _results(source)
        number = selection.trial_number(selected)
        details = trial_details(results, number)
        trial = results.trial(number) if number is not None else None
        if trial is None or not trial.attributes.layers:
            return details, no_update, {"display": "none"}
        figure = layer_figure(trial, conventional=results.conventional, theme=_theme(scheme))
        return details, figure, {"display": "block", "height": figure.layout.height}


def _read(source: StudySource) -> tuple[str | None, Snapshot | None]:
    try:
        return None, source.snapshot()
    except DseError as error:
        return str(error), None


def _results(source: StudySource) -> StudyResults:
    snapshot = source.last()
    if snapshot is None:
        raise PreventUpdate
    return snapshot.results


def _move_ring(results: StudyResults, number: int | None, theme: Theme) -> Patch:
    patch = Patch()
    patch["data"][SELECTION_TRACE] = selection_trace(results, number, theme).to_plotly_json()
    return patch


def _theme(scheme: Any) -> Theme:
    return THEMES.get(scheme, LIGHT) if isinstance(scheme, str) else LIGHT


def _colour_by(value: Any) -> ColourBy:
    return ColourBy(value) if isinstance(value, str) and value in set(ColourBy) else ColourBy.ACCUMULATOR

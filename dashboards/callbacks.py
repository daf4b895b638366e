"""What happens on the study page: polling, selecting, drawing. Nothing here writes to a study.

The selection goes one way: a person's choice becomes the address (assets/choice.js), and the address alone decides what
figures and table show, so they cannot chase each other.
"""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
from dash import ClientsideFunction, Dash, Input, Output, Patch, State, ctx, no_update
from dash.exceptions import PreventUpdate

from dashboards import ids, selection
from dashboards.components.header import header
from dashboards.components.trial_details import trial_details
from dashboards.components.trial_table import rows, scroll_to, table_size
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
    choose_point = ClientsideFunction("choice", "choosePoint")
    app.clientside_callback(choose_point, Input(ids.FRONT, "clickData"))  # type: ignore[no-untyped-call]

    @app.callback(
        Output(ids.SELECTION, "data"),
        Output(ids.TRIALS, "selectedRows"),
        Output(ids.TRIALS, "scrollTo"),
        Input(ids.URL, "search"),
        Input(ids.REVISION, "data"),
        State(ids.SELECTION, "data"),
    )
    def select(search: Any, _: Any, current: Any) -> tuple[Any, ...]:
        results = _results(source)
        number = selection.from_query(search)
        number = selection.default_trial(results) if number is None else number
        # A new address is followed even to the same trial: the answer to an older one may still be on its way.
        if number is None or (number == current and ctx.triggered_id == ids.REVISION):
            raise PreventUpdate
        if results.trial(number) is None:
            return number, [], no_update
        return number, {"ids": [str(number)]}, scroll_to(number)


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

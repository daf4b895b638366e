"""What happens on the study page: selecting and drawing; a choice becomes the address in assets/choice.js."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import plotly.graph_objects as go
from dash import ClientsideFunction, Dash, Input, Output, State, no_update
from dash.exceptions import PreventUpdate

from dashboards import ids, selection
from dashboards.all_studies import AllStudies
from dashboards.components.header import header
from dashboards.components.study_fronts import study_fronts
from dashboards.components.trial_details import trial_details
from dashboards.components.trial_table import column_of, columns, rows, table_size
from dashboards.source import StudySource
from dashboards.theme_choice import theme_of
from dse.charts import ColourBy, front_figure, hypervolume_figure
from dse.layer_chart import layer_figure
from dse.parameter_importance import importance_figure
from dse.results import StudyResults


def register(app: Dash, source: StudySource) -> None:
    """Connect the study page of `app` to `source`."""
    _register_tables(app, source)
    _register_selection(app)
    _register_front(app, source)
    _register_trial(app, source)
    _register_parameters(app, source)
    _register_all_studies(app, source)
    _register_hypervolume(app, source)


def _register_tables(app: Dash, source: StudySource) -> None:
    @app.callback(
        Output(ids.HEADER, "children"),
        Output(ids.TRIALS, "columnDefs"),
        Output(ids.TRIALS, "rowData"),
        Output(ids.TRIALS, "style"),
        Output(ids.FILLED, "data"),
        Input(ids.REVISION, "data"),
    )
    def fill(revision: Any) -> tuple[Any, ...]:
        results = _results(source)
        filled = {"revision": revision, "default": selection.default_trial(results)}
        return header(results), columns(results), rows(results), table_size(len(results.trials)), filled


def _register_selection(app: Dash) -> None:
    choose_point = ClientsideFunction("choice", "choosePoint")
    app.clientside_callback(choose_point, Input(ids.FRONT, "clickData"))  # type: ignore[no-untyped-call]

    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("choice", "select"),
        Output(ids.SELECTION, "data"),
        Output(ids.TRIALS, "selectedRows"),
        Output(ids.TRIALS, "scrollTo"),
        Input(ids.URL, "search"),
        Input(ids.FILLED, "data"),
        State(ids.TRIALS, "rowData"),
        State(ids.SELECTION, "data"),
    )


def _register_front(app: Dash, source: StudySource) -> None:
    move_ring = ClientsideFunction("choice", "moveRing")
    app.clientside_callback(  # type: ignore[no-untyped-call]
        move_ring, Input(ids.SELECTION, "data"), Input(ids.FRONT, "figure")
    )

    @app.callback(
        Output(ids.FRONT, "figure"),
        Input(ids.REVISION, "data"),
        Input(ids.COLOUR, "value"),
        Input(ids.SCHEME, "data"),
    )
    def draw_front(_: Any, colour: Any, scheme: Any) -> go.Figure:
        results = _results(source)
        figure = front_figure(results, colour_by=_colour_by(colour), theme=theme_of(scheme))
        # Scripts find a trial's point, and turn a box into filters, by the columns of the table.
        axes = [column_of(measure) for measure in results.goal.objectives[:2]]
        return figure.update_layout(meta={"axes": axes})


def _register_trial(app: Dash, source: StudySource) -> None:
    @app.callback(
        Output(ids.DETAILS, "children"),
        Output(ids.LAYERS, "figure"),
        Output(ids.LAYERS, "style"),
        Output(ids.LAYERS_FRAME, "hidden"),
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
            return details, no_update, no_update, True
        figure = layer_figure(trial, conventional=results.conventional, theme=theme_of(scheme))
        return details, figure, {"height": figure.layout.height}, False


def _register_parameters(app: Dash, source: StudySource) -> None:
    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("explore", "update"),
        Output(ids.EXPLORE_FILTERS, "className"),
        Input(ids.TRIALS, "rowData"),
        Input(ids.URL, "search"),
        Input(ids.SCHEME, "data"),
        State(ids.TRIALS, "columnDefs"),
    )

    @app.callback(
        Output(ids.IMPORTANCES, "figure"),
        Output(ids.IMPORTANCES, "style"),
        Input(ids.REVISION, "data"),
        Input(ids.SCHEME, "data"),
    )
    def draw_importances(_: Any, scheme: Any) -> tuple[go.Figure, dict[str, Any]]:
        figure = importance_figure(_results(source), theme=theme_of(scheme))
        return figure, {"height": figure.layout.height}


def _register_hypervolume(app: Dash, source: StudySource) -> None:
    @app.callback(Output(ids.HYPERVOLUME, "figure"), Input(ids.REVISION, "data"), Input(ids.SCHEME, "data"))
    def draw_hypervolume(_: Any, scheme: Any) -> go.Figure:
        return hypervolume_figure(_results(source), theme_of(scheme)).update_layout(height=260)


def _register_all_studies(app: Dash, source: StudySource) -> None:
    every = AllStudies(source)

    @app.callback(
        Output(ids.ALL_STUDIES, "children"),
        Output(ids.ALL_STUDIES_SHOWN, "data"),
        Input(ids.STORAGE_STATE, "data"),
        Input(ids.SCHEME, "data"),
        State(ids.ALL_STUDIES_SHOWN, "data"),
    )
    def draw_fronts(_: Any, scheme: Any, shown: Any) -> tuple[Any, str]:
        if source.last() is None:
            raise PreventUpdate
        studies = every.read(source.storage_state())
        drawn = [(study.name, study.core_name, study.recipe, study.goal, study.front) for study in studies]
        token = sha256(repr((scheme, drawn)).encode()).hexdigest()
        if token == shown:
            raise PreventUpdate  # most changes are to other things than fronts
        return study_fronts(studies, theme_of(scheme)), token


def _results(source: StudySource) -> StudyResults:
    snapshot = source.last()
    if snapshot is None:
        raise PreventUpdate
    return snapshot.results


def _colour_by(value: Any) -> ColourBy:
    return ColourBy(value) if isinstance(value, str) and value in set(ColourBy) else ColourBy.ACCUMULATOR

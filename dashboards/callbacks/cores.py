"""The cores page: the address names one core or two."""

from __future__ import annotations

from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, ctx, html, no_update
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from dashboards import ids
from dashboards.address import read_query, single
from dashboards.background import ERRORS, Background
from dashboards.callbacks.waiting import one_by_one
from dashboards.components.core_table import core_columns, core_row_data
from dashboards.components.validation import validation
from dashboards.kernel_query import known_core
from dashboards.pages.cores import NO_OTHER
from dashboards.simulations import ValidationRequest, validate
from dashboards.source import StudySource
from dashboards.theme_choice import theme_of
from dse.cli.options import DEFAULT_CORE
from dse.core_table import core_rows
from isa_models import Core, list_cores, load_core

WAIT_S = 0.3


def register(app: Dash, source: StudySource, background: Background, cache: str) -> None:
    """Connect the cores page of `app`; `cache`: folder of the evaluation cache."""
    one_by_one(app, ids.CORES_POLL, ids.CORES_TICK)
    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("cores", "choose"),
        Input(ids.CORES_CORE, "value"),
        Input(ids.CORES_BESIDE, "value"),
        Input(ids.CORES_DIFFERENCES, "checked"),
        State(ids.CORES_FILLED, "data"),
        prevent_initial_call=True,
    )

    @app.callback(
        Output(ids.CORES_CORE, "value"),
        Output(ids.CORES_BESIDE, "value"),
        Output(ids.CORES_DIFFERENCES, "checked"),
        Output(ids.CORES_FILLED, "data"),
        Output(ids.CORES_ABOUT, "children"),
        Output(ids.CORES_PROBLEM, "children"),
        Output(ids.CORES_PROBLEM, "hide"),
        Output(ids.CORES_TABLE, "columnDefs"),
        Output(ids.CORES_TABLE, "rowData"),
        Input(ids.URL, "search"),
    )
    def show(search: Any) -> tuple[Any, ...]:
        try:
            names = _names(search, source)
        except ERRORS as error:
            return *[no_update] * 5, str(error), False, no_update, []
        cores = [load_core(name) for name in names]
        differences = single(read_query(search), "differ") == "1"
        other = names[1] if len(names) > 1 else None
        values = names[0], other or NO_OTHER, differences
        table = core_row_data(core_rows(*cores), two=len(cores) > 1, differences=differences)
        about = [*_own_core(source), *(part for core in cores for part in _about(core))]
        filled = {"search": search, "values": values}
        return *values, filled, about, None, True, core_columns(names[0], other), table

    @app.callback(
        Output(ids.CORES_VALIDATION, "children"),
        Output(ids.CORES_POLL, "disabled"),
        Output(ids.CORES_SHOWN, "data"),
        Input(ids.URL, "search"),
        Input(ids.SCHEME, "data"),
        Input(ids.CORES_TICK, "data"),
        State(ids.CORES_SHOWN, "data"),
    )
    def show_validation(search: Any, scheme: Any, _: Any, shown: Any) -> tuple[Any, ...]:
        try:
            core = _names(search, source)[0]
            if shown == [core, scheme] and ctx.triggered_id != ids.CORES_TICK:
                raise PreventUpdate
            request = ValidationRequest(core, cache)
            sets = background.ask(validate, request, wait_s=WAIT_S, urgent=False)
        except ERRORS as error:
            return [html.P(str(error), className="quiet")], True, None
        if sets is None:
            seconds = background.seconds(validate, request)
            text = (
                f"Simulating every measured instruction, once for each version of the models: {seconds:.0f} s so far."
            )
            return [html.P(text, className="quiet waiting")], False, None
        return validation(core, sets, theme_of(scheme)), True, [core, scheme]


def _names(search: Any, source: StudySource) -> tuple[str, ...]:
    """Return the cores of the address: the study's where it names none; raises UsageError for one that there is not."""
    query = read_query(search)
    snapshot = source.last()
    default = snapshot.results.core if snapshot and snapshot.results.core in list_cores() else DEFAULT_CORE
    names = [known_core(single(query, "core") or default)]
    beside = single(query, "beside")
    return (*names, known_core(beside)) if beside else tuple(names)


def _own_core(source: StudySource) -> list[Component]:
    """Return what the study's core differs in from the descriptions that the page shows, nothing if in nothing."""
    snapshot = source.last()
    if snapshot is None or (snapshot.results.core in list_cores() and not snapshot.results.overrides):
        return []
    text = f"The study is of {snapshot.results.core_name}; shown are the descriptions that come with the package."
    return [html.P(text, className="quiet")]


def _about(core: Core) -> list[Component]:
    sources = [html.Li([html.Strong(key), f": {text}"]) for key, text in core.sources.items()]
    return [
        html.P(f"{core.name}: {core.description}; {core.kind}, {core.clock_hz / 1e9:g} GHz.", className="quiet"),
        html.Details([html.Summary(f"Sources of {core.name}"), html.Ul(sources)], className="small"),
    ]

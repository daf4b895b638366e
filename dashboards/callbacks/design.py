"""The design page: the address names one design, or two."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, ctx, html, no_update
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from dashboards import ids
from dashboards.address import read_query
from dashboards.background import ERRORS, Background
from dashboards.callbacks.waiting import one_by_one
from dashboards.commands import StudyPlace
from dashboards.components.design_body import design_body, name_of
from dashboards.components.figure import figure
from dashboards.design_query import ShownDesign, shown_designs
from dashboards.simulations import CoreRequest, core_ceilings
from dashboards.source import Snapshot, StudySource
from dashboards.theme_choice import theme_of
from dashboards.trial_record import core_overrides
from dse.chart_theme import Theme
from dse.roofline import Ceilings, RooflinePoint, moved_bytes, roofline_figure

WAIT_S = 0.5


def register(app: Dash, source: StudySource, background: Background, cache: str | None) -> None:
    """Connect the design page of `app`; `cache`: folder of the evaluation cache, None for the default one."""
    one_by_one(app, ids.DESIGN_POLL, ids.DESIGN_TICK)
    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("design", "show"),
        Input(ids.DESIGN_SHOW, "n_clicks"),
        Input(ids.DESIGN_TRIAL, "n_submit"),
        Input(ids.DESIGN_BESIDE, "n_submit"),
        State(ids.DESIGN_TRIAL, "value"),
        State(ids.DESIGN_BESIDE, "value"),
        prevent_initial_call=True,
    )

    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("design", "fill"),
        Output(ids.DESIGN_TRIAL, "value"),
        Output(ids.DESIGN_BESIDE, "value"),
        Input(ids.DESIGN_FIELDS, "data"),
        State(ids.DESIGN_TRIAL, "value"),
        State(ids.DESIGN_BESIDE, "value"),
        prevent_initial_call=True,
    )

    @app.callback(
        Output(ids.DESIGN_FIELDS, "data"),
        Output(ids.DESIGN_PROBLEM, "children"),
        Output(ids.DESIGN_PROBLEM, "hide"),
        Output(ids.DESIGN_BODY, "children"),
        Output(ids.DESIGN_SHOWN, "data"),
        Input(ids.URL, "search"),
        Input(ids.REVISION, "data"),
        Input(ids.SCHEME, "data"),
        State(ids.DESIGN_SHOWN, "data"),
        State(ids.DESIGN_TRIAL, "value"),
        State(ids.DESIGN_BESIDE, "value"),
    )
    def show(search: Any, _: Any, scheme: Any, shown: Any, trial: Any, beside: Any) -> tuple[Any, ...]:
        snapshot = _snapshot(source)
        try:
            designs = shown_designs(read_query(search), snapshot)
        except ERRORS as error:
            return _fields(("", ""), trial, beside), str(error), False, [], None
        token = [scheme, *(_mark(design, snapshot) for design in designs)]
        if token == shown and ctx.triggered_id == ids.REVISION:
            raise PreventUpdate
        overrides = core_overrides(snapshot.study_attributes)
        place = StudyPlace(source.storage, snapshot.results.name, cache)
        body = design_body(designs, snapshot.results, place, overrides, theme_of(scheme))
        numbers = [str(design.trial.number) for design in designs]
        fields: Any = _fields((numbers[0], numbers[1] if len(numbers) > 1 else ""), trial, beside)
        if shown is not None and f"{ids.URL}.search" not in ctx.triggered_prop_ids:
            fields = no_update  # what is being typed there stays
        return fields, None, True, body, token

    @app.callback(
        Output(ids.DESIGN_ROOFLINE, "children"),
        Output(ids.DESIGN_POLL, "disabled"),
        Input(ids.DESIGN_SHOWN, "data"),
        Input(ids.DESIGN_TICK, "data"),
        State(ids.URL, "search"),
        State(ids.SCHEME, "data"),
    )
    def show_roofline(_: Any, _tick: Any, search: Any, scheme: Any) -> tuple[Any, ...]:
        snapshot = _snapshot(source)
        try:
            designs = shown_designs(read_query(search), snapshot)
            overrides = tuple(sorted(core_overrides(snapshot.study_attributes).items()))
            request = CoreRequest(snapshot.results.core, overrides)
            core = background.ask(core_ceilings, request, wait_s=WAIT_S)
        except ERRORS as error:
            return [html.P(str(error), className="quiet")], True
        if core is None:
            seconds = background.seconds(core_ceilings, request)
            return [html.P(f"Timing what the core can do at best: {seconds:.0f} s so far.", className="quiet")], False
        return _roofline(core, designs, snapshot, theme_of(scheme)), True


def _fields(wanted: tuple[str, str], trial: Any, beside: Any) -> dict[str, Any]:
    """Return what the two fields are to show, and what they showed when that was asked for."""
    return {"wanted": wanted, "asked": [trial, beside]}


def _mark(design: ShownDesign, snapshot: Snapshot) -> str:
    """Return a text that differs whenever what is shown of a design does, which a growing study mostly does not."""
    results = snapshot.results
    shown = (design, results.look, results.conventional, design.trial.number in results.front_numbers)
    return sha256(repr(shown).encode()).hexdigest()


def _snapshot(source: StudySource) -> Snapshot:
    snapshot = source.last()
    if snapshot is None:
        raise PreventUpdate
    return snapshot


def _roofline(core: Ceilings, designs: tuple[ShownDesign, ...], snapshot: Snapshot, theme: Theme) -> list[Component]:
    points = {name_of(design, snapshot.results): _points(design) for design in designs}
    if not any(points.values()):
        return [html.P("These trials did not record which kernels their layers run.", className="quiet")]
    chart = roofline_figure(core, points, theme=theme)
    note = (
        "A dot is a layer's convolution. Each byte that it is lent counts once. Simulations run with warm caches: the "
        "line of a level binds only what does not fit the levels before it."
    )
    return [
        figure(chart, "Roofline"),
        html.P(note, className="quiet small"),
    ]


def _points(design: ShownDesign) -> list[RooflinePoint]:
    points = []
    for layer in design.layers:
        if layer.convolution is not None:
            moved = moved_bytes(layer.convolution)
            result = layer.result
            text = (
                f"<b>trial {design.trial.number}, {result.name}</b><br>{result.shape}<br>"
                f"{result.products_per_cycle:.1f} products a cycle, {moved:,} bytes<br>bound: {result.bound}"
            )
            products = layer.convolution.shape.products
            points.append(RooflinePoint(result.name, products / moved, result.products_per_cycle, text))
    return points

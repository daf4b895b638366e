"""The kernel page: the address says what to simulate; a process of its own does it."""

from __future__ import annotations

import json
from typing import Any

from dash import MATCH, ClientsideFunction, Dash, Input, Output, State, html
from dash.exceptions import PreventUpdate

from dashboards import ids
from dashboards.address import Query, read_query
from dashboards.background import ERRORS, Background
from dashboards.callbacks.waiting import one_by_one
from dashboards.components.kernel_form import kernel_form, named_form
from dashboards.components.kernel_result import kernel_result
from dashboards.kernel_query import CORE, SHAPE, VARIANT, KernelQuery, KernelRequest, read_kernel_query, without_changes
from dashboards.simulations import profile
from dashboards.source import StudySource
from dashboards.theme_choice import theme_of
from dse.kernel_profile import KernelProfile

WAIT_S = 0.8
"""How long an answer waits for a simulation before it says that there is one under way."""


def register(app: Dash, source: StudySource, background: Background) -> None:
    """Connect the kernel page of `app`."""
    _register_choices(app)
    one_by_one(app, ids.KERNEL_POLL, ids.KERNEL_TICK)

    @app.callback(
        Output(ids.KERNEL_FORM, "children"),
        Output(ids.KERNEL_FORM_SHOWN, "data"),
        Input(ids.URL, "search"),
        Input(ids.REVISION, "data"),
        State(ids.KERNEL_FORM_SHOWN, "data"),
    )
    def show_form(search: Any, _revision: Any, shown: Any) -> tuple[Any, str]:
        # Apart from the result, which takes its time: the form would take away what is typed there meanwhile.
        asked = _asked(search, source)
        query = None
        try:
            query = read_kernel_query(asked, source.last())
            token = repr(query)
        except ERRORS as error:
            token = f"{search} {error}"
        if token == shown:
            raise PreventUpdate  # what is being typed there stays
        return kernel_form(query) if query else _form_of_rest(asked, source), token

    @app.callback(
        Output(ids.KERNEL_PROBLEM, "children"),
        Output(ids.KERNEL_PROBLEM, "hide"),
        Output(ids.KERNEL_RESULT, "children"),
        Output(ids.KERNEL_POLL, "disabled"),
        Output(ids.KERNEL_SHOWN, "data"),
        Input(ids.URL, "search"),
        Input(ids.REVISION, "data"),
        Input(ids.SCHEME, "data"),
        Input(ids.KERNEL_TICK, "data"),
        State(ids.KERNEL_SHOWN, "data"),
    )
    def show(search: Any, _revision: Any, scheme: Any, _tick: Any, shown: Any) -> tuple[Any, ...]:
        asked = _asked(search, source)
        try:
            query = read_kernel_query(asked, source.last())
        except ERRORS as error:
            return str(error), False, [], True, None
        token = json.dumps([repr(query), str(scheme)])
        if token == shown:
            raise PreventUpdate
        try:
            profiles = _profiles(background, query)
        except ERRORS as error:
            return str(error), False, [], True, token
        if profiles is None:
            waiting = [html.P(_progress(background, query), className="quiet waiting")]
            return None, True, waiting, False, None
        return None, True, kernel_result(*profiles, theme_of(scheme)), True, token


def _asked(search: Any, source: StudySource) -> Query:
    """Return what an address asks for; raises PreventUpdate where that is of a storage that has not been read yet."""
    asked = read_query(search)
    if source.last() is None and not {VARIANT, SHAPE, CORE} & set(asked):
        raise PreventUpdate  # or cannot be, which the page says
    return asked


def _form_of_rest(asked: Query, source: StudySource) -> Any:
    """Return the form of as much as can be shown of an address that is wrong; the results' place says what is."""
    try:
        return kernel_form(read_kernel_query(without_changes(asked), source.last()))
    except ERRORS:
        return named_form(asked)


def _register_choices(app: Dash) -> None:
    """Connect the forms with the scripts that make them the address."""
    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("kernel", "show"),
        Input(ids.KERNEL_SHOW, "n_clicks"),
        Input(ids.KERNEL_VARIANT, "n_submit"),
        State(ids.KERNEL_VARIANT, "value"),
        State(ids.KERNEL_SHAPE, "value"),
        State(ids.KERNEL_CORE, "value"),
        State(ids.KERNEL_BASE, "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("kernel", "tryChange"),
        Input(ids.WHAT_IF_TRY, "n_clicks"),
        Input(ids.WHAT_IF_VALUE, "n_submit"),
        State(ids.WHAT_IF_TILE, "value"),
        State(ids.WHAT_IF_FIELD, "value"),
        State(ids.WHAT_IF_VALUE, "value"),
        State(ids.WHAT_IF_SHOWN_TILE, "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("kernel", "moveTimeline"),
        Output({"type": ids.TIMELINE, "side": MATCH}, "className"),
        Input({"type": ids.TIMELINE_ROW, "side": MATCH}, "value"),
        Input({"type": ids.TIMELINE_ROWS, "side": MATCH}, "value"),
        State({"type": ids.TIMELINE_CYCLES, "side": MATCH}, "data"),
        State({"type": ids.TIMELINE, "side": MATCH}, "id"),
        prevent_initial_call=True,
    )


def _profiles(background: Background, query: KernelQuery) -> tuple[KernelProfile, KernelProfile | None] | None:
    """Return both profiles, the second None where nothing is changed; None while one is being made."""
    wanted = _wanted(query)
    found = [background.ask(profile, request, wait_s=0) for request in wanted]  # both are begun
    found = [
        background.ask(profile, request, wait_s=WAIT_S) if known is None else known
        for request, known in zip(wanted, found, strict=True)
    ]
    before = found[0]
    if before is None or found[-1] is None:
        return None
    return before, found[1] if len(found) > 1 else None


def _wanted(query: KernelQuery) -> tuple[KernelRequest, ...]:
    return (query.before,) if query.after is None else (query.before, query.after)


def _progress(background: Background, query: KernelQuery) -> str:
    seconds = max(background.seconds(profile, request) for request in _wanted(query))
    note = " The first simulation after an installation compiles the timing engines." if seconds > 8 else ""
    return f"Assembling, running and timing the kernel: {seconds:.0f} s so far.{note}"

"""The page that the address names, and the look at the storage every few seconds."""

from __future__ import annotations

from typing import Any

from dash import Dash, Input, Output, State, no_update
from dash.exceptions import PreventUpdate

from dashboards import ids, navigation
from dashboards.source import StudySource
from dse.errors import DseError


def register(app: Dash, source: StudySource) -> None:
    """Connect what surrounds the pages of `app` to `source`."""

    @app.callback(Output(ids.PAGE, "children"), Output(ids.NAVIGATION, "children"), Input(ids.URL, "pathname"))
    def show_page(path: Any) -> tuple[Any, ...]:
        page = navigation.page_of(path)
        return navigation.not_found() if page is None else page.layout(), navigation.links(page)

    @app.callback(
        Output(ids.PROBLEM, "children"),
        Output(ids.PROBLEM, "hide"),
        Output(ids.REVISION, "data"),
        Output(ids.STORAGE_STATE, "data"),
        Input(ids.POLL, "n_intervals"),
        State(ids.REVISION, "data"),
        State(ids.STORAGE_STATE, "data"),
        State(ids.PROBLEM, "children"),
    )
    def poll(_: Any, revision: Any, known_state: Any, shown_problem: Any) -> tuple[Any, ...]:
        try:
            message, current = None, source.snapshot().revision
        except DseError as error:
            message, current = str(error), revision
        state = source.storage_state()
        if message == shown_problem and current == revision and state == known_state:
            raise PreventUpdate
        changed = (no_update if now == before else now for now, before in ((current, revision), (state, known_state)))
        return message, message is None, *changed

"""The map of the search space, core by core as they are timed."""

from __future__ import annotations

from typing import Any

from dash import Dash, Input, Output, State, html
from dash.exceptions import PreventUpdate

from dashboards import ids
from dashboards.background import ERRORS, Background
from dashboards.callbacks.waiting import one_by_one
from dashboards.components.space_map import space_map
from dashboards.simulations import MapRequest, map_core
from dashboards.theme_choice import theme_of
from dse.networks import DEFAULT_NETWORK
from isa_models import list_cores, load_core

BOARDS = "raspberry-pi-"
"""Start of the names of boards, whose core is one of the others."""


def mapped_cores() -> tuple[str, ...]:
    """Return the cores of the map, those in order first."""
    cores = [name for name in list_cores() if not name.startswith(BOARDS)]
    return tuple(sorted(cores, key=lambda name: (load_core(name).kind != "in-order", name)))


def register(app: Dash, background: Background, cache: str) -> None:
    """Connect the map's page of `app`; `cache`: folder of the evaluation cache."""
    one_by_one(app, ids.MAP_POLL, ids.MAP_TICK)
    requests = [MapRequest(name, DEFAULT_NETWORK, cache) for name in mapped_cores()]

    @app.callback(
        Output(ids.MAP_RESULT, "children"),
        Output(ids.MAP_POLL, "disabled"),
        Output(ids.MAP_SHOWN, "data"),
        Input(ids.SCHEME, "data"),
        Input(ids.MAP_TICK, "data"),
        State(ids.MAP_SHOWN, "data"),
    )
    def show(scheme: Any, _: Any, shown: Any) -> tuple[Any, ...]:
        try:
            found = [background.ask(map_core, request, urgent=False) for request in requests]
        except ERRORS as error:
            return [html.P(str(error), className="quiet")], True, None
        maps = [one for one in found if one is not None]
        is_complete = len(maps) == len(requests)
        token = [len(maps), scheme]
        if token == shown and is_complete:
            raise PreventUpdate
        return space_map(maps, len(requests), theme_of(scheme)), is_complete, token

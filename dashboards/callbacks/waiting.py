"""Asking again for what takes longer: never before the last answer has come, or answers would overtake each other."""

from __future__ import annotations

from dash import ClientsideFunction, Dash, Input, Output


def one_by_one(app: Dash, interval: str, tick: str) -> None:
    """Stop `interval` at each of its ticks and pass the tick on as the data of the store `tick`.

    A callback on `tick` enables the interval again if it wants another one. With ticks that go on, a page that draws an
    answer more slowly than they come would drop every answer for the next one.
    """
    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("waiting", "passOn"),
        Output(tick, "data"),
        Output(interval, "disabled", allow_duplicate=True),
        Input(interval, "n_intervals"),
        prevent_initial_call=True,
    )

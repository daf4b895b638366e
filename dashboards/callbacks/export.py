"""The buttons of the design page that export a design: a process of its own makes the archive, the browser saves it."""

from __future__ import annotations

from typing import Any

from dash import ALL, Dash, Input, Output, State, ctx, dcc, no_update
from dash.exceptions import PreventUpdate

from dashboards import ids
from dashboards.background import ERRORS, Background
from dashboards.callbacks.waiting import one_by_one
from dashboards.exports import ExportRequest, export_archive
from dashboards.source import Snapshot, StudySource
from dse.errors import UsageError

WAIT_S = 0.5


def register(app: Dash, source: StudySource, background: Background, cache: str) -> None:
    """Connect the buttons of `app`; `cache`: folder of the evaluation cache."""
    one_by_one(app, ids.EXPORT_POLL, ids.EXPORT_TICK)

    @app.callback(
        Output(ids.EXPORT_DOWNLOAD, "data"),
        Output(ids.EXPORT_STATUS, "children"),
        Output(ids.EXPORT_POLL, "disabled"),
        Output(ids.EXPORT_ASKED, "data"),
        Input({"type": ids.EXPORT, "trial": ALL}, "n_clicks"),
        Input(ids.EXPORT_TICK, "data"),
        State(ids.EXPORT_ASKED, "data"),
        prevent_initial_call=True,
    )
    def export(_clicks: Any, _tick: Any, asked: Any) -> tuple[Any, ...]:
        snapshot, number = source.last(), _wanted(asked)
        if snapshot is None:
            raise PreventUpdate
        try:
            request = _request(source.storage, snapshot, number, cache)
            # Another study may have taken the place of the one whose design was exported earlier.
            is_click = isinstance(ctx.triggered_id, dict)
            archive = background.ask(export_archive, request, wait_s=WAIT_S, anew=is_click)
        except ERRORS as error:
            return no_update, str(error), True, None
        if archive is None:
            seconds = background.seconds(export_archive, request)
            return no_update, f"Exporting the design of trial {number}: {seconds:.0f} s so far.", False, number
        name = f"{request.folder}.zip"
        sent = dcc.send_bytes(archive, name)  # type: ignore[attr-defined,no-untyped-call]
        return sent, f"{name}: {len(archive):,} bytes", True, None


def _wanted(asked: Any) -> Any:
    """Return the trial whose button was clicked, or that is waited for."""
    if not isinstance(ctx.triggered_id, dict):
        return asked
    if not any(trigger["value"] for trigger in ctx.triggered):
        raise PreventUpdate  # the buttons are new, and nobody has clicked
    return ctx.triggered_id.get("trial")


def _request(storage: str, snapshot: Snapshot, number: Any, cache: str) -> ExportRequest:
    """Return what is to be exported; raises UsageError for what is no complete trial of the study."""
    trial = snapshot.results.trial(number) if type(number) is int else None
    if trial is None or not trial.complete:
        raise UsageError("this study has no complete trial of that number to export")
    return ExportRequest(storage, snapshot.results.name, trial.number, cache)

"""Putting the dashboard together and serving it."""

from __future__ import annotations

import dash

from dashboards import callbacks, server
from dashboards.pages import study
from dashboards.source import StudySource
from dse.errors import DseError, UsageError


def create_app(storage: str, study_name: str | None) -> dash.Dash:
    """Return the app that shows a study. A storage that cannot be read is a message on its page.

    Args:
        storage: A SQLite file or a database URL, opened to read only.
        study_name: Name of the study; may be None if the storage holds one alone.

    """
    app = dash.Dash(
        "dashboards",
        title="Binary network study",
        update_title="",
        serve_locally=True,
        enable_mcp=False,
        add_log_handler=False,
    )
    app.layout = study.layout()
    callbacks.register(app, StudySource(storage, study_name))
    server.secure(app.server, app.csp_hashes())
    return app


def serve(storage: str, port: int, study_name: str | None) -> None:
    """Serve the dashboard on 127.0.0.1 until Ctrl-C.

    Raises:
        UsageError: The storage cannot be read, holds no such study, or the port cannot be used.

    """
    try:
        StudySource(storage, study_name).snapshot()
    except DseError as error:
        raise UsageError(str(error)) from error
    listener = server.bind(create_app(storage, study_name).server, port)
    print(f"Dashboard at http://{server.HOST}:{listener.port} (Ctrl-C to stop)", flush=True)
    try:
        listener.serve_forever()
    finally:
        listener.server_close()

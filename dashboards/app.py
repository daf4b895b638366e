"""Putting the dashboard together and serving it."""

from __future__ import annotations

from pathlib import Path

import dash

from dashboards import server, shell
from dashboards.background import Background
from dashboards.callbacks import cores as cores_callbacks
from dashboards.callbacks import design as design_callbacks
from dashboards.callbacks import export as export_callbacks
from dashboards.callbacks import kernel as kernel_callbacks
from dashboards.callbacks import shell as shell_callbacks
from dashboards.callbacks import space_map as map_callbacks
from dashboards.callbacks import study as study_callbacks
from dashboards.source import StudySource
from dse.cache import default_directory
from dse.errors import DseError, UsageError


def create_app(source: StudySource, background: Background | None = None, cache: Path | None = None) -> dash.Dash:
    """Return the app that shows a study. A storage that cannot be read is a message on its page.

    Args:
        source: The study.
        background: Simulates for the pages; whoever gives it closes it.
        cache: Folder of the evaluation cache; None: the default one.

    """
    app = dash.Dash(
        "dashboards",
        title="Binary network study",
        update_title="",
        serve_locally=True,
        enable_mcp=False,
        add_log_handler=False,
    )
    app.layout = shell.layout()
    # What a page consists of comes with its address, so that most components are not there at the start.
    app.config.suppress_callback_exceptions = True
    shell_callbacks.register(app, source)
    study_callbacks.register(app, source)
    background = background or Background()
    kernel_callbacks.register(app, source, background)
    folder = str(cache or default_directory())
    design_callbacks.register(app, source, background, None if folder == str(default_directory()) else folder)
    export_callbacks.register(app, source, background, folder)
    cores_callbacks.register(app, source, background, folder)
    map_callbacks.register(app, background, folder)
    server.secure(app.server, app.csp_hashes())
    return app


def serve(storage: str, port: int, study_name: str | None, cache: Path | None = None) -> None:
    """Serve the dashboard on 127.0.0.1 until Ctrl-C.

    Raises:
        UsageError: The storage cannot be read, holds no such study, or the port cannot be used.

    """
    source = StudySource(storage, study_name)
    try:
        source.snapshot()
    except DseError as error:
        raise UsageError(str(error)) from error
    background = Background()
    listener = server.bind(create_app(source, background, cache).server, port)
    print(f"Dashboard at http://{server.HOST}:{listener.port} (Ctrl-C to stop)", flush=True)
    try:
        listener.serve_forever()
    finally:
        listener.server_close()
        background.close()

"""`dse dashboard`, found by the `dse` command line through the entry point group `bnn_dse.commands`."""

from __future__ import annotations

from typing import Annotated

import typer

from dse.cli.options import CacheOption


def dashboard(
    storage: Annotated[str, typer.Argument(help="SQLite file or database URL of the study.")] = "study.db",
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 8050,
    name: Annotated[str | None, typer.Option(help="Name of the study, if the storage holds several.")] = None,
    cache: CacheOption = None,
) -> None:
    """Show a study in the browser, live while it runs."""
    from dashboards.app import serve  # every `dse` command imports this module; only this one needs Dash

    serve(storage, port, name, cache)

"""`dse core`: the cores that designs can be timed on."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from dse.cli.options import Debug, Json, Overrides, parse_overrides

app = typer.Typer(help="List, show and validate core descriptions.", no_args_is_help=True)

CoreName = Annotated[str, typer.Argument(help="Name of a core, or a YAML file.", metavar="CORE")]


@app.command("list")
def list_names(as_json: Json = False, debug: Debug = False) -> None:  # noqa: ARG001
    """List the cores that ship with the package."""
    from isa_models import list_cores

    names = list(list_cores())
    typer.echo(json.dumps(names) if as_json else "\n".join(names))


@app.command()
def show(core: CoreName, override: Overrides = None, as_json: Json = False, debug: Debug = False) -> None:  # noqa: ARG001
    """Show a core's description with its bases and overrides applied."""
    from isa_models import load_core

    fields: dict[str, Any] = load_core(core, parse_overrides(override)).model_dump(mode="json")
    if as_json:
        typer.echo(json.dumps(fields, indent=2))
        return
    import yaml

    typer.echo(yaml.safe_dump(fields, sort_keys=False, allow_unicode=True).rstrip())


@app.command()
def validate(core: CoreName, debug: Debug = False) -> None:  # noqa: ARG001
    """Check a core's description and say what is wrong with it."""
    from isa_models import load_core

    loaded = load_core(core)
    typer.echo(f"{loaded.name}: valid, {loaded.clock_hz / 1e9:g} GHz, digest {loaded.digest[:12]}")

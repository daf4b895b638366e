"""`dse network`: the networks that can be explored."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from dse.cli.options import Debug, Json

app = typer.Typer(help="Show networks.", no_args_is_help=True)


@app.command("list")
def list_names(as_json: Json = False, debug: Debug = False) -> None:  # noqa: ARG001
    """List the networks by name."""
    from dse.networks import network_names

    names = list(network_names())
    typer.echo(json.dumps(names) if as_json else "\n".join(names))


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Name of the network.", metavar="NETWORK")],
    width: Annotated[float, typer.Option("--width", help="Factor on the channel counts.")] = 1.0,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Show a network's layers, binary products and window sizes."""
    from dse.networks import build_network

    network = build_network(name, width)
    if as_json:
        layers = [{"type": type(layer).__name__, **asdict(layer)} for layer in network.layers]
        typer.echo(json.dumps({"name": network.name, "width_multiplier": width, "layers": layers}, indent=2))
        return
    from dse.cli.tables import network_table, print_table

    print_table(network_table(network))

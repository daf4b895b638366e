"""`dse network`: the networks that can be explored."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dse.cli.network_options import (
    DEFAULT_INPUT,
    Classes,
    Input,
    NetworkName,
    RepairOptions,
    Width,
    network_of_options,
    parse_input,
)
from dse.cli.network_time import time_layers
from dse.cli.options import Debug, Json

if TYPE_CHECKING:
    from dse.networks import Network

app = typer.Typer(help="Show networks and time them.", no_args_is_help=True)
app.command("time")(time_layers)


@app.command("list")
def list_networks(
    image: Input = DEFAULT_INPUT,
    width: Width = 1.0,
    classes: Classes = 10,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """List the networks and their sizes for images of a size."""
    from dse.networks import build_network, network_names

    input_shape = parse_input(image)
    networks = [build_network(name, width, input_shape, classes) for name in network_names()]
    if as_json:
        typer.echo(json.dumps([_sizes(network) for network in networks], indent=2))
        return
    from dse.cli.network_text import networks_table
    from dse.cli.tables import print_table

    print_table(networks_table(networks))


@app.command()
def show(
    name: NetworkName,
    width: Width = 1.0,
    image: Input = DEFAULT_INPUT,
    classes: Classes = 10,
    repairs: RepairOptions = None,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Show a network's layers: sizes, windows, binary products and multiply-adds in floating point."""
    network = network_of_options(name, width, image, classes, repairs)
    if as_json:
        layers = [{"type": type(layer).__name__, **asdict(layer)} for layer in network.layers]
        typer.echo(json.dumps({**_sizes(network), "repairs": network.repairs.to_dict(), "layers": layers}, indent=2))
        return
    from dse.cli.network_text import network_table
    from dse.cli.tables import print_table

    print_table(network_table(network))


@app.command("repairs")
def show_repairs(
    option: Annotated[str | None, typer.Argument(help="Only this option.", metavar="[OPTION]")] = None,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Show the repairs that binary blocks can have, and what each adds to the work on an element of a feature map."""
    from dse.errors import UsageError
    from dse.networks.repair_costs import REPAIR_COSTS
    from dse.networks.repairs import repair_choices

    if option is not None and option not in repair_choices():
        raise UsageError(f"repair {option!r} is unknown; known: {', '.join(repair_choices())}")
    rows = [row for row in REPAIR_COSTS if option in (None, row.option)]
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], indent=2))
        return
    from dse.cli.network_text import repairs_table
    from dse.cli.tables import print_table

    print_table(repairs_table(rows))


def _sizes(network: Network) -> dict[str, Any]:
    return {
        "name": network.name,
        "width_multiplier": network.width_multiplier,
        "input_shape": list(network.input_shape),
        "classes": network.classes,
        "binary_layers": len(network.binary_layers),
        "binary_products": network.binary_products,
        "binary_weight_bytes": network.binary_weight_bytes,
        "float_multiply_adds": network.float_multiply_adds,
        "float_parameters": network.float_parameters,
    }

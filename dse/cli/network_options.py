"""The options of a command that works on one network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from dse.networks import Network

DEFAULT_INPUT = "1x28x28"

NetworkName = Annotated[str, typer.Argument(help="Name of the network.", metavar="NETWORK")]
Width = Annotated[float, typer.Option("--width", help="Factor on the channel counts.")]
Input = Annotated[
    str, typer.Option("--input", help="Channels, rows and columns of an image: 3x32x32, 3x224x224.", metavar="CxHxW")
]
Classes = Annotated[int, typer.Option("--classes", min=2, help="Classes to tell apart.")]
RepairOptions = Annotated[
    str | None,
    typer.Option(
        "--repairs",
        help="Repairs other than the network's own, such as estimator=ste,residual=single; see dse network repairs.",
        metavar="OPTION=VALUE,...",
    ),
]


def network_of_options(name: str, width: float, image: str, classes: int, repairs: str | None) -> Network:
    """Return the network of these options; raises UsageError if one is malformed or they do not go together."""
    from dse.networks import Repairs, build_network, default_repairs

    own = default_repairs(name)
    return build_network(
        name, width, parse_input(image), classes, own if repairs is None else Repairs.parse(repairs, own)
    )


def parse_input(text: str) -> tuple[int, int, int]:
    """Return channels, rows and columns of "3x32x32"; raises UsageError for anything else."""
    from dse.errors import UsageError

    parts = text.lower().split("x")
    if len(parts) != 3 or not all(part.isascii() and part.isdecimal() and len(part) <= 5 for part in parts):
        raise UsageError(f"--input {text!r}: write CHANNELSxROWSxCOLUMNS, such as 3x32x32")
    channels, height, width = map(int, parts)
    return channels, height, width

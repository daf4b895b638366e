"""`dse network time`: how long the binary layers of a network take on a core."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from dse.cli.layer_option import check_emulable
from dse.cli.network_options import DEFAULT_INPUT, Input, NetworkName, RepairOptions, Width, network_of_options
from dse.cli.options import (
    DEFAULT_CORE,
    CacheOption,
    CoreName,
    Debug,
    Json,
    Overrides,
    cache_directory,
    parse_overrides,
)

if TYPE_CHECKING:
    from kernels_asm import Arithmetic

DEFAULT_ARITHMETIC = "acc16-exact-clip31-int8"

ArithmeticText = Annotated[
    str,
    typer.Option("--arithmetic", help="Of every layer: a variant without its tile.", metavar="ACC-OVERFLOW-CLIP-TYPE"),
]
Tiles = Annotated[
    int | None,
    typer.Option(
        "--tiles", min=1, help="Plain tiles to try for each shape before its variations (default: as a study)."
    ),
]


def time_layers(
    name: NetworkName,
    core: CoreName = DEFAULT_CORE,
    override: Overrides = None,
    image: Input = DEFAULT_INPUT,
    width: Width = 1.0,
    repairs: RepairOptions = None,
    arithmetic: ArithmeticText = DEFAULT_ARITHMETIC,
    tiles: Tiles = None,
    cache: CacheOption = None,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Time a network's binary layers on a core: convolutions, each with the fastest tile found, and what follows.

    Outputs are compared with the oracle's before anything is timed, and timings are kept in the evaluation cache.
    """
    network = network_of_options(name, width, image, classes=10, repairs=repairs)
    parsed = _parse_arithmetic(arithmetic)
    for layer in network.binary_layers:
        check_emulable(layer.shape)

    from isa_models.core import load_core

    loaded = load_core(core, parse_overrides(override))

    from dse.cache import EvaluationCache
    from dse.cli.network_text import latency_lines
    from dse.cli.progress import count_status
    from dse.latency import EmulatedTimer
    from dse.network_latency import time_network
    from dse.tile_candidates import tile_family
    from dse.tile_search import FIRST, TileSearch

    evaluations = EvaluationCache(cache_directory(cache))
    search = TileSearch(EmulatedTimer(loaded), evaluations, tile_family(loaded), tiles or FIRST)
    with count_status(f"timing kernels of {name} on {loaded.name}") as progress:
        found = time_network(network, parsed, loaded, search, progress)
    typer.echo(json.dumps(found.to_json(), indent=2) if as_json else "\n".join(latency_lines(found, arithmetic)))


def _parse_arithmetic(text: str) -> Arithmetic:
    """Return the arithmetic that the text of a variant begins with; raises InputError if it is none."""
    from kernels_asm import Arithmetic
    from kernels_asm.variant import PARTS
    from kernels_asm.variant_text import read_parts

    return Arithmetic(**read_parts(PARTS[:-1], text))

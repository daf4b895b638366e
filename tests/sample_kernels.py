"""Kernels for the layers of a design, without a search."""

from __future__ import annotations

from dse.design import Design
from dse.layer_tasks import layer_routes, plain_kernels
from dse.networks import Network
from dse.tile_candidates import TileFamily
from kernels_asm import Schedule, Tile
from kernels_asm.any_variant import AnyVariant

FAMILY = TileFamily(Schedule.OUT_OF_ORDER)


def kernels_of(network: Network, design: Design, tile: Tile) -> list[AnyVariant]:
    """Return the kernel of each layer, fused where it can be: in this tile, or in the first where that cannot do it."""
    tasks = [layer_routes(layer, network, design, FAMILY)[0].kernel for layer in network.binary_layers]
    return [(task.kernel(tile) or next(plain_kernels(task, FAMILY))).variant for task in tasks]

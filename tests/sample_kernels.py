"""Kernels for the layers of a design, without a search."""

from __future__ import annotations

from dse.design import Design
from dse.layer_tasks import layer_tasks, plain_kernels
from dse.networks import Network
from dse.tile_candidates import TileFamily
from kernels_asm import Schedule, Tile
from kernels_asm.any_variant import AnyVariant

FAMILY = TileFamily(Schedule.OUT_OF_ORDER)


def kernels_of(network: Network, design: Design, tile: Tile) -> list[AnyVariant]:
    """Return the kernel of each layer: in this tile where it can compute the layer, else in the first that can."""
    tasks = [layer_tasks(layer, network, design, FAMILY).kernel for layer in network.binary_layers]
    return [(task.kernel(tile) or next(plain_kernels(task, FAMILY))).variant for task in tasks]

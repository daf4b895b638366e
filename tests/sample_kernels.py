"""Kernels for the layers of a design, without a search."""

from __future__ import annotations

from dse.data.resizing import shape_at
from dse.design import Design, NetworkChoice
from dse.layer_tasks import layer_routes, plain_kernels
from dse.networks import Network, build_network
from dse.tile_candidates import TileFamily
from kernels_asm import Schedule, Tile
from kernels_asm.any_variant import AnyVariant

FAMILY = TileFamily(Schedule.OUT_OF_ORDER)


def tiny_network(choice: NetworkChoice) -> Network:
    """Return `tiny` as a design of Fashion-MNIST chooses it."""
    return build_network(
        "tiny",
        choice.width_multiplier,
        shape_at((1, 28, 28), choice.input_size),
        repairs=choice.repairs,
        maps=choice.maps,
        depth_multiplier=choice.depth_multiplier,
    )


def kernels_of(network: Network, design: Design, tile: Tile) -> list[AnyVariant]:
    """Return the kernel of each layer, fused where it can be: in this tile, or in the first where that cannot do it."""
    layers = zip(network.binary_layers, design.layer_sums(len(network.binary_layers)), strict=True)
    tasks = [layer_routes(layer, network, sums, FAMILY)[0].kernel for layer, sums in layers]
    return [(task.kernel(tile) or next(plain_kernels(task, FAMILY))).variant for task in tasks]

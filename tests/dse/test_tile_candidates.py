"""Which tiles are tried: all that a layer could want are among them, and the likely best come first."""

from __future__ import annotations

import pytest

from dse.layer_tasks import ConvolutionTask, plain_kernels
from dse.networks import build_network
from dse.tile_candidates import covering_pixels, good_tiles, plain_tiles, prefetching, reordered, tile_family
from isa_models import load_core
from kernels_asm import Arithmetic, ConvShape, LaneTile, LoopOrder, OutputType, Schedule, TreeTile, legal_tiles
from kernels_asm.tile import DOT_PRODUCT
from tests.sample_networks import NETWORKS

A53, A55, A72 = load_core("cortex-a53"), load_core("cortex-a55"), load_core("cortex-a72")
NARROW = Arithmetic(16, clip=31, output=OutputType.INT8)


@pytest.mark.parametrize("input_shape", [(3, 32, 32), (3, 224, 224)], ids=str)
@pytest.mark.parametrize("core", [A53, A72], ids=lambda core: core.name)
@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_has_tiles_for_every_shape(name, core, input_shape):
    network = build_network(name, 1, input_shape)
    schedule = Schedule.IN_ORDER if core is A53 else Schedule.OUT_OF_ORDER
    for shape in {layer.shape for layer in network.binary_layers}:
        kernels = list(plain_kernels(ConvolutionTask(shape, NARROW), tile_family(core)))
        assert kernels
        assert len(set(kernels)) == len(kernels)
        for kernel in kernels:
            kernel.variant.check(shape)
            tile = kernel.variant.tile
            assert not isinstance(tile, TreeTile) or tile.schedule is schedule


def test_good_tiles_come_first():
    shape = ConvShape(14, 14, 256, 256)
    tiles = good_tiles(legal_tiles(NARROW, shape, plain_tiles(shape, tile_family(A53))), shape)
    assert str(tiles[0]) == "tree4x14r1c3.io.pixels"  # the best of docs/kernels.md on Cortex-A53, unrolled
    kinds = [isinstance(tile, LaneTile) for tile in tiles]
    assert kinds == sorted(kinds)
    assert any(kinds)


def test_tiles_that_fill_vectors_of_small_pixels_come_before_those_that_cover_a_row_exactly():
    shape = ConvShape(14, 14, 32, 32)  # four pixels a vector: rows of 14 take 4 vectors of tiles of 8, 14 of tiles of 7
    first = good_tiles(legal_tiles(NARROW, shape, plain_tiles(shape, tile_family(A72))), shape)[:8]
    assert all(isinstance(tile, TreeTile) and tile.vector_pixels(shape) == 4 for tile in first)


def test_maps_of_three_columns_have_trees_of_their_own():
    shape = build_network("quicknet-small").binary_layers[-1].shape
    tiles = good_tiles(legal_tiles(NARROW, shape, plain_tiles(shape, tile_family(A72))), shape)
    assert isinstance(tiles[0], TreeTile)
    assert tiles[0].pixels == shape.out_width == 3


def test_a_row_is_covered_by_the_fewest_pixels_of_so_many_tiles():
    assert covering_pixels(ConvShape(14, 14, 128, 64)) == {14, 7, 5, 4, 3, 2, 1}
    assert covering_pixels(ConvShape(14, 14, 32, 64)) >= {16, 8, 4}  # what fills vectors of four pixels


@pytest.mark.parametrize("core", [A55, A72], ids=lambda core: core.name)
def test_tiles_of_an_extension_are_for_cores_that_have_it(core):
    tiles = list(plain_tiles(ConvShape(14, 14, 64, 64), tile_family(core)))
    assert any(tile.udot for tile in tiles) == (DOT_PRODUCT in core.features)
    assert (DOT_PRODUCT in core.features) == (core is A55)


def test_variations_of_a_tree():
    tree = TreeTile(4, 7, 2, 3)
    assert reordered(tree).order is LoopOrder.CHANNELS
    assert reordered(reordered(tree)) == tree
    assert [ahead.prefetch for ahead in prefetching(tree)] == [256, 512]

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from dse.cache import EvaluationCache
from dse.design import Design, uniform_design
from dse.footprint import Footprint, LayerKernels, live_buffers, text_bytes
from dse.layer_tasks import layer_routes
from dse.layer_work import Convolution
from dse.networks import FeatureMaps, Network, Repairs, build_network
from dse.tile_search import TileSearch
from kernels_asm import LaneTile, Overflow, Tile, TreeTile
from kernels_asm.assembler import assemble_variant
from tests.sample_kernels import FAMILY, tiny_network

CONVENTIONAL = uniform_design(1.0, 32, Overflow.EXACT, None)
NARROW = uniform_design(1.0, 8, Overflow.EXACT, 63)
IN_BYTES = uniform_design(1.0, 8, Overflow.EXACT, None, FeatureMaps.INT8)


def kernels_of(network: Network, design: Design, tile: Tile) -> list[LayerKernels]:
    tasks = [layer_routes(layer, network, design.sums[0], FAMILY)[0] for layer in network.binary_layers]
    found = []
    for layer, task in zip(network.binary_layers, tasks, strict=True):
        kernel = task.kernel.kernel(tile)
        assert kernel is not None
        found.append(LayerKernels(layer, kernel, task.behind))
    return found


def steps(name: str, design: Design, tile: Tile, repairs: str | None = None) -> list[list[int]]:
    given = None if repairs is None else Repairs.parse(repairs)
    network = build_network(name, design.network.width_multiplier, (1, 28, 28), 10, given, maps=design.network.maps)
    return list(live_buffers(network, kernels_of(network, design, tile)))


def test_conventional_flow_by_hand() -> None:
    """Blocks 1 and 2: 14x14 pixels of 32 channels; block 3 goes to 7x7 of 64, with a shortcut pooled and repeated."""
    wide, narrow = 14 * 14 * 32, 7 * 7 * 64
    padded = {32: 16 * 16 * 4, 64: 9 * 9 * 8}  # bits with a border of one pixel, four or eight bytes a pixel
    first = [[padded[32], 4 * wide, 4 * wide], [4 * wide, 4 * wide, padded[32], 4 * wide]]
    third = [
        [padded[32], 4 * narrow, 4 * wide],
        [4 * narrow, 4 * wide, 4 * narrow],
        [4 * narrow, 4 * narrow, padded[64], 4 * narrow],
    ]
    fourth = [[padded[64], 4 * narrow, 4 * narrow], [4 * narrow, 4 * narrow, 7 * 7 * 8, 4 * narrow]]
    assert steps("tiny", CONVENTIONAL, LaneTile(2, 2)) == [*first, *first, *third, *fourth]


def test_narrow_sums_and_padded_tiles_count_as_the_kernel_writes_them() -> None:
    convolution, pass_behind = steps("tiny", NARROW, LaneTile(2, 2))[:2]
    assert convolution[1] == pass_behind[0] == 14 * 14 * 32
    padded = steps("tiny", uniform_design(0.75, 8, Overflow.EXACT, 63), LaneTile(16, 1))[0]
    assert padded[1] == 14 * 14 * 32  # 24 channels in tiles of 16


def test_fused_kernels_have_no_map_of_sums() -> None:
    made = steps("tiny", IN_BYTES, TreeTile(4, 7))
    pixels, scratch = 14 * 14 * 32, 7 * 32 * 2
    assert made[0] == [16 * 16 * 4, scratch, pixels, 16 * 16 * 4, pixels]
    assert [len(step) for step in made] == [5, 5, 3, 5, 5]  # block 3 makes its shortcut first


def test_a_shortcut_round_two_layers_is_kept_over_both() -> None:
    single = steps("tiny", CONVENTIONAL, LaneTile(2, 2), "residual=single")
    kept = 4 * 14 * 14 * 32
    assert [step.count(kept) for step in single[:2]] == [2, 3]  # sums; sums and what comes out; the kept map each time
    none = steps("tiny", CONVENTIONAL, LaneTile(2, 2), "residual=none")
    assert max(map(sum, single)) == max(map(sum, none)) + kept


def test_signs_alone_leave_no_map() -> None:
    none = steps("tiny", IN_BYTES, TreeTile(4, 7), "residual=none")
    assert none[0] == [16 * 16 * 4, 7 * 32 * 2, 16 * 16 * 4]


@pytest.mark.parametrize("tile", [LaneTile(2, 2), TreeTile(4, 7)])
def test_weights_are_what_the_kernels_are_given(tile: Tile, search_of: Callable[..., TileSearch]) -> None:
    network = build_network("tiny")
    footprint = Footprint(tiny_network, search_of(tile))
    packed = 0
    for kernels in kernels_of(network, CONVENTIONAL, tile):
        shape, work = kernels.layer.shape, kernels.kernel
        assert isinstance(work, Convolution)
        filters = (shape.channels_out, shape.kernel_height, shape.kernel_width, shape.channels_in)
        packed += work.variant.tile.pack_weights(np.ones(filters, np.int8), shape).nbytes
    constants = sum(2 * 4 * channels for channels in (32, 32, 64, 64))  # scale and bias of each channel, float32
    assert footprint.weight_bytes(CONVENTIONAL) == packed + constants


def test_int8_constants_are_three_half_words_a_channel(search_of: Callable[..., TileSearch]) -> None:
    tile = TreeTile(4, 7)
    footprint = Footprint(tiny_network, search_of(tile))
    shapes = [layer.shape for layer in build_network("tiny").binary_layers]
    assert footprint.weight_bytes(IN_BYTES) == sum(map(tile.weight_bytes, shapes)) + 3 * 2 * (32 + 32 + 64 + 64)


def test_code_counts_each_kernel_once(search_of: Callable[..., TileSearch]) -> None:
    footprint = Footprint(tiny_network, search_of(LaneTile(2, 2)))
    network = build_network("tiny")
    kernels = kernels_of(network, CONVENTIONAL, LaneTile(2, 2))
    assert kernels[0].works == kernels[1].works  # blocks 1 and 2 are alike
    images = [
        assemble_variant(one.kernel.variant, one.layer.shape) for one in kernels if isinstance(one.kernel, Convolution)
    ]
    sizes = {image.digest: text_bytes(image) for image in images}
    assert all(size % 4 == 0 and 100 < size < 8_000 for size in sizes.values())
    assert 0 < footprint.code_bytes(CONVENTIONAL) - sum(sizes.values()) < 8_000  # the rest: the passes


@pytest.fixture
def search_of(tmp_path: Path) -> Callable[[Tile], TileSearch]:
    """Return a search that finds the kernels of a given tile the fastest."""
    from tests.dse.conftest import FakeTimer

    class Preferring(FakeTimer):
        def __init__(self, tile: Tile) -> None:
            super().__init__()
            self.tile = tile

        def time(self, work: object) -> dict[str, object]:
            record = super().time(work)  # type: ignore[arg-type]
            variant = getattr(work, "variant", None)
            return record if variant is None or variant.tile == self.tile else record | {"cycles": 10**9}

    return lambda tile: TileSearch(Preferring(tile), EvaluationCache(tmp_path / "cache"), FAMILY, first=1000)


def test_peak_is_that_of_the_largest_step(search_of: Callable[..., TileSearch]) -> None:
    footprint = Footprint(tiny_network, search_of(LaneTile(2, 2)))
    wide: Sequence[int] = [4 * 14 * 14 * 32] * 3 + [16 * 16 * 4]
    assert footprint.memory_bytes(CONVENTIONAL) == sum(wide)

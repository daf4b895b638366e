"""Latency of networks: each shape once, with the fastest of the tiles tried, from the cache where it is there."""

from __future__ import annotations

import json

import pytest

from dse.cache import EvaluationCache
from dse.errors import UsageError
from dse.evaluation import LATENCY
from dse.latency import EmulatedTimer
from dse.network_latency import good_tiles, plan_timing, time_network
from dse.networks import build_network
from isa_models import load_core
from kernels_asm import Arithmetic, ConvShape, KernelVariant, LaneTile, OutputType, TreeTile, legal_tiles
from kernels_asm.tiles import search_tiles
from kernels_asm.tree_tile import Schedule
from tests.sample_networks import NETWORKS

A53, A72 = load_core("cortex-a53"), load_core("cortex-a72")
NARROW = Arithmetic(16, clip=31, output=OutputType.INT8)


class CountingTimer:
    """Cycles by a formula that makes the third tile the fastest; keeps what it timed."""

    def __init__(self) -> None:
        self.timed: list[tuple[ConvShape, KernelVariant]] = []
        self.order: dict[ConvShape, int] = {}

    def key(self, shape, variant):
        return {"shape": str(shape), "variant": str(variant)}

    def time(self, shape, variant):
        self.timed.append((shape, variant))
        number = self.order[shape] = self.order.get(shape, 0) + 1
        return {"cycles": shape.products // 10 + abs(number - 3), "bound": "port F0"}


@pytest.mark.parametrize("input_shape", [(3, 32, 32), (3, 224, 224)], ids=str)
@pytest.mark.parametrize("core", [A53, A72], ids=lambda core: core.name)
@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_has_tiles_for_every_shape(name, core, input_shape):
    network = build_network(name, 1, input_shape)
    plan = plan_timing(network, NARROW, core, 3)
    assert set(plan.tiles) == {layer.shape for layer in network.binary_layers}
    schedule = Schedule.IN_ORDER if core is A53 else Schedule.OUT_OF_ORDER
    for shape, tiles in plan.tiles.items():
        assert 1 <= len(tiles) <= 3
        assert len(set(tiles)) == len(tiles)
        for tile in tiles:
            KernelVariant(NARROW, tile).check(shape)
            assert not isinstance(tile, TreeTile) or tile.schedule is schedule
    assert plan.kernels == sum(map(len, plan.tiles.values()))


def test_each_shape_is_timed_once_and_the_fastest_tile_counts(tmp_path):
    network = build_network("birealnet-18", 1, (3, 32, 32))
    plan = plan_timing(network, NARROW, A72)
    timer, cache, told = CountingTimer(), EvaluationCache(tmp_path), []
    found = time_network(plan, timer, cache, told.append)
    assert len(timer.timed) == plan.kernels == len(set(timer.timed)) == told[-1]
    assert told == list(range(1, plan.kernels + 1))
    assert [name for shape in found.shapes for name in shape.layers] == [layer.name for layer in network.binary_layers]
    assert [len(shape.layers) for shape in found.shapes] == [4, 1, 3, 1, 3, 1, 3]
    for shape in found.shapes:
        assert tuple(shape.tried) == plan.tiles[shape.shape]
        assert shape.tile == plan.tiles[shape.shape][2]
        assert shape.cycles == shape.shape.products // 10 == min(shape.tried.values())
        assert shape.total_cycles == len(shape.layers) * shape.cycles
    assert found.cycles == sum(layer.shape.products // 10 for layer in network.binary_layers)
    assert found.milliseconds == pytest.approx(found.cycles / 1.5e6)
    again = time_network(plan, CountingTimer(), cache)
    assert (again.cycles, again.shapes) == (found.cycles, found.shapes)
    assert json.loads(json.dumps(found.to_json()))["shapes"][0]["tried"]


def test_timings_are_those_of_studies(tmp_path):
    """A layer that a study has timed is not timed again: kind and key of the record are the same."""
    plan = plan_timing(build_network("tiny", 0.25), NARROW, A72, 2)
    cache, timer = EvaluationCache(tmp_path), EmulatedTimer(A72)
    found = time_network(plan, timer, cache)
    for shape in found.shapes:
        record = cache.load(LATENCY, timer.key(shape.shape, KernelVariant(NARROW, shape.tile)))
        assert record is not None
        assert record["cycles"] == shape.cycles
        assert record["products"] == shape.shape.products


def test_good_tiles_come_first():
    shape = ConvShape(14, 14, 256, 256)
    tiles = good_tiles(legal_tiles(NARROW, shape, search_tiles(Schedule.IN_ORDER)), shape)
    assert str(tiles[0]) == "tree4x14r1c3.io.pixels"  # the best of docs/kernels.md on Cortex-A53
    kinds = [isinstance(tile, LaneTile) for tile in tiles]
    assert kinds == sorted(kinds)
    assert any(kinds)


def test_maps_of_three_columns_have_trees_of_their_own():
    network = build_network("quicknet-small")
    plan = plan_timing(network, NARROW, A72, 2)
    last = plan.tiles[network.binary_layers[-1].shape]
    assert all(isinstance(tile, TreeTile) and tile.pixels == 3 for tile in last)


def test_no_tile_is_told(monkeypatch):
    monkeypatch.setattr("dse.network_latency.search_tiles", lambda *_: iter(()))
    with pytest.raises(UsageError, match="no tile can compute layer 14x14x8x8"):
        plan_timing(build_network("tiny", 0.25), NARROW, A72)

"""Latency of networks: each shape is solved once, and from the cache where it is there."""

from __future__ import annotations

import json

import pytest

from dse.cache import EvaluationCache
from dse.errors import UsageError
from dse.layer_work import LayerWork
from dse.network_latency import time_network
from dse.networks import build_network
from dse.normalisation_pass import NormalisationPass
from dse.tile_candidates import tile_family
from dse.tile_search import TileSearch
from isa_models import load_core
from kernels_asm import Arithmetic, ConvShape, OutputType, Tile

A72 = load_core("cortex-a72")
NARROW = Arithmetic(16, clip=31, output=OutputType.INT8)


PASS_CYCLES = 7


class CountingTimer:
    """Cycles by a formula that makes the third tile the fastest; keeps what it timed."""

    def __init__(self) -> None:
        self.timed: list[LayerWork] = []
        self.tiles: dict[ConvShape, list[Tile]] = {}

    def key(self, work):
        return {"work": str(work)}

    def prepare(self, works):
        """Need nothing."""

    def time(self, work):
        self.timed.append(work)
        if isinstance(work, NormalisationPass):
            return {"cycles": PASS_CYCLES}
        tiles = self.tiles.setdefault(work.shape, [])
        if work.variant.tile not in tiles:
            tiles.append(work.variant.tile)
        number = tiles.index(work.variant.tile)
        return {"cycles": work.shape.products // 10 + abs(number - 2), "bound": "port F0", "stalls": {}}


def searching(cache, timer):
    return TileSearch(timer, cache, tile_family(A72))


def test_each_shape_is_solved_once_and_the_fastest_tile_counts(tmp_path):
    network = build_network("birealnet-18", 1, (3, 32, 32))
    timer, cache, told = CountingTimer(), EvaluationCache(tmp_path), []
    found = time_network(network, NARROW, A72, searching(cache, timer), told.append)
    assert len(timer.timed) == told[-1]
    assert told == sorted(told)
    assert [name for shape in found.shapes for name in shape.layers] == [layer.name for layer in network.binary_layers]
    assert [len(shape.layers) for shape in found.shapes] == [4, 1, 3, 1, 3, 1, 3]
    for shape in found.shapes:
        assert shape.tile == list(shape.tried)[2]
        assert shape.cycles == shape.shape.products // 10 == min(shape.tried.values())
        assert shape.total_cycles == len(shape.layers) * shape.cycles
    layers = network.binary_layers
    assert found.convolution_cycles == sum(layer.shape.products // 10 for layer in layers)
    assert [len(behind.layers) for behind in found.passes] == [4, 4, 4, 4]
    assert found.cycles == found.convolution_cycles + len(layers) * PASS_CYCLES
    assert found.milliseconds == pytest.approx(found.cycles / 1.5e6)
    again = CountingTimer()
    repeated = time_network(network, NARROW, A72, searching(cache, again))
    assert (repeated.cycles, repeated.shapes, again.timed) == (found.cycles, found.shapes, [])
    assert json.loads(json.dumps(found.to_json()))["shapes"][0]["tried"]


def test_a_layer_without_a_tile_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("dse.layer_tasks.plain_tiles", lambda *_: iter(()))
    network = build_network("tiny", 0.25)
    with pytest.raises(UsageError, match="no tile can do convolution 14x14x8x8"):
        time_network(network, NARROW, A72, searching(EvaluationCache(tmp_path), CountingTimer()))

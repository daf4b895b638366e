"""What accumulator width does, timed by a made-up timer: the map compares, it does not time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from dse import accumulator_map as module
from dse.accumulator_map import KINDS, TILES_TRIED, accumulator_map, map_figure
from dse.cache import EvaluationCache, Record
from dse.layer_work import Convolution, LayerWork
from dse.networks import build_network
from isa_models import Core


class MadeUpTimer:
    """Cycles by width, and for one tile in three fewer."""

    timed: ClassVar[list[LayerWork]] = []

    def __init__(self, core: Core) -> None:
        self._core = core

    def key(self, work: LayerWork) -> dict[str, str]:
        return {"work": str(work), "core": self._core.name}

    def prepare(self, works: Sequence[LayerWork]) -> None:
        """Need nothing."""

    def time(self, work: LayerWork) -> Record:
        assert isinstance(work, Convolution)
        self.timed.append(work)
        return {"cycles": 100 * work.variant.arithmetic.accumulator + work.variant.tile.channels}


@pytest.fixture
def timer(monkeypatch: pytest.MonkeyPatch) -> type[MadeUpTimer]:
    MadeUpTimer.timed.clear()
    monkeypatch.setattr(module, "EmulatedTimer", MadeUpTimer)
    return MadeUpTimer


def test_every_width_has_its_fastest_of_the_same_tiles(timer: type[MadeUpTimer], tmp_path: Path) -> None:
    found = accumulator_map("cortex-a72", "tiny", EvaluationCache(tmp_path))
    names = [layer.name for layer in build_network("tiny").binary_layers]
    assert [(entry.kind, entry.width) for entry in found.entries] == [(kind, w) for kind in KINDS for w in (8, 16, 32)]
    assert all([layer.layer for layer in entry.layers] == names for entry in found.entries)
    tiles: dict[tuple[str, int, str], set[str]] = {}
    for work in timer.timed:
        assert isinstance(work, Convolution)
        key = (type(work.variant.tile).__name__, work.variant.arithmetic.accumulator, str(work.shape))
        tiles.setdefault(key, set()).add(str(work.variant.tile))
    for kind, _, shape in tiles:
        assert tiles[kind, 8, shape] == tiles[kind, 16, shape] == tiles[kind, 32, shape]
        assert 1 <= len(tiles[kind, 8, shape]) <= TILES_TRIED
    change = found.change("counts in a tree", 8)
    assert change == pytest.approx(0.25, rel=0.02)


def test_timings_come_from_the_cache(timer: type[MadeUpTimer], tmp_path: Path) -> None:
    first = accumulator_map("cortex-a53", "tiny", EvaluationCache(tmp_path))
    count = len(timer.timed)
    assert accumulator_map("cortex-a53", "tiny", EvaluationCache(tmp_path)) == first
    assert len(timer.timed) == count > 0


def test_figure_shows_each_kind_against_its_widest(timer: type[MadeUpTimer], tmp_path: Path) -> None:
    found = accumulator_map("cortex-a72", "tiny", EvaluationCache(tmp_path))
    figure = map_figure(found, 20, 105)
    assert [trace.name for trace in figure.data] == list(KINDS)
    assert all(trace.y[-1] == 100 and trace.x == ("8 bit", "16 bit", "32 bit") for trace in figure.data)

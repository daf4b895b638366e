from __future__ import annotations

import pytest

from dse.errors import UsageError
from dse.known_designs import CONVENTIONAL, NARROW, TileSweep, contending_tiles, running_tile, sweep_known_designs
from kernels_asm import LaneTile, TreeTile


def test_each_known_design_begins_with_its_fastest_tile(fake_study):
    tiles = (LaneTile(1, 1), LaneTile(2, 2), LaneTile(8, 1))
    conventional, narrow = sweep_known_designs(tiles, fake_study.legality, fake_study.evaluator, lambda _what: None)
    assert (conventional.fastest.accumulator, conventional.fastest.clip) == (32, None)
    assert (narrow.fastest.accumulator, narrow.fastest.clip) == (8, 63)
    # the stand-in's cycles shrink with the channels of a tile
    assert conventional.fastest.tile == narrow.fastest.tile == LaneTile(8, 1)
    assert len(conventional.cycles) == 3


def test_of_equally_fast_tiles_the_smallest_is_taken():
    assert TileSweep(CONVENTIONAL, {LaneTile(4, 4): 10, LaneTile(2, 2): 10}).fastest.tile == LaneTile(2, 2)


def test_a_tile_contends_if_it_is_quick_enough_for_one_design():
    conventional = TileSweep(
        CONVENTIONAL, {LaneTile(1, 1): 200, LaneTile(2, 2): 114, LaneTile(4, 4): 100, LaneTile(8, 2): 116}
    )
    narrow = TileSweep(NARROW, {LaneTile(1, 1): 200, LaneTile(2, 2): 150, LaneTile(4, 4): 120, LaneTile(8, 2): 100})
    assert contending_tiles([conventional, narrow]) == (LaneTile(2, 2), LaneTile(4, 4), LaneTile(8, 2))


def test_running_sums_get_the_fastest_tile_that_computes_them(fake_study):
    def chosen(*tiles):
        return running_tile(tiles, fake_study.legality, fake_study.evaluator, lambda _what: None)

    # the stand-in's cycles shrink with the channels of a tile
    assert chosen(LaneTile(8, 1), TreeTile(4, 7), TreeTile(8, 7), TreeTile(4, 7, columns=3)) == (TreeTile(8, 7),)
    assert chosen(LaneTile(8, 1), TreeTile(4, 7, columns=3)) == ()


def test_no_legal_tile_is_an_error_that_names_the_design(fake_study):
    with pytest.raises(UsageError, match="no tile fits the 32-bit design"):
        sweep_known_designs((), fake_study.legality, fake_study.evaluator, lambda _what: None)

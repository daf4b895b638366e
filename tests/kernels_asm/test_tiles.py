from functools import partial

import pytest

from kernels_asm import (
    Arithmetic,
    ConvShape,
    InputError,
    KernelVariant,
    LaneTile,
    Schedule,
    Tile,
    TreeTile,
    all_tiles,
    legal_tiles,
    parse_tile,
)
from kernels_asm.tile import DOT_PRODUCT
from kernels_asm.tiles import listed_tiles, search_tiles


def test_tiles_are_read_as_they_are_written() -> None:
    tiles = [*all_tiles((DOT_PRODUCT,)), TreeTile(8, 3, prefetch=512), TreeTile(8, 3, prefetch=512, udot=True)]
    tiles += [TreeTile(8, 3, unroll=4), TreeTile(8, 3, prefetch=512, udot=True, unroll=12)]
    assert len({str(tile) for tile in tiles}) == len(tiles)
    assert all(parse_tile(str(tile)) == tile for tile in tiles)


@pytest.mark.parametrize(
    "text",
    [
        "4",
        "x4",
        "4x",
        "axb",
        "4x4x4",
        "-4x4",
        "tree",
        "tree4x4",
        "tree4x4r1c1.ooo",
        "tree4x4r1c1.fast.pixels",
        "4x4.sdot",
        "4x4.udot.udot",
        "4x4udot",
        "tree4x4r1c1.ooo.pixels.udot.pf64",
        "tree4x4r1c1.ooo.pixels.pf64.u2",
        "tree4x4r1c1.ooo.pixels.u1",
        "tree4x4r1c1.ooo.pixels.u5",
        "4x04",
        "4x\u0664",  # a digit, but none of ASCII
        pytest.param("9" * 5000 + "x1", id="5000-digits"),  # more than Python turns into a number
        pytest.param(f"tree4x{'9' * 5000}r1c1.ooo.pixels", id="tree-of-5000-digits"),
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="tile"):
        parse_tile(text)


def test_tiles_with_udot_are_there_only_for_cores_that_have_it() -> None:
    for tiles_of in (all_tiles, listed_tiles, partial(search_tiles, Schedule.IN_ORDER)):
        plain, more = list(tiles_of()), list(tiles_of((DOT_PRODUCT, "crc")))
        assert not any(tile.udot for tile in plain)
        assert [tile for tile in more if not tile.udot] == plain
        assert {type(tile) for tile in more if tile.udot} == {LaneTile, TreeTile}
        assert {tile.feature for tile in more} == {None, DOT_PRODUCT}
        assert list(tiles_of(("crc",))) == plain


@pytest.mark.parametrize("tile", [LaneTile(4, 4, udot=True), TreeTile(4, 4, udot=True)], ids=str)
@pytest.mark.parametrize("bits", [8, 16])
def test_udot_is_refused_below_32_bits(tile: Tile, bits: int) -> None:
    shape = ConvShape(6, 6, 128, 8)
    assert tile.registers(Arithmetic(32), shape)["operands"] == 1
    with pytest.raises(InputError, match=f"tile {tile}: UDOT adds to lanes of 32 bits, not to those of a {bits}-bit"):
        tile.registers(Arithmetic(bits), shape)
    with pytest.raises(InputError, match=r"give 32 bits, or the tile without \.udot"):
        KernelVariant(Arithmetic(bits), tile)


def test_every_layer_has_a_tile_of_each_kind() -> None:
    for shape in (ConvShape(1, 1, 1, 1, 1, 1, 1, 0), ConvShape(3, 3, 2000, 1), ConvShape(7, 9, 33, 3, 5, 5, 3, 2)):
        kinds = {type(tile) for tile in legal_tiles(Arithmetic(16), shape)}
        assert len(kinds) == 2

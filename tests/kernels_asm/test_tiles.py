import pytest

from kernels_asm import Arithmetic, ConvShape, InputError, TreeTile, all_tiles, legal_tiles, parse_tile


def test_tiles_are_read_as_they_are_written() -> None:
    tiles = [*all_tiles(), TreeTile(8, 3, prefetch=512)]
    assert len({str(tile) for tile in tiles}) == len(tiles)
    assert all(parse_tile(str(tile)) == tile for tile in tiles)


@pytest.mark.parametrize(
    "text",
    ["4", "x4", "4x", "axb", "4x4x4", "-4x4", "tree", "tree4x4", "tree4x4r1c1.ooo", "tree4x4r1c1.fast.pixels"],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="tile"):
        parse_tile(text)


def test_every_layer_has_a_tile_of_each_kind() -> None:
    for shape in (ConvShape(1, 1, 1, 1, 1, 1, 1, 0), ConvShape(3, 3, 2000, 1), ConvShape(7, 9, 33, 3, 5, 5, 3, 2)):
        kinds = {type(tile) for tile in legal_tiles(Arithmetic(16), shape)}
        assert len(kinds) == 2

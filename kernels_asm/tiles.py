"""All tiles of all kernels, by name and by what a layer allows."""

from collections.abc import Iterable, Iterator

from kernels_asm.arithmetic import Arithmetic
from kernels_asm.errors import InputError
from kernels_asm.lane_tile import LaneTile, lane_tiles
from kernels_asm.shape import ConvShape
from kernels_asm.tile import Tile
from kernels_asm.tree_tile import LoopOrder, Schedule, TreeTile, tree_tiles

SEARCHED_PIXELS = (4, 6, 7, 8, 12, 14)
"""Pixels of a tree tile that `search_tiles` yields: they divide the usual widths, and fill vectors of small pixels."""


def parse_tile(text: str) -> Tile:
    """Read the name of a tile, as `str` writes it; raises InputError for anything else."""
    tile = _read(text)
    if tile is None or str(tile) != text:
        example = TreeTile(4, 14, 1, 3)
        raise InputError(f"tile {text!r}: write CHANNELSxPIXELS, such as 4x4, or a tree, such as {example}")
    return tile


def _read(text: str) -> Tile | None:
    if text.startswith("tree"):
        return TreeTile.parse(text)
    channels, _, pixels = text.partition("x")
    if not (channels.isdecimal() and pixels.isdecimal()):
        return None
    return LaneTile(int(channels), int(pixels))


def all_tiles() -> Iterator[Tile]:
    """Yield every tile that some arithmetic and layer can use, those with prefetch apart."""
    yield from lane_tiles()
    yield from tree_tiles()


def search_tiles(schedule: Schedule) -> Iterator[Tile]:
    """Yield the tiles that a search over whole networks tries for a core with that schedule.

    Those with a common shape for all layers of a small network: few pixels, and the loops in the order that suits
    feature maps and filters which fit the first cache together.
    """
    yield from lane_tiles()
    yield from tree_tiles(pixels=SEARCHED_PIXELS, schedules=(schedule,), orders=(LoopOrder.PIXELS,))


def listed_tiles() -> Iterator[Tile]:
    """Yield the tiles that stand for all where kernels are listed: those that `search_tiles` yields for any core."""
    yield from lane_tiles()
    yield from tree_tiles(pixels=SEARCHED_PIXELS, orders=(LoopOrder.PIXELS,))


def legal_tiles(arithmetic: Arithmetic, shape: ConvShape, tiles: Iterable[Tile] | None = None) -> tuple[Tile, ...]:
    """Return those of `tiles` (all, if not given) with which the arithmetic can compute the layer.

    Raises InputError if no tile could.
    """
    arithmetic.check_window(shape.window)
    return tuple(tile for tile in (all_tiles() if tiles is None else tiles) if _fits(tile, arithmetic, shape))


def _fits(tile: Tile, arithmetic: Arithmetic, shape: ConvShape) -> bool:
    try:
        tile.registers(arithmetic, shape)
    except InputError:
        return False
    return True

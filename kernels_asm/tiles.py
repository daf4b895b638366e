"""All tiles of all kernels, by name and by what a layer allows."""

import re
from collections.abc import Collection, Iterable, Iterator

from kernels_asm.arithmetic import Arithmetic
from kernels_asm.errors import InputError
from kernels_asm.lane_tile import LaneTile, lane_tiles
from kernels_asm.shape import ConvShape
from kernels_asm.tile import DOT_PRODUCT, UDOT_SUFFIX, Tile
from kernels_asm.tree_tile import LoopOrder, Schedule, TreeTile, tree_tiles

SEARCHED_PIXELS = (4, 6, 7, 8, 12, 14)
"""Pixels of a tree tile that `search_tiles` yields: they divide the usual widths, and fill vectors of small pixels."""

SEARCHED_UNROLL = 6
"""Steps in a row, at most, of a tree that `search_tiles` yields: a 3x3 window over 256 channels has as many.

Of the trees that it yields for 3x3 windows over 64, 128 and 256 channels, none took more than 0.1% longer unrolled so,
the median one 1.5% to 5% less, on Cortex-A53, A55, A72 and Neoverse N1. So those not unrolled need no search, as long
as weights stay in L2. Where they do not, the models' prefetchers, which learn a load's stride, learn it later from more
loads: on Cortex-A55 a layer of 7x7x512x512 takes about a third longer unrolled.
"""

_LANE_NAME = re.compile(r"([0-9]{1,4})x([0-9]{1,4})(\.udot)?")


def parse_tile(text: str) -> Tile:
    """Read the name of a tile, as `str` writes it; raises InputError for anything else."""
    tile = _read(text)
    if tile is None or str(tile) != text:
        example = TreeTile(4, 14, 1, 3)
        raise InputError(f"tile {text!r}: write CHANNELSxPIXELS, such as 4x4, or a tree, such as {example}, with "
                         f"{UDOT_SUFFIX} at the end to add up 32-bit sums by UDOT")  # fmt: skip
    return tile


def _read(text: str) -> Tile | None:
    if text.startswith("tree"):
        return TreeTile.parse(text)
    lane = _LANE_NAME.fullmatch(text)
    return LaneTile(int(lane[1]), int(lane[2]), lane[3] is not None) if lane else None


def all_tiles(features: Collection[str] = ()) -> Iterator[Tile]:
    """Yield every tile that some arithmetic and layer can use, but trees unrolled, prefetching or of over 32 pixels.

    `features`: the extensions of the ISA that a core has; tiles that need another are left out, here and below.
    """
    yield from lane_tiles(_udots(features))
    yield from tree_tiles(udots=_udots(features))


def search_tiles(schedule: Schedule, features: Collection[str] = ()) -> Iterator[Tile]:
    """Yield the tiles among which kernels of a layer are compared, for a core with that schedule and these features.

    Few, so that all can be timed: few pixels, the loops in the order that suits
    feature maps and filters which fit the first cache together, and steps of the window unrolled. None prefetches,
    which wins only where weights come from memory.
    """
    udots = _udots(features)
    yield from lane_tiles(udots)
    orders, unrolls = (LoopOrder.PIXELS,), (SEARCHED_UNROLL,)
    yield from tree_tiles(pixels=SEARCHED_PIXELS, schedules=(schedule,), orders=orders, udots=udots, unrolls=unrolls)


def listed_tiles(features: Collection[str] = ()) -> Iterator[Tile]:
    """Yield the tiles that stand for all where kernels are listed: as `search_tiles` for any core, but not unrolled."""
    udots = _udots(features)
    yield from lane_tiles(udots)
    yield from tree_tiles(pixels=SEARCHED_PIXELS, orders=(LoopOrder.PIXELS,), udots=udots)


def _udots(features: Collection[str]) -> tuple[bool, ...]:
    return (False, True) if DOT_PRODUCT in features else (False,)


def legal_tiles(arithmetic: Arithmetic, shape: ConvShape, tiles: Iterable[Tile] | None = None) -> tuple[Tile, ...]:
    """Return those of `tiles` (all without UDOT, if not given) with which the arithmetic can compute the layer.

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

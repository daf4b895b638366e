"""Which tiles are worth timing for a layer on a core: plain ones, likely best first, and what to try around a good one.

The timings behind docs/kernels.md say how far the guess goes. In 344 of 385 searches, over 8 layers and 7 cores, the
first 6 of `good_tiles` hold the fastest plain tile; in all but 7 it is at most 1% ahead of them, in one of these 8%.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from dse.core_schedule import schedule_of
from isa_models import Core
from kernels_asm import ConvShape, LaneTile, LoopOrder, Schedule, Tile, TreeTile
from kernels_asm.lane_tile import lane_tiles
from kernels_asm.packing import channel_block
from kernels_asm.tile import DOT_PRODUCT
from kernels_asm.tree_tile import tree_tiles

MOST_PIXELS: Final = 32
"""Of a tree along a row."""

MOST_VECTORS: Final = 1.5
"""Times the least vectors for a row that a tree may compute and be among the first."""

PREFETCH: Final = (256, 512)
"""Distances, in bytes, at which weights are prefetched."""

MISSES: Final = ("L1 miss", "L2 miss")
"""The stalls that a prefetch can take away."""


@dataclass(frozen=True, slots=True)
class TileFamily:
    """The tiles that are meant for a core.

    Attributes:
        schedule: Order of instructions of trees.
        features: The core's extensions of the instruction set.

    """

    schedule: Schedule
    features: frozenset[str] = frozenset()


def tile_family(core: Core) -> TileFamily:
    """Return the tiles that are meant for a core."""
    return TileFamily(schedule_of(core), frozenset(core.features))


def plain_tiles(shape: ConvShape, family: TileFamily) -> Iterator[Tile]:
    """Yield tiles for a layer, whatever its arithmetic: lanes, then trees that cover a row, not unrolled."""
    udots = (False, True) if DOT_PRODUCT in family.features else (False,)
    yield from lane_tiles(udots)
    pixels = sorted(count for count in covering_pixels(shape) if count <= MOST_PIXELS)
    yield from tree_tiles(pixels=pixels, schedules=(family.schedule,), orders=(LoopOrder.PIXELS,), udots=udots)


def covering_pixels(shape: ConvShape) -> set[int]:
    """Return the fewest pixels that cover an output row in one tile, two, and so on.

    Tiles of more pixels, as many of them, do part of the row twice. Of pixels that share a vector the number is rounded
    up to fill it.
    """
    width, shared = shape.out_width, max(1, 128 // channel_block(shape.channels_in))
    fewest = {-(-width // tiles) for tiles in range(1, width + 1)}
    return fewest | {-(-pixels // shared) * shared for pixels in fewest}


def good_tiles(legal: Iterable[Tile], shape: ConvShape) -> list[Tile]:
    """Return the tiles, those first that are likely the fastest.

    Trees before lanes, and trees that do half as much again in vain after those that do not. Of trees: most columns of
    weights in registers, then least vectors of pixels for a row, then most pixels. Of lanes: most outputs, which load
    least for each.
    """
    tiles = tuple(legal)
    least = min((_row_vectors(tile, shape) for tile in tiles if isinstance(tile, TreeTile)), default=0)

    def rank(tile: Tile) -> tuple[int, int, int, int]:
        if isinstance(tile, TreeTile):
            vectors = _row_vectors(tile, shape)
            return int(vectors > MOST_VECTORS * least), -tile.columns, vectors, -tile.pixels * tile.rows
        return 2, 0, 0, -tile.channels * (tile.pixels if isinstance(tile, LaneTile) else 1)

    return sorted(tiles, key=rank)


def _row_vectors(tree: TreeTile, shape: ConvShape) -> int:
    """Return the vectors of pixels that whole tiles compute for an output row, pixels computed twice included."""
    return -(-shape.out_width // tree.pixels) * tree.pixels // tree.vector_pixels(shape)


def reordered(tree: TreeTile) -> TreeTile:
    """Return the tree with the other order of loops."""
    other = LoopOrder.CHANNELS if tree.order is LoopOrder.PIXELS else LoopOrder.PIXELS
    return replace(tree, order=other)


def prefetching(tree: TreeTile) -> Iterator[TreeTile]:
    """Yield the tree with its weights prefetched at each of the distances."""
    return (replace(tree, prefetch=distance) for distance in PREFETCH)


def cycles_without_misses(cycles: int, stalls: Mapping[str, float]) -> float:
    """Return the cycles that are left if no line is waited for: prefetching cannot do better."""
    return cycles - sum(stalls.get(reason, 0) for reason in MISSES)

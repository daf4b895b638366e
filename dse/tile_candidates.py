"""Which tiles are worth timing for a layer on a core: plain ones, likely best first, and what to try around a good one.

`make bench-search` says how far the guess goes: of 378 searches, over 54 pairs of a layer and sums and 7 cores, the
first 4 of `good_tiles` hold the fastest plain tile in 356; in the others it is at most 2% ahead of them.
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

LEAF: Final = 0.2
"""What the end of a leaf, the sum of the products of so many columns as a tree holds, costs beside loading a vector.

Wide sums are folded there, and what a step accumulates waits for it. Of 0.1, 0.15, 0.2 and 0.25 the one whose first
tiles were nearest to the fastest, on each half of the layers that it was tried on.
"""

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

    Trees before lanes, and trees that do half as much again in vain after those that do not. Of trees: those first that
    do least for an output row beside its products, which take any of them as long; of the same tree, the one with the
    dot-product instruction. Of lanes: most outputs, which load least for each.
    """
    tiles = tuple(legal)
    least = min((_row_vectors(tile, shape) for tile in tiles if isinstance(tile, TreeTile)), default=0)

    def rank(tile: Tile) -> tuple[int, float, bool]:
        if isinstance(tile, TreeTile):
            vectors = _row_vectors(tile, shape)
            return int(vectors > MOST_VECTORS * least), vectors * _beside_products(tile, shape), not tile.udot
        return 2, -tile.channels * (tile.pixels if isinstance(tile, LaneTile) else 1), False

    return sorted(tiles, key=rank)


def _beside_products(tree: TreeTile, shape: ConvShape) -> float:
    """Return what a tree does for each product of two vectors, beside it: vectors loaded, and `LEAF` for its leaf.

    Weights are loaded once for all pixels of the tile and activations once for all its channels, but that they slide:
    those of a row are loaded once where their windows overlap.
    """
    side_by_side = tree.vector_pixels(shape)
    vectors = tree.pixels // side_by_side
    fresh = min(side_by_side * shape.stride, tree.columns)
    activations = tree.rows * ((vectors - 1) * fresh + tree.columns)
    weights = tree.columns * tree.channels
    return (activations + weights) / (tree.rows * vectors * weights) + LEAF / tree.columns


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

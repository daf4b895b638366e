"""The designs with which every study begins: known points that it measures itself against and starts from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from dse.design import Design
from dse.errors import UsageError
from dse.evaluation import Activity, Evaluator
from dse.legality import Legality
from kernels_asm import Overflow, Tile

NARROW_CLIP = 63
"""The largest clip of the default search space: int8 outputs at next to no loss of accuracy."""

_ANY_TILE = Tile(1, 1)
CONVENTIONAL = Design(1.0, 32, Overflow.EXACT, None, _ANY_TILE)
"""The conventional flow: 32-bit accumulators, 32-bit outputs, the network's own width."""

NARROW = Design(1.0, 8, Overflow.EXACT, NARROW_CLIP, _ANY_TILE)
"""The narrow flow of Vorabbi et al. (arXiv 2304.00952): 8-bit accumulators, and a clip to 8-bit outputs."""


def known_designs(
    tiles: Iterable[Tile], legality: Legality, evaluator: Evaluator, activity: Activity
) -> tuple[Design, ...]:
    """Return the conventional and the narrow flow, each with the fastest of `tiles`.

    All tiles are timed, so that a study's gain is owed to arithmetic and width and not to a slow tile. The timings stay
    in the cache.

    Raises:
        UsageError: No tile is legal.

    """
    tiles = tuple(tiles)
    return tuple(_with_fastest_tile(design, tiles, legality, evaluator, activity) for design in (CONVENTIONAL, NARROW))


def _with_fastest_tile(
    design: Design, tiles: Iterable[Tile], legality: Legality, evaluator: Evaluator, activity: Activity
) -> Design:
    name = f"the {design.accumulator}-bit design"
    tiled = [replace(design, tile=tile) for tile in tiles]
    tiled = [candidate for candidate in tiled if legality.reason(candidate) is None]
    if not tiled:
        raise UsageError(f"no tile fits {name} that a study begins with: give another network or other tiles")
    cycles: dict[Design, int] = {}
    for number, candidate in enumerate(tiled, start=1):
        activity(f"tiling {name} ({number}/{len(tiled)})")
        cycles[candidate] = evaluator.latency(candidate, _quiet).cycles
    return min(tiled, key=lambda candidate: (cycles[candidate], candidate.tile))


def _quiet(_what: str) -> None:
    """Say nothing: the tiles are counted instead of their layers."""

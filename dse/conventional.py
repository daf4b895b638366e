"""The conventional flow, which every study measures its designs against."""

from __future__ import annotations

from collections.abc import Iterable

from dse.design import Design
from dse.errors import UsageError
from dse.evaluation import Activity, Evaluator
from dse.legality import Legality
from kernels_asm import Overflow, Tile


def conventional_design(tiles: Iterable[Tile], legality: Legality, evaluator: Evaluator, activity: Activity) -> Design:
    """Return the conventional design: 32-bit accumulators, no clip, the network's own width, with its fastest tile.

    All its tiles are timed, so that a study's gain over it is owed to arithmetic and width and not to a slow tile. The
    timings stay in the cache.

    Raises:
        UsageError: No tile is legal.

    """
    designs = [Design(1.0, 32, Overflow.EXACT, None, tile) for tile in tiles]
    designs = [design for design in designs if legality.reason(design) is None]
    if not designs:
        raise UsageError("no tile fits the conventional design with 32-bit accumulators: give another network")
    cycles: dict[Design, int] = {}
    for number, design in enumerate(designs, start=1):
        activity(f"tiling the conventional design ({number}/{len(designs)})")
        cycles[design] = evaluator.latency(design, _quiet).cycles
    return min(designs, key=lambda design: (cycles[design], design.tile))


def _quiet(_what: str) -> None:
    """Say nothing: the tiles are counted instead of their layers."""

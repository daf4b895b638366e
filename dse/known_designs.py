"""The designs with which every study begins, and what timing all their tiles says about tiles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from dse.design import Design
from dse.errors import UsageError
from dse.evaluation import Activity, Evaluator
from dse.legality import Legality
from kernels_asm import LaneTile, Overflow, Tile

NARROW_CLIP = 63
"""The largest clip of the default search space: int8 outputs at next to no loss of accuracy."""

_ANY_TILE = LaneTile(1, 1)
CONVENTIONAL = Design(1.0, 32, Overflow.EXACT, None, _ANY_TILE)
"""The conventional flow: 32-bit accumulators, 32-bit outputs, the network's own width."""

NARROW = Design(1.0, 8, Overflow.EXACT, NARROW_CLIP, _ANY_TILE)
"""The narrow flow of Vorabbi et al. (arXiv 2304.00952): 8-bit accumulators, and a clip to 8-bit outputs."""

RUNNING = replace(NARROW, overflow=Overflow.RUNNING)
"""The narrow flow in running sums, which only some tiles compute."""

CONTENDER_MARGIN = 0.15
"""How much slower than the fastest a tile may be and still be searched.

Tiles keep their order from one width or arithmetic to another: with the default network on Cortex-A72, the fastest
three at widths 1 and 2 and at 8, 16 and 32 bits are all within 10 % of the fastest here.
"""


@dataclass(frozen=True, slots=True)
class TileSweep:
    """A design timed with every tile that fits it.

    Attributes:
        design: The design; its own tile means nothing.
        cycles: Cycles of its binary layers, by tile; at least one.

    """

    design: Design
    cycles: Mapping[Tile, int]

    @property
    def fastest(self) -> Design:
        """The design with its fastest tile."""
        return replace(self.design, tile=min(self.cycles, key=lambda tile: (self.cycles[tile], tile)))

    def contenders(self) -> set[Tile]:
        """Return the tiles at most `CONTENDER_MARGIN` slower than the fastest."""
        limit = min(self.cycles.values()) * (1 + CONTENDER_MARGIN)
        return {tile for tile, cycles in self.cycles.items() if cycles <= limit}


def sweep_known_designs(
    tiles: Iterable[Tile], legality: Legality, evaluator: Evaluator, activity: Activity
) -> tuple[TileSweep, ...]:
    """Time the conventional and then the narrow flow with all of `tiles`; the timings stay in the cache.

    Each study begins with both at their fastest, so that its gains are owed to arithmetic and width and not to a slow
    tile.

    Raises:
        UsageError: No tile is legal.

    """
    tiles = tuple(tiles)
    return tuple(_sweep(design, tiles, legality, evaluator, activity) for design in (CONVENTIONAL, NARROW))


def contending_tiles(sweeps: Sequence[TileSweep]) -> tuple[Tile, ...]:
    """Return the tiles that are contenders in at least one sweep, in order."""
    return tuple(sorted(set[Tile]().union(*(sweep.contenders() for sweep in sweeps))))


def running_tile(
    tiles: Iterable[Tile], legality: Legality, evaluator: Evaluator, activity: Activity
) -> tuple[Tile, ...]:
    """Return the tile that is fastest in running sums, none if no tile computes them.

    Tiles of other arithmetics compute several blocks at once and cannot run sums, so that without one of its own no
    design of running sums might be left. One is enough: for other arithmetics it is seldom a contender.
    """
    able = [tile for tile in tiles if legality.reason(replace(RUNNING, tile=tile)) is None]
    return (_sweep(RUNNING, able, legality, evaluator, activity).fastest.tile,) if able else ()


def _sweep(
    design: Design, tiles: Iterable[Tile], legality: Legality, evaluator: Evaluator, activity: Activity
) -> TileSweep:
    tiled = [replace(design, tile=tile) for tile in tiles]
    tiled = [candidate for candidate in tiled if legality.reason(candidate) is None]
    name = f"{design.accumulator}-bit design" + (" of running sums" if design.overflow is Overflow.RUNNING else "")
    if not tiled:
        raise UsageError(f"no tile fits the {name} that a study begins with: give another network or tiles")
    cycles: dict[Tile, int] = {}
    for number, candidate in enumerate(tiled, start=1):
        activity(f"tiling the {name} ({number}/{len(tiled)})")
        cycles[candidate.tile] = evaluator.latency(candidate, _quiet).cycles
    return TileSweep(design, cycles)


def _quiet(_what: str) -> None:
    """Say nothing: the tiles are counted instead of their layers."""

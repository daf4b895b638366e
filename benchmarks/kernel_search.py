"""The search for the best tile of the convolution kernel, on the whole layer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from benchmarks.kernel_jobs import Job
from dse.cache import Record, content_key
from dse.emulation import Signs, checked_run, latency_key, random_operands
from dse.tile_candidates import PREFETCH, covering_pixels, cycles_without_misses, prefetching, reordered
from isa_models import Core, Simulation, time_trace
from kernels_asm import Arithmetic, ConvShape, KernelVariant, LoopOrder, Schedule, Tile, TreeTile, legal_tiles
from kernels_asm.assembler import variant_digest
from kernels_asm.lane_tile import lane_tiles
from kernels_asm.tree_tile import tree_tiles

UNROLLED = 4
"""So many of a core's best trees are tried unrolled as well, with each number of steps that the layer allows."""

PREFETCHED = 4
"""So many of a core's trees: those that would be the best if no line was waited for, as prefetching cannot do more."""

REORDERED = 8
"""So many of a core's best trees are tried with the other order of loops as well, where not all are."""

_SETTINGS = [REORDERED, UNROLLED, PREFETCHED, *PREFETCH]

TileOrTree = TypeVar("TileOrTree", Tile, TreeTile)

Timings = dict[tuple[Tile, str], Simulation]
"""By tile and name of the core."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A tile on a core.

    Attributes:
        tile: Its name.
        cycles: Of the layer, with warm caches.
        bound: The resource that alone would need the most cycles.
        bound_cycles: How many.

    """

    tile: str
    cycles: int
    bound: str
    bound_cycles: float


@dataclass(frozen=True, slots=True)
class TileSearch(Job):
    """The tiles for a layer in an arithmetic; every run is checked against the oracle.

    Attributes:
        shape: The layer.
        arithmetic: What it computes.
        schedule: Of the tree tiles; lane tiles have but one.
        is_exhaustive: Whether every legal tile is timed. Else trees are as in `covering_pixels`, with pixels in the
            outer loop, and only each core's best are tried with channels there.

    """

    shape: ConvShape
    arithmetic: Arithmetic
    schedule: Schedule
    is_exhaustive: bool

    def __str__(self) -> str:
        a, breadth = self.arithmetic, "all" if self.is_exhaustive else "most"
        return f"{breadth} tiles ({self.schedule}) of {self.shape}, {a.accumulator}-bit {a.overflow}, {a.output}"

    def tiles(self) -> tuple[Tile, ...]:
        """Return the tiles that the search starts with, without prefetch."""
        orders = tuple(LoopOrder) if self.is_exhaustive else (LoopOrder.PIXELS,)
        trees = tree_tiles(schedules=(self.schedule,), orders=orders)
        chosen = trees if self.is_exhaustive else (tree for tree in trees if tree.pixels in covering_pixels(self.shape))
        return legal_tiles(self.arithmetic, self.shape, [*lane_tiles(), *chosen])

    def content(self, core: Core) -> dict[str, Any]:
        """See `Job`."""
        any_variant = KernelVariant(self.arithmetic, self.tiles()[0])
        search = {"kernel": _kernels(self), "variant": str(self), "search": _SETTINGS}
        return {**latency_key(self.shape, any_variant, core), **search}

    def measure(self, cores: Sequence[Core]) -> list[Record]:
        """See `Job`."""
        timings: Timings = {}
        self._time(dict.fromkeys(self.tiles(), cores), timings)
        if not self.is_exhaustive:
            best = _best_trees(timings, cores, REORDERED, lambda simulation: simulation.cycles)
            self._time({reordered(tree): whose for tree, whose in best.items()}, timings)
        best = _best_trees(timings, cores, UNROLLED, lambda simulation: simulation.cycles)
        self._time({longer: whose for tree, whose in best.items() for longer in self._unrolled(tree)}, timings)
        best = _best_trees(timings, cores, PREFETCHED, _cycles_without_misses)
        self._time({ahead: whose for tree, whose in best.items() for ahead in prefetching(tree)}, timings)
        return [
            {
                "tiles": [
                    [str(tile), simulation.cycles, simulation.bound.what, simulation.bound.cycles]
                    for (tile, name), simulation in sorted(timings.items(), key=lambda timed: timed[0])
                    if name == core.name
                ]
            }
            for core in cores
        ]

    def _unrolled(self, tree: TreeTile) -> tuple[Tile, ...]:
        return legal_tiles(self.arithmetic, self.shape, tree.unrolled(self.shape))

    def _time(self, tiles: Mapping[TileOrTree, Sequence[Core]], timings: Timings) -> None:
        """Add the timing of each tile on its cores."""
        operands = random_operands(self.shape)
        for tile, cores in tiles.items():
            variant = KernelVariant(self.arithmetic, tile)
            for name, simulation in simulations(variant, self.shape, operands, cores).items():
                timings[tile, name] = simulation


def simulations(
    variant: KernelVariant, shape: ConvShape, operands: tuple[Signs, Signs], cores: Sequence[Core]
) -> dict[str, Simulation]:
    """Run a kernel once, checked against the oracle, and return its timing on each core by the core's name."""
    trace = checked_run(variant, shape, *operands).trace
    if trace is None:
        raise AssertionError("a checked run records its trace")
    return {core.name: time_trace(trace, core) for core in cores}


def kernels_digest(variants: Iterable[KernelVariant], shape: ConvShape) -> str:
    """Return the digest of the images of kernels for a layer."""
    return content_key({str(variant): variant_digest(variant, shape) for variant in variants})


@cache
def _kernels(search: TileSearch) -> str:
    """Return the digest of the images that all cores share: what is tried later are symbols, so they stand for all."""
    return kernels_digest((KernelVariant(search.arithmetic, tile) for tile in search.tiles()), search.shape)


def candidates(record: Record) -> list[Candidate]:
    """Return what a record of a search holds, the fastest tile first."""
    return sorted((Candidate(*entry) for entry in record["tiles"]), key=lambda found: (found.cycles, found.tile))


def _cycles_without_misses(simulation: Simulation) -> float:
    return cycles_without_misses(simulation.cycles, simulation.stalls)


def _best_trees(
    timings: Timings, cores: Sequence[Core], count: int, cost: Callable[[Simulation], float]
) -> dict[TreeTile, list[Core]]:
    """Return the tree tiles that cost each core least, each with the cores that it is among the best of.

    So a core's record does not depend on which others are measured with it.
    """
    best: dict[TreeTile, list[Core]] = {}
    for core in cores:
        timed = sorted((cost(simulation), tile) for (tile, name), simulation in timings.items() if name == core.name)
        for tree in [tile for _, tile in timed if isinstance(tile, TreeTile)][:count]:
            best.setdefault(tree, []).append(core)
    return best

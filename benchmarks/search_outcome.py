"""What the search for tiles finds among recorded cycles, and how much faster the fastest is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.search_tiles import TileTimings
from dse.cache import EvaluationCache, Record
from dse.layer_tasks import plain_kernels
from dse.layer_work import Convolution, LayerWork
from dse.tile_candidates import good_tiles, tile_family
from dse.tile_search import FEW, FIRST, TileSearch
from isa_models import load_core
from kernels_asm import TreeTile


class RecordedTimer:
    """A timer for `TileSearch` that has the cycles of kernels; one that was never timed costs what it varies.

    Args:
        cycles: By the text of the variant.

    """

    def __init__(self, cycles: Mapping[str, int]) -> None:
        self._cycles = cycles

    def key(self, work: LayerWork) -> Mapping[str, Any]:
        """See `LayerTimer`."""
        return {"work": str(work)}

    def prepare(self, works: Sequence[LayerWork]) -> None:
        """See `LayerTimer`; there is nothing to do."""

    def time(self, work: LayerWork) -> Record:
        """See `LayerTimer`; without misses, so that no prefetch is tried."""
        if not isinstance(work, Convolution):
            raise TypeError(f"{work} is no convolution")
        variant = work.variant
        if str(variant) not in self._cycles and isinstance(variant.tile, TreeTile):
            variant = replace(variant, tile=replace(variant.tile, unroll=1))
        found = self._cycles.get(str(variant))
        if found is None:
            raise AssertionError(f"{variant} was not timed")
        return {"cycles": found, "stalls": {}}


@dataclass(frozen=True)
class Outcome:
    """What a search finds.

    Attributes:
        job: The layer and its sums.
        core: Name of the core.
        legal: Plain tiles that can do it.
        tried: Kernels that the search tries.
        first: Share of cycles by which the fastest plain tile is ahead of those that the search begins with.
        found: Share by which the fastest of all is ahead of what the search finds.

    """

    job: TileTimings
    core: str
    legal: int
    tried: int
    first: float
    found: float


def outcome(job: TileTimings, core_name: str, record: Record) -> Outcome:
    """Run the search of a core on recorded cycles."""
    cycles: Mapping[str, int] = record["cycles"]
    family = tile_family(load_core(core_name))
    plain = {kernel.variant.tile: cycles[str(kernel.variant)] for kernel in plain_kernels(job.task, family)}
    order = good_tiles(plain, job.shape)
    begun = order if len(order) <= FEW else order[:FIRST]
    with TemporaryDirectory(prefix="bnn-dse-") as folder:
        solution = TileSearch(RecordedTimer(cycles), EvaluationCache(Path(folder)), family).solve(job.task)
    return Outcome(
        job,
        core_name,
        len(plain),
        len(solution.tried),
        min(plain[tile] for tile in begun) / min(plain.values()) - 1,
        solution.timed.cycles / min(cycles.values()) - 1,
    )

"""The inner search: the fastest kernel of each binary layer on a core, over emulated cycles.

Accuracy does not depend on tiles, so a design has none; each layer gets its own. A task that few plain tiles can do is
tried with all of them, any other with the likely best; around the fastest of those, trees are tried with steps of the
window unrolled, with another output transform and, where cache misses cost anything, with the other order of loops and
with their weights prefetched. What is found is kept in the evaluation cache under the layer's shape, its arithmetic,
the kind of kernel and the core, so that equal layers of any design, network or study are solved once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from dse.cache import EvaluationCache, Record, content_key
from dse.claims import obtain
from dse.errors import NoKernelError
from dse.layer_tasks import TiledKernel, TileTask, plain_kernels, with_tile
from dse.layer_work import FusedConvolution, LayerWork, work_result
from dse.tile_candidates import PREFETCH, TileFamily, cycles_without_misses, good_tiles, prefetching
from kernels_asm import TreeTile
from kernels_asm.any_variant import parse_variant

LATENCY: Final = "latency"
"""Kind of the cache's records of timings."""

TILES: Final = "tiles"
"""Kind of the cache's records of searches."""

FEW: Final = 12
"""Plain tiles that are all tried."""

FIRST: Final = 6
"""Plain tiles to try of a task that more can do, unless another number is asked for."""

REFINED: Final = 2
"""So many of the fastest trees are tried unrolled, and in the other ways, as well."""

LEAST_MISSES: Final = 0.01
"""Share of a kernel's cycles that misses must take for another order of loops or a prefetch to be worth trying."""


class LayerTimer(Protocol):
    """Times the kernels of binary layers on one core."""

    def key(self, work: LayerWork) -> Mapping[str, Any]:
        """Return everything that the timing depends on, as JSON values."""

    def prepare(self, works: Sequence[LayerWork]) -> None:
        """Do what takes less time for all of some kernels that will be timed than for one after the other."""

    def time(self, work: LayerWork) -> Record:
        """Return cycles, instructions (int), bound (str), stalls (cycles by reason), ports (busy share)."""


@dataclass(frozen=True, slots=True)
class Timed:
    """A kernel with its timing.

    Attributes:
        work: The kernel.
        record: What the timer said.
        key: Name of the record in the cache.
        timings: Kernels that had to be timed for it now.

    """

    work: LayerWork
    record: Record
    key: str
    timings: int

    @property
    def cycles(self) -> int:
        """Cycles of the kernel."""
        return int(self.record["cycles"])


@dataclass(frozen=True, slots=True)
class Solution:
    """The fastest kernel that was found for a task.

    Attributes:
        kernel: The kernel.
        timed: Its timing.
        tried: Cycles of each kernel that was tried, in the order of the search, by the variant's text.
        legal: How many plain tiles can do the task.

    """

    kernel: TiledKernel
    timed: Timed
    tried: Mapping[str, int]
    legal: int


class TileSearch:
    """Solves tasks on one core, each once.

    Args:
        timer: Times kernels on the core.
        cache: Where timings and solutions are kept.
        family: The tiles that are meant for the core.
        first: Plain tiles to try, likely best first, where more than `FEW` can do a task.

    """

    def __init__(self, timer: LayerTimer, cache: EvaluationCache, family: TileFamily, first: int = FIRST) -> None:
        self._timer = timer
        self._cache = cache
        self.family = family
        self._first = first
        self._found: dict[TileTask, Record] = {}
        self._images: dict[str, Record] = {}
        self._checked: dict[Hashable, Record] = {}
        self._loaded: dict[LayerWork, Record] = {}

    def prepare(self, tasks: Iterable[TileTask], works: Iterable[LayerWork]) -> None:
        """Prepare together what `solve` and `time` will begin with for all of these, unless the cache has it.

        It saves time and changes nothing else: what is missing is prepared when it is asked for.
        """
        kernels = [kernel for task in dict.fromkeys(tasks) for kernel in self._begins_with(task)]
        self._timer.prepare([work for work in dict.fromkeys([*kernels, *works]) if self._is_new(work)])

    def _begins_with(self, task: TileTask) -> Iterable[TiledKernel]:
        """Return the kernels that a search for the task is sure to try, or what it has found."""
        timed = task.as_timed
        if timed not in self._found:
            start, _ = self._start(timed)
            record = self._cache.load(TILES, self._content(timed, start))
            if record is None:
                return start
            self._found[timed] = record
        return [task.like(parse_variant(self._found[timed]["best"]))]

    def _is_new(self, work: LayerWork) -> bool:
        if work in self._loaded:
            return False
        record = self._cache.load(LATENCY, self._timer.key(work))
        if record is not None:
            self._loaded[work] = record
        return record is None and self._check(work) not in self._checked

    def solve(self, task: TileTask, tell: Callable[[int], None] = lambda _done: None) -> Solution:
        """Return the fastest kernel for a task; `tell` is told how many kernels have been timed for it.

        Raises:
            NoKernelError: No tile can do it.
            KernelMismatchError: A kernel computes something else than the oracle.

        """
        record, timings = self._search(task.as_timed, tell)
        kernel = task.like(parse_variant(record["best"]))
        timed = self.time(kernel)
        return Solution(kernel, replace(timed, timings=timed.timings + timings), record["tried"], record["legal"])

    def time(self, work: LayerWork) -> Timed:
        """Return a kernel's timing: from the cache, or timed and then kept there; raises as `LayerTimer.time`."""
        content = self._timer.key(work)
        if work in self._loaded:
            return Timed(work, self._loaded[work], content_key(content), 0)
        timed = 0

        def made() -> Record:
            nonlocal timed
            record = self._checked.get(self._check(work))
            if record is None:
                timed = 1
                self._timer.prepare([work])
                record = self._time(work)
            return self._keep(work, record)

        record, _ = obtain(self._cache, LATENCY, content, made)
        return Timed(work, record, content_key(content), timed)

    def _time(self, work: LayerWork) -> Record:
        record = self._timer.time(work)
        self._checked[self._check(work)] = record
        return record

    def _check(self, work: LayerWork) -> Hashable:
        """Return what a kernel runs and has to put out: where both are the same, one run tells the time of both."""
        return _image(self._timer, work), work_result(work)

    def _keep(self, work: LayerWork, record: Record) -> Record:
        return self._cache.store(LATENCY, self._timer.key(work), record)

    def _search(self, task: TileTask, tell: Callable[[int], None]) -> tuple[Record, int]:
        """Return the record of a search and how many kernels were timed for it now."""
        if task in self._found:
            return self._found[task], 0
        start, legal = self._start(task)
        content = self._content(task, start)
        tried = _Timings(self._timer, self._time, self._images, tell)

        def searched() -> Record:
            best = _find(task, start, tried)
            if best in tried.timed:
                self._keep(best, tried.records[best])  # the others' timings are of no further use
            return self._cache.store(TILES, content, tried.record(best, legal))

        self._found[task], _ = obtain(self._cache, TILES, content, searched)
        return self._found[task], len(tried.timed)

    def _start(self, task: TileTask) -> tuple[list[TiledKernel], int]:
        """Return the kernels that a search begins with, and how many plain tiles can do the task."""
        legal = list(plain_kernels(task, self.family))
        if not legal:
            raise NoKernelError(f"no tile can do {task}: give another arithmetic")
        by_tile = {kernel.variant.tile: kernel for kernel in legal}
        good = [by_tile[tile] for tile in good_tiles(by_tile, task.shape)]
        return good if len(good) <= FEW else good[: self._first], len(legal)

    def _content(self, task: TileTask, start: Iterable[TiledKernel]) -> Mapping[str, Any]:
        """Return all that a search depends on: the kernels that it starts with stand for their sources and the core."""
        kernels = content_key({str(kernel): self._timer.key(kernel) for kernel in start})
        return {"task": str(task), "kernels": kernels, "search": [REFINED, *PREFETCH, LEAST_MISSES]}


@dataclass
class _Timings:
    """The kernels that a search tries.

    Attributes:
        timer: Prepares them.
        time: Times one.
        images: The records of this and earlier searches by all that their keys hold but the variant's name: variants of
            the same code take as long, such as 16-bit sums that saturate or wrap where they cannot.
        tell: Told how many kernels have been timed.
        records: Of the kernels tried.
        timed: Those that were timed themselves.

    """

    timer: LayerTimer
    time: Callable[[LayerWork], Record]
    images: dict[str, Record]
    tell: Callable[[int], None]
    records: dict[TiledKernel, Record] = field(default_factory=dict)
    timed: set[TiledKernel] = field(default_factory=set)

    def add(self, kernels: Iterable[TiledKernel]) -> None:
        images = {kernel: _image(self.timer, kernel) for kernel in kernels if kernel not in self.records}
        self.timer.prepare([kernel for kernel, image in images.items() if image not in self.images])
        for kernel, image in images.items():
            if image not in self.images:
                self.images[image] = self.time(kernel)
                self.timed.add(kernel)
                self.tell(len(self.timed))
            self.records[kernel] = self.images[image]

    def cycles(self, kernel: TiledKernel) -> int:
        return int(self.records[kernel]["cycles"])

    def fastest(self, count: int, cost: Callable[[TiledKernel], float]) -> list[TiledKernel]:
        """Return the kernels that cost least; those that cost the same, by name."""
        return sorted(self.records, key=lambda kernel: (cost(kernel), str(kernel)))[:count]

    def without_misses(self, kernel: TiledKernel) -> float:
        return cycles_without_misses(self.cycles(kernel), self.records[kernel]["stalls"])

    def misses(self, kernel: TiledKernel) -> bool:
        """Return whether misses take enough cycles for a kernel to be varied in how it uses the caches."""
        return self.cycles(kernel) - self.without_misses(kernel) > LEAST_MISSES * self.cycles(kernel)

    def record(self, best: TiledKernel, legal: int) -> Record:
        tried = {str(kernel.variant): self.cycles(kernel) for kernel in self.records}
        return {"best": str(best.variant), "tried": tried, "legal": legal}


def _image(timer: LayerTimer, kernel: LayerWork) -> str:
    """Return the name of all that a timing depends on but the variant's name."""
    return content_key({name: part for name, part in timer.key(kernel).items() if name != "variant"})


def _find(task: TileTask, start: Iterable[TiledKernel], timings: _Timings) -> TiledKernel:
    """Time what the search tries and return the fastest."""
    timings.add(start)
    for kernel in timings.fastest(REFINED, timings.cycles):
        if isinstance(kernel, FusedConvolution) or timings.misses(kernel):
            timings.add(task.relatives(kernel))
    for kernel in timings.fastest(REFINED, timings.cycles):
        timings.add(_unrolled(kernel))
    for kernel in timings.fastest(REFINED, timings.without_misses):
        if timings.misses(kernel):
            timings.add(_prefetching(kernel))
    return timings.fastest(1, timings.cycles)[0]


def _unrolled(kernel: TiledKernel) -> Iterator[TiledKernel]:
    tile = kernel.variant.tile
    trees = tile.unrolled(kernel.shape) if isinstance(tile, TreeTile) else ()
    return _with_tiles(kernel, trees)


def _prefetching(kernel: TiledKernel) -> Iterator[TiledKernel]:
    tile = kernel.variant.tile
    return _with_tiles(kernel, prefetching(tile) if isinstance(tile, TreeTile) else ())


def _with_tiles(kernel: TiledKernel, trees: Iterable[TreeTile]) -> Iterator[TiledKernel]:
    return (found for found in (with_tile(kernel, tree) for tree in trees) if found is not None)

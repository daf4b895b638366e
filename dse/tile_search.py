"""The inner search: the fastest kernel of each binary layer on a core, over emulated cycles.

Accuracy does not depend on tiles, so a design has none; each layer gets its own. A task that few plain tiles can do is
tried with all of them, any other with the likely best; around the fastest of those, trees are tried with steps of the
window unrolled, with another output transform and, where cache misses cost anything, with the other order of loops and
with their weights prefetched. What is found is kept in the evaluation cache under the core and the code that the search
began with, so that layers of any design, network or study whose kernels are the same are solved once.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from dse.cache import EvaluationCache, Record, content_key
from dse.claims import obtain, obtain_all
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

FIRST: Final = 4
"""Plain tiles to try of a task that more can do, unless another number is asked for."""

REFINED: Final = 2
"""So many of the fastest trees are tried unrolled, and in the other ways, as well."""

NEAR: Final = 0.06
"""Share of the fastest's cycles by which one of them may be slower: hardly any makes up for more by such means."""

LEAST_MISSES: Final = 0.02
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
        tried: Cycles of each kernel that was tried, in the order of the search, by the text of a variant with its code.
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

    def solve(self, task: TileTask, tell: Callable[[int], None] = lambda _done: None) -> Solution:
        """Return the fastest kernel for a task; `tell` and errors as of `solve_all`."""
        return self.solve_all([task], tell)[0]

    def solve_all(self, tasks: Sequence[TileTask], tell: Callable[[int], None] = lambda _done: None) -> list[Solution]:
        """Return the fastest kernel for each task; what they try is prepared together, which takes less time.

        `tell` is told how many kernels have been timed for them.

        Raises:
            NoKernelError: No tile can do one of them.
            KernelMismatchError: A kernel computes something else than the oracle.

        """
        timings = self._search(list(dict.fromkeys(task.as_timed for task in tasks)), tell)
        records = [self._found[task.as_timed] for task in tasks]
        kernels = [task.like(parse_variant(record["best"])) for task, record in zip(tasks, records, strict=True)]
        found = []
        for task, record, kernel, timed in zip(tasks, records, kernels, self.time_all(kernels), strict=True):
            counted = replace(timed, timings=timed.timings + timings.pop(task.as_timed, 0))
            found.append(Solution(kernel, counted, record["tried"], record["legal"]))
        return found

    def time(self, work: LayerWork) -> Timed:
        """Return a kernel's timing; see `time_all`."""
        return self.time_all([work])[0]

    def time_all(self, works: Sequence[LayerWork]) -> list[Timed]:
        """Return each kernel's timing: from the cache, or timed and then kept there; raises as `LayerTimer.time`."""
        self._timer.prepare([work for work in dict.fromkeys(works) if self._is_new(work)])
        return [self._timed(work) for work in works]

    def _is_new(self, work: LayerWork) -> bool:
        if work in self._loaded:
            return False
        record = self._cache.load(LATENCY, self._timer.key(work))
        if record is not None:
            self._loaded[work] = record
        return record is None and self._check(work) not in self._checked

    def _timed(self, work: LayerWork) -> Timed:
        content = self._timer.key(work)
        timed = 0

        def made() -> Record:
            nonlocal timed
            record = self._checked.get(self._check(work))
            if record is None:
                timed = 1
                record = self._time(work)
            return self._keep(work, record)

        if work not in self._loaded:
            self._loaded[work], _ = obtain(self._cache, LATENCY, content, made)
        return Timed(work, self._loaded[work], content_key(content), timed)

    def _time(self, work: LayerWork) -> Record:
        record = self._timer.time(work)
        self._checked[self._check(work)] = record
        return record

    def _check(self, work: LayerWork) -> Hashable:
        """Return what a kernel runs and has to put out: where both are the same, one run tells the time of both."""
        return _image(self._timer, work), work_result(work)

    def _keep(self, work: LayerWork, record: Record) -> Record:
        return self._cache.store(LATENCY, self._timer.key(work), record)

    def _search(self, tasks: Sequence[TileTask], tell: Callable[[int], None]) -> dict[TileTask, int]:
        """Find the records of the searches for tasks; return how many kernels were timed for each now."""
        trials = [_Trials(task, *self._start(task)) for task in tasks if task not in self._found]
        contents = [self._content(one.start) for one in trials]

        def searched(places: Sequence[int]) -> list[Record]:
            self._try_all([trials[place] for place in places], tell)
            return [self._cache.store(TILES, contents[place], trials[place].record()) for place in places]

        records = obtain_all(self._cache, TILES, contents, searched)
        self._found |= {one.task: record for one, record in zip(trials, records, strict=True)}
        return {one.task: len(one.timed) for one in trials}

    def _try_all(self, trials: Sequence[_Trials], tell: Callable[[int], None]) -> None:
        """Search for several tasks in step, and keep the timings of the fastest kernels."""
        for batches in zip(*(one.batches() for one in trials), strict=True):
            self._try(zip(trials, batches, strict=True), lambda: tell(sum(len(one.timed) for one in trials)))
        for one in trials:
            best = one.best
            if best in one.timed:
                self._keep(best, one.records[best])  # the others' timings are of no further use

    def _try(self, batches: Iterable[tuple[_Trials, Iterable[TiledKernel]]], tell: Callable[[], None]) -> None:
        """Give trials the records of the kernels that they want, timing each code once."""
        wanted = [
            (trial, kernel, _image(self._timer, kernel))
            for trial, batch in batches
            for kernel in batch
            if kernel not in trial.records
        ]
        self._timer.prepare([kernel for _, kernel, image in wanted if image not in self._images])
        for trial, kernel, image in wanted:
            if image not in self._images:
                self._images[image] = self._time(kernel)
                trial.timed.add(kernel)
                tell()
            trial.records[kernel] = self._images[image]

    def _start(self, task: TileTask) -> tuple[list[TiledKernel], int]:
        """Return the kernels that a search begins with, and how many plain tiles can do the task."""
        legal = list(plain_kernels(task, self.family))
        if not legal:
            raise NoKernelError(f"no tile can do {task}: give another arithmetic")
        by_tile = {kernel.variant.tile: kernel for kernel in legal}
        good = [by_tile[tile] for tile in good_tiles(by_tile, task.shape)]
        return good if len(good) <= FEW else good[: self._first], len(legal)

    def _content(self, start: Iterable[TiledKernel]) -> Mapping[str, Any]:
        """Return all that a search depends on: the code that it starts with stands for the task and the core."""
        images = [_image(self._timer, kernel) for kernel in start]
        return {"images": content_key({"images": images}), "search": [REFINED, NEAR, *PREFETCH, LEAST_MISSES]}


@dataclass
class _Trials:
    """The kernels that the search for a task tries.

    Attributes:
        task: The task.
        start: Those that it begins with.
        legal: How many plain tiles can do the task.
        records: Of the kernels tried.
        timed: Those that were timed themselves: variants of the same code take as long, such as 16-bit sums that
            saturate or wrap where they cannot.

    """

    task: TileTask
    start: Sequence[TiledKernel]
    legal: int
    records: dict[TiledKernel, Record] = field(default_factory=dict)
    timed: set[TiledKernel] = field(default_factory=set)

    def batches(self) -> Iterator[Iterable[TiledKernel]]:
        """Yield what to try next, if it has not been; records of one batch are read when the next is asked for."""
        yield self.start
        yield (
            relative
            for kernel in self._to_refine(self._cycles)
            if isinstance(kernel, FusedConvolution) or self._misses(kernel)
            for relative in self.task.relatives(kernel)
        )
        yield (tree for kernel in self._to_refine(self._cycles) for tree in _unrolled(kernel))
        yield (
            tree
            for kernel in self._to_refine(self._without_misses)
            if self._misses(kernel)
            for tree in _prefetching(kernel)
        )

    @property
    def best(self) -> TiledKernel:
        """The fastest kernel."""
        return self._fastest(self._cycles)[0]

    def record(self) -> Record:
        """Return what is kept of the search."""
        tried = {str(kernel.variant): self._cycles(kernel) for kernel in self.records}
        return {"best": str(self.best.variant), "tried": tried, "legal": self.legal}

    def _cycles(self, kernel: TiledKernel) -> int:
        return int(self.records[kernel]["cycles"])

    def _to_refine(self, cost: Callable[[TiledKernel], float]) -> list[TiledKernel]:
        fastest = self._fastest(cost)[:REFINED]
        return [kernel for kernel in fastest if cost(kernel) <= (1 + NEAR) * cost(fastest[0])]

    def _fastest(self, cost: Callable[[TiledKernel], float]) -> list[TiledKernel]:
        """Return the kernels, those first that cost least; those that cost the same, by name."""
        return sorted(self.records, key=lambda kernel: (cost(kernel), str(kernel)))

    def _without_misses(self, kernel: TiledKernel) -> float:
        return cycles_without_misses(self._cycles(kernel), self.records[kernel]["stalls"])

    def _misses(self, kernel: TiledKernel) -> bool:
        """Return whether misses take enough cycles for a kernel to be varied in how it uses the caches."""
        return self._cycles(kernel) - self._without_misses(kernel) > LEAST_MISSES * self._cycles(kernel)


def _image(timer: LayerTimer, kernel: LayerWork) -> str:
    """Return the name of all that a timing depends on but the variant's name."""
    return content_key({name: part for name, part in timer.key(kernel).items() if name != "variant"})


def _unrolled(kernel: TiledKernel) -> Iterator[TiledKernel]:
    """Yield the tree with most steps of the window in a row: with fewer it is hardly ever faster, and by 1% at most."""
    tile = kernel.variant.tile
    trees = tile.unrolled(kernel.shape) if isinstance(tile, TreeTile) else ()
    return itertools.islice(_with_tiles(kernel, sorted(trees, key=lambda tree: -tree.unroll)), 1)


def _prefetching(kernel: TiledKernel) -> Iterator[TiledKernel]:
    tile = kernel.variant.tile
    return _with_tiles(kernel, prefetching(tile) if isinstance(tile, TreeTile) else ())


def _with_tiles(kernel: TiledKernel, trees: Iterable[TreeTile]) -> Iterator[TiledKernel]:
    return (found for found in (with_tile(kernel, tree) for tree in trees) if found is not None)

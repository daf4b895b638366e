"""How many designs a second get their latency, with an empty and with a filled evaluation cache."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from benchmarks.study_space import SPACE, Bench, open_bench
from dse.cache import ENVIRONMENT_VARIABLE
from dse.design import Design
from dse.space import CLIPS, SearchSpace

COLD_TARGET: Final = 20
WARM_TARGET: Final = 300
"""Designs a second of two workers."""

WIDTH: Final = 1.0
"""Of the network that is timed."""

SPACES: Final = {
    "default clips": SearchSpace((WIDTH,), clips=CLIPS),
    "this page's clips": replace(SPACE, width_multipliers=(WIDTH,)),
}
"""Spaces timed: clips to bytes share their searches, so that each design of many clips takes fewer simulations."""


@dataclass(frozen=True)
class Throughput:
    """One measurement.

    Attributes:
        space: Which of `SPACES`.
        workers: Processes.
        is_warm: Whether the cache held everything.
        designs: How many got their latency.
        cached: How many of them needed no simulation.
        wall: Seconds until the last worker had finished, without its start.
        cpu: CPU seconds of the busiest worker: what the wall clock shows where each has a core of its own.

    """

    space: str
    workers: int
    is_warm: bool
    designs: int
    cached: int
    wall: float
    cpu: float

    @property
    def rate(self) -> float:
        """Designs a CPU second of the busiest worker."""
        return self.designs / self.cpu

    @property
    def wall_rate(self) -> float:
        """Designs a second by the wall clock, whatever else the machine did."""
        return self.designs / self.wall

    @property
    def target(self) -> float | None:
        """Designs a second to reach; None where there is no target."""
        if self.workers != 2:
            return None
        return WARM_TARGET if self.is_warm else COLD_TARGET


@dataclass(frozen=True)
class _Share:
    """Which designs a worker takes: groups are the designs that share kernels, and are dealt round."""

    cache: Path
    space: SearchSpace
    worker: int
    workers: int


@dataclass(frozen=True)
class _Done:
    """What a worker did, and when on the clock that processes share."""

    designs: int
    cached: int
    begin: float
    end: float
    cpu: float


def measure(name: str, cache: Path, workers: int, *, is_warm: bool) -> Throughput:
    """Return the throughput of a space's designs; the cache is one folder, empty or filled by the caller."""
    shares = [_Share(cache, SPACES[name], worker, workers) for worker in range(workers)]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        done = list(pool.map(_work, shares))
    return Throughput(
        space=name,
        workers=workers,
        is_warm=is_warm,
        designs=sum(one.designs for one in done),
        cached=sum(one.cached for one in done),
        wall=max(one.end for one in done) - min(one.begin for one in done),
        cpu=max(one.cpu for one in done),
    )


def dealt(designs: Sequence[Design], worker: int, workers: int) -> list[Design]:
    """Return a worker's designs: those of equal width, sums and maps stay together, as they share kernels."""
    groups: dict[object, list[Design]] = {}
    for design in designs:
        key = (design.network, replace(design.sums[0], clip=None))
        groups.setdefault(key, []).append(design)
    return [design for number, group in enumerate(groups.values()) if number % workers == worker for design in group]


def _work(share: _Share) -> _Done:
    os.environ[ENVIRONMENT_VARIABLE] = str(share.cache)  # assembled kernels too: a new machine has none
    bench: Bench = open_bench(share.cache)
    designs = dealt(bench.designs(share.space), share.worker, share.workers)
    begin, cpu = time.monotonic(), _cpu_seconds()
    cached = sum(bench.evaluator.latency(design, lambda _what: None).cached for design in designs)
    return _Done(len(designs), cached, begin, time.monotonic(), _cpu_seconds() - cpu)


def _cpu_seconds() -> float:
    """Return what this process has taken so far, the assemblers that it started included."""
    own, started = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + started.ru_utime + started.ru_stime

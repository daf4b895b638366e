"""How many designs a second get their latency, with an empty and with a filled evaluation cache."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.study_space import CORE, SPACE, Bench, open_bench
from dse.cache import ENVIRONMENT_VARIABLE
from dse.design import Design
from dse.space import CLIPS, SearchSpace
from isa_models import simulate

COLD_TARGET: Final = 20
WARM_TARGET: Final = 300
"""Designs a second of two workers."""

WIDTH: Final = 1.0
"""Of the network that is timed."""

_ADDITIONS: Final = 5_000_000

_WARM_CHUNK: Final = 8
"""Designs handed to a worker at once where one takes as long as to hand it over."""

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
class _Done:
    """A design that a worker did: whether it needed no simulation, and when, on the clock that processes share."""

    worker: int
    cached: bool
    begin: float
    end: float
    cpu: float


def measure(name: str, cache: Path, workers: int, *, is_warm: bool) -> Throughput:
    """Return the throughput of a space's designs; the cache is one folder, empty or filled by the caller.

    As in a study, a worker takes the next design when it is done with one, and they come in random order. Its start,
    in which it reads the compiled timing engines, is not counted.
    """
    space, context = SPACES[name], get_context("spawn")
    designs = in_random_order(open_bench(cache).designs(space))
    ready = context.Barrier(workers)
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_start, initargs=(cache, ready)) as pool:
        done = list(pool.map(_time, designs, chunksize=_WARM_CHUNK if is_warm else 1))
    return Throughput(
        space=name,
        workers=workers,
        is_warm=is_warm,
        designs=len(done),
        cached=sum(one.cached for one in done),
        wall=max(one.end for one in done) - min(one.begin for one in done),
        cpu=max(sum(one.cpu for one in done if one.worker == worker) for worker in {one.worker for one in done}),
    )


def additions_a_second() -> float:
    """Return how many additions one core makes in a loop of Python, the best of three: a yardstick of the machine."""
    return max(_count_up() for _ in range(3))


def _count_up() -> float:
    begin, number = time.process_time(), 0
    while number < _ADDITIONS:
        number += 1
    return number / (time.process_time() - begin)


def in_random_order(designs: Sequence[Design]) -> list[Design]:
    """Return the designs in an order that is always the same."""
    return [designs[place] for place in np.random.default_rng(0).permutation(len(designs))]


_bench: Bench | None = None


def _start(cache: Path, ready: Barrier) -> None:
    """Open what evaluates designs in a worker; go on when all have done so."""
    global _bench
    os.environ[ENVIRONMENT_VARIABLE] = str(cache)  # assembled kernels too: a new machine has none
    _bench = open_bench(cache)
    simulate("f: ret", CORE, "f")
    ready.wait()


def _time(design: Design) -> _Done:
    if _bench is None:
        raise AssertionError("a worker begins with its start")
    begin, cpu = time.monotonic(), _cpu_seconds()
    cached = _bench.evaluator.latency(design, lambda _what: None).cached
    return _Done(os.getpid(), cached, begin, time.monotonic(), _cpu_seconds() - cpu)


def _cpu_seconds() -> float:
    """Return what this process has taken so far, the assemblers that it started included."""
    own, started = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + started.ru_utime + started.ru_stime

"""Measurements of kernels: each is run once, timed on several cores, and never measured twice.

A job's results are kept in the evaluation cache under the content that they depend on, one record a core. Jobs run in
worker processes; those that are stored already are not run.
"""

from __future__ import annotations

import multiprocessing
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any

from dse.cache import EvaluationCache, Record
from isa_models import Core, load_core

KIND = "kernel-bench"
"""The kind of these records in the evaluation cache."""

Results = Mapping[tuple["Job", str], Record]
"""Records by job and name of the core."""


class Job(ABC):
    """Code to run once and to time on any core. Subclasses are frozen dataclasses; `str` of a job says what it is."""

    @abstractmethod
    def content(self, core: Core) -> Mapping[str, Any]:
        """Return everything that the record of a core depends on, as JSON values."""

    @abstractmethod
    def measure(self, cores: Sequence[Core]) -> list[Record]:
        """Run and time; return the record of each core. Raises what the run of a kernel raises."""


def run_jobs(
    wanted: Iterable[tuple[Job, Sequence[str]]],
    cache: EvaluationCache,
    workers: int,
    report: Callable[[str], None] = print,
) -> dict[tuple[Job, str], Record]:
    """Return the record of every job on every core that is wanted for it, by job and core.

    Args:
        wanted: Jobs, each with the names of its cores.
        cache: Where records are looked up and stored.
        workers: Processes to run jobs in; with 1 they run in this one.
        report: Called with a line for what was found and for each job that ended.

    Raises whatever a job raises; records of jobs that ended before are stored.

    """
    found: dict[tuple[Job, str], Record] = {}
    missing: dict[Job, tuple[str, ...]] = {}
    for job, names in wanted:
        stored = {name: cache.load(KIND, job.content(load_core(name))) for name in names}
        found |= {(job, name): record for name, record in stored.items() if record is not None}
        if lacking := tuple(name for name, record in stored.items() if record is None):
            missing[job] = lacking
    report(f"{len(found)} records are stored already; {len(missing)} jobs to run")
    began = time.monotonic()
    for number, (job, records) in enumerate(_measured(missing, workers), 1):
        for name, record in zip(missing[job], records, strict=True):
            found[job, name] = cache.store(KIND, job.content(load_core(name)), record)
        report(f"{time.monotonic() - began:7.1f} s  {number}/{len(missing)}  {job} on {', '.join(missing[job])}")
    return found


def _measured(jobs: Mapping[Job, tuple[str, ...]], workers: int) -> Iterable[tuple[Job, list[Record]]]:
    """Yield each job with its records as it ends."""
    if workers == 1 or len(jobs) < 2:
        yield from ((job, _measure(job, names)) for job, names in jobs.items())
        return
    # Spawned, not forked: the compiled engines and the emulator keep state and threads that a fork would share.
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))
    try:
        running = {pool.submit(_measure, job, names): job for job, names in jobs.items()}
        for done in as_completed(running):
            yield running[done], done.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _measure(job: Job, names: tuple[str, ...]) -> list[Record]:
    return job.measure([load_core(name) for name in names])

"""Work that takes longer than a page may wait: done one after the other in a process of its own, and remembered.

A process and not a thread, so that a page answers while kernels are assembled, emulated and timed.
"""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import queue
import signal
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from dse.errors import DseError, one_line
from isa_models.errors import IsaModelError
from kernels_asm import KernelError

Request = TypeVar("Request", bound=Hashable)
Result = TypeVar("Result")

RESULTS_KEPT = 64
ERROR_KEPT_S = 10.0
"""How long an error stands for its request: what was at fault, such as a file that is missing, may be mended then."""

ERRORS = (DseError, KernelError, IsaModelError)
"""What a request itself can be at fault for; their texts are for people."""


class BackgroundError(DseError):
    """What was asked for could not be computed; the message says why."""


@dataclass(slots=True)
class _Job:
    function: Callable[[Any], Any]
    request: Any
    asked: float
    done: threading.Event = field(default_factory=threading.Event)
    result: Any = None
    error: str | None = None
    failed: float = math.inf

    @property
    def is_stale(self) -> bool:
        """Whether it ended in an error so long ago that it is worth another try."""
        return self.done.is_set() and time.monotonic() - self.failed > ERROR_KEPT_S


class Background:
    """Two processes that compute what pages ask for, started when they are first needed. Safe from several threads.

    One is for what a person waits for, the other for what takes its time. Functions must be importable by name,
    requests and results picklable.
    """

    def __init__(self) -> None:
        self._jobs: OrderedDict[tuple[str, Hashable], _Job] = OrderedDict()
        self._lock = threading.Lock()
        self._urgent, self._patient = _Lane(), _Lane()

    def ask(
        self,
        function: Callable[[Request], Result],
        request: Request,
        *,
        wait_s: float = 0.0,
        urgent: bool = True,
        anew: bool = False,
    ) -> Result | None:
        """Return `function(request)`, or None while it is being computed.

        Args:
            function: What computes it.
            request: Its argument, which says everything that the result depends on, unless it is asked for anew.
            wait_s: How long to wait.
            urgent: Whether a person waits for it.
            anew: Whether to compute it again if it has been.

        Raises BackgroundError, each time for `ERROR_KEPT_S`, if the function raised one of `ERRORS`.

        """
        job = self._job(function, request, urgent=urgent, anew=anew)
        if not job.done.wait(wait_s):
            return None
        if job.error is not None:
            raise BackgroundError(job.error)
        result: Result = job.result
        return result

    def seconds(self, function: Callable[[Request], Any], request: Request) -> float:
        """Return for how long a request has been waited for, 0 if it is not."""
        job = self._jobs.get((function.__qualname__, request))
        return time.monotonic() - job.asked if job and not job.done.is_set() else 0.0

    def close(self) -> None:
        """End the processes, whatever they do."""
        self._urgent.close()
        self._patient.close()

    def _job(self, function: Callable[[Any], Any], request: Hashable, *, urgent: bool, anew: bool) -> _Job:
        key = (function.__qualname__, request)
        with self._lock:
            job = self._jobs.get(key)
            if job is None or job.is_stale or (anew and job.done.is_set()):
                job = self._jobs[key] = _Job(function, request, time.monotonic())
                (self._urgent if urgent else self._patient).put(job)
                self._forget_oldest()
            self._jobs.move_to_end(key)
            return job

    def _forget_oldest(self) -> None:
        finished = [key for key, job in self._jobs.items() if job.done.is_set()]
        for key in finished[: max(len(self._jobs) - RESULTS_KEPT, 0)]:
            del self._jobs[key]


class _Lane:
    """One process that does one job after the other, and the thread that hands them over."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._process: Any = None
        self._connection: Connection | None = None
        self._closed = False

    def put(self, job: _Job) -> None:
        """Let a job be done behind those that are there already."""
        self._waiting.put(job)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End the process, whatever it does."""
        self._closed = True
        self._end_process()

    def _work(self) -> None:
        while not self._closed:
            job = self._waiting.get()
            try:
                job.result, job.error = self._sent(job).recv()
            except (EOFError, OSError):
                self._end_process()
                job.error = "the process that simulates ended without a result: out of memory? Try a smaller layer"
            except Exception as error:  # without this thread, every later request would wait for ever
                self._end_process()
                job.error = _internal(error)
            finally:
                if job.error is not None:
                    job.failed = time.monotonic()
                job.done.set()

    def _sent(self, job: _Job) -> Connection:
        """Hand a job to the process, and to a new one if it was ended while it had nothing to do."""
        connection = self._connected()
        try:
            connection.send((job.function, job.request))
        except OSError:
            self._end_process()
            if self._closed:
                raise
            connection = self._connected()
            connection.send((job.function, job.request))
        return connection

    def _connected(self) -> Connection:
        """Return the connection to the process, which is started if there is none that lives."""
        process, connection = self._process, self._connection
        if process is None or connection is None or not process.is_alive():
            context = multiprocessing.get_context("spawn")  # a fork would copy locks that other threads hold
            connection, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs,), daemon=True)
            process.start()
            theirs.close()
            self._process, self._connection = process, connection
        return connection

    def _end_process(self) -> None:
        process, self._process = self._process, None  # taken once: the thread and `close` may both be here
        if process is not None:
            process.kill()
            process.join()


def _serve(connection: Connection) -> None:
    """Answer requests until the other side is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which ends this process
    with contextlib.suppress(EOFError, OSError):
        while True:
            function, request = connection.recv()
            connection.send(_answer(function, request))


def _answer(function: Callable[[Any], Any], request: Any) -> tuple[Any, str | None]:
    try:
        return function(request), None
    except ERRORS as error:
        return None, one_line(error)
    except Exception as error:  # a page shows it; the process goes on
        return None, _internal(error)


def _internal(error: Exception) -> str:
    return f"internal error: {one_line(error)}"

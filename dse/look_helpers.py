"""Processes that take the same second look beside this one, each from another place on.

They train and write down what this process then finds done: it goes through all designs itself, so that whatever stops
a helper costs time alone. No two of them train the same (`dse.claims`).
"""

from __future__ import annotations

import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from dse.training.progress import TrainingProgress
    from dse.trainings import JobResult

T = TypeVar("T")

PROGRAM: Final = (sys.executable, "-c", "from dse.look_helpers import help_as_told; help_as_told()")


@contextmanager
def helping(work: Callable[..., object], shares: Sequence[object]) -> Iterator[None]:
    """Run `work` with each of these settings in a process of its own; what still runs at the block's end is stopped.

    Helpers have sessions of their own, so that Ctrl-C on the terminal reaches them through this process alone.

    Args:
        work: A function of a module, of settings and a `TrainingsProgress`.
        shares: Settings that can be pickled.

    """
    helpers = [_start(pickle.dumps((work, settings))) for settings in shares]
    try:
        yield
    finally:
        for helper in helpers:
            helper.terminate()  # as Ctrl-C: it keeps what the training under way has learned
        for helper in helpers:
            helper.wait()


def help_as_told() -> None:
    """Do what standard input says, in silence: the process that asked meets any error itself."""
    work, settings = pickle.load(sys.stdin.buffer)  # noqa: S301 - written by `helping`
    with suppress(Exception):
        work(settings, _Silent())


def _start(task: bytes) -> subprocess.Popen[bytes]:
    with tempfile.TemporaryFile() as file:
        file.write(task)
        file.seek(0)
        return subprocess.Popen(
            PROGRAM, stdin=file, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )


def in_order_of(share: int, shares: int, items: Sequence[T]) -> list[T]:
    """Return the order in which one of several processes goes through all items.

    Two of them begin at each of several places and go either way, so that processes meet late.
    """
    first = share // 2 * len(items) // ((shares + 1) // 2)
    forward = [*items[first:], *items[:first]]
    return forward[::-1] if share % 2 else forward


class _Silent:
    """Takes the events of a helper's trainings: this process tells of its own."""

    def begin(self, number: int, total: int, label: str) -> None:
        pass

    def activity(self, what: str) -> None:
        pass

    def step(self, progress: TrainingProgress) -> None:
        pass

    def end(self, result: JobResult) -> None:
        pass

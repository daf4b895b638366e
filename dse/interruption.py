"""Ctrl-C, SIGTERM and SIGHUP, delivered only where they cannot tear a write to the study's storage."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Self


def ending_signals() -> tuple[signal.Signals, ...]:
    """Return what asks a program to end besides Ctrl-C: SIGTERM, and a closing terminal unless `nohup` ignores it."""
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        return (signal.SIGTERM,)
    return signal.SIGTERM, signal.SIGHUP


class Interruption:
    """Turns SIGINT and `ending_signals` into KeyboardInterrupt inside `deliverable` blocks and holds them elsewhere.

    A storage that is interrupted between two statements of a transaction can be left unusable for the rest of the
    process, and a lock on a file that is interrupted as it is taken is never let go. So the study opens a `deliverable`
    block around the evaluation, a `withheld` one in it for each look into the storage, and calls `check` between
    trials. Use as a context manager in the main thread; the old handlers return at its end.
    """

    def __init__(self) -> None:
        self._pending = False
        self._deliverable = False
        self._previous: dict[signal.Signals, Any] = {}
        self._previous_hook = sys.unraisablehook

    def __enter__(self) -> Self:
        self._previous_hook, sys.unraisablehook = sys.unraisablehook, self._ignored
        for number in (signal.SIGINT, *ending_signals()):
            self._previous[number] = signal.signal(number, self._receive)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        sys.unraisablehook = self._previous_hook

    @contextmanager
    def deliverable(self) -> Iterator[None]:
        """Let a signal raise KeyboardInterrupt inside the block, one that came before it included."""
        self._deliverable = True
        try:
            self.check()
            yield
        finally:
            self._deliverable = False

    @contextmanager
    def withheld(self) -> Iterator[None]:
        """Hold signals inside the block, wherever it stands; in a deliverable one, they are delivered at its end."""
        around, self._deliverable = self._deliverable, False
        try:
            yield
        finally:
            self._deliverable = around
        if around:
            self.check()

    def check(self) -> None:
        """Raise KeyboardInterrupt if a signal has been held."""
        if self._pending:
            raise KeyboardInterrupt

    def _receive(self, _number: int, _frame: FrameType | None) -> None:
        self._pending = True
        if self._deliverable:
            self._deliverable = False  # a second signal must not tear the clean-up after the first
            raise KeyboardInterrupt

    def _ignored(self, unraisable: sys.UnraisableHookArgs) -> None:
        """Say nothing of an interrupt that Python ignores, as in the callback of a weak reference: it is held still."""
        if not (self._pending and isinstance(unraisable.exc_value, KeyboardInterrupt)):
            self._previous_hook(unraisable)

"""Signals that come where Python ignores exceptions."""

from __future__ import annotations

import signal
import sys

import pytest

from dse.interruption import Interruption


class RaisesAtItsEnd:
    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


class FailsAtItsEnd:
    def __del__(self) -> None:
        raise ValueError("of its own")


def test_an_interrupt_that_python_ignores_is_held_and_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[sys.UnraisableHookArgs] = []
    monkeypatch.setattr(sys, "unraisablehook", told.append)
    with Interruption() as interruption:
        with interruption.deliverable():
            RaisesAtItsEnd()
        assert told == []
        with pytest.raises(KeyboardInterrupt):
            interruption.check()
    assert sys.unraisablehook == told.append


def test_other_exceptions_that_python_ignores_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: told.append(str(unraisable.exc_value)))
    with Interruption():
        FailsAtItsEnd()
    assert told == ["of its own"]

"""Signals that come where Python ignores exceptions."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator

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


def withhold(interruption: Interruption, reached: list[str]) -> None:
    with interruption.deliverable():
        with interruption.withheld():
            signal.raise_signal(signal.SIGTERM)
            reached.append("the end of the block")
        reached.append("what stands behind it")


def test_a_withheld_signal_is_delivered_behind_the_block() -> None:
    reached: list[str] = []
    with Interruption() as interruption, pytest.raises(KeyboardInterrupt):
        withhold(interruption, reached)
    assert reached == ["the end of the block"]


def test_where_no_signal_may_be_delivered_a_withheld_one_waits_on() -> None:
    with Interruption() as interruption:
        with interruption.withheld():
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            interruption.check()


def fail_and_withhold(interruption: Interruption) -> None:
    with interruption.deliverable(), interruption.withheld():
        signal.raise_signal(signal.SIGINT)
        raise ValueError("of the storage")


def test_an_error_within_a_withheld_block_comes_before_the_signal() -> None:
    with Interruption() as interruption:
        with pytest.raises(ValueError, match="of the storage"):
            fail_and_withhold(interruption)
        with pytest.raises(KeyboardInterrupt):
            interruption.check()


@pytest.fixture
def hang_up() -> Iterator[None]:
    """Let SIGHUP be what it is without `nohup`, under which the tests may run."""
    previous = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, previous)


@pytest.mark.usefixtures("hang_up")
def test_a_terminal_that_closes_is_held_unless_nohup_ignores_it() -> None:
    with Interruption() as interruption:
        signal.raise_signal(signal.SIGHUP)
        with pytest.raises(KeyboardInterrupt):
            interruption.check()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with Interruption() as interruption:
        signal.raise_signal(signal.SIGHUP)
        interruption.check()
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN

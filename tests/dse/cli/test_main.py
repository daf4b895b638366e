"""What asks the program to end takes the way of Ctrl-C."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence

import pytest

from dse.cli import main as main_module

NUMBERS = (signal.SIGTERM, signal.SIGHUP)


@pytest.fixture
def _handlers() -> Iterator[None]:
    previous = [signal.signal(number, signal.SIG_DFL) for number in NUMBERS]
    yield
    for number, handler in zip(NUMBERS, previous, strict=True):
        signal.signal(number, handler)


@pytest.mark.usefixtures("_handlers")
@pytest.mark.parametrize("number", NUMBERS)
def test_signals_that_ask_to_end_interrupt(monkeypatch: pytest.MonkeyPatch, number: signal.Signals) -> None:
    monkeypatch.setattr(main_module, "run", lambda _arguments: signal.raise_signal(number))
    with pytest.raises(KeyboardInterrupt):
        main_module.main()


@pytest.mark.usefixtures("_handlers")
def test_a_closing_terminal_stays_ignored_under_nohup(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(_arguments: Sequence[str]) -> int:
        signal.raise_signal(signal.SIGHUP)
        return 0

    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    monkeypatch.setattr(main_module, "run", run)
    with pytest.raises(SystemExit) as ended:
        main_module.main()
    assert ended.value.code == 0

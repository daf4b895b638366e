"""What a page asks of the process behind the server is done once, unless it failed or may have changed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from dashboards import background as background_module
from dashboards.background import Background, BackgroundError

WAIT_S = 60.0


class Unreadable:
    """What the process sends and this one cannot read."""

    def __init__(self, _request: object) -> None:
        pass

    def __reduce__(self) -> tuple[type, tuple[str]]:
        return int, ("no number",)


def process_id(_request: object) -> int:
    return os.getpid()


@pytest.fixture
def background() -> Iterator[Background]:
    started = Background()
    yield started
    started.close()


def test_result_is_kept_unless_it_is_asked_for_anew(background: Background, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"first")
    assert background.ask(Path.read_bytes, file, wait_s=WAIT_S) == b"first"
    file.write_bytes(b"second")
    assert background.ask(Path.read_bytes, file, wait_s=WAIT_S) == b"first"
    assert background.ask(Path.read_bytes, file, wait_s=WAIT_S, anew=True) == b"second"


def test_error_stands_for_a_while_and_is_then_worth_another_try(
    background: Background, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    for _ in range(2):
        with pytest.raises(BackgroundError, match="No such file"):
            background.ask(Path.read_bytes, file, wait_s=WAIT_S)
        file.write_bytes(b"there now")
    monkeypatch.setattr(background_module, "ERROR_KEPT_S", 0.01)
    time.sleep(0.02)
    assert background.ask(Path.read_bytes, file, wait_s=WAIT_S) == b"there now"


@pytest.mark.parametrize(
    ("function", "request_", "message"),
    [(repr, lambda: None, "internal error: .*pickle"), (Unreadable, 0, "internal error: .*no number")],
)
def test_what_cannot_be_sent_is_an_error_and_the_next_request_is_answered(
    background: Background, function: Callable[[Any], Any], request_: Any, message: str
) -> None:
    with pytest.raises(BackgroundError, match=message) as caught:
        background.ask(function, request_, wait_s=WAIT_S)
    assert "\n" not in str(caught.value)
    assert background.ask(abs, -1, wait_s=WAIT_S) == 1


@pytest.mark.parametrize("noticed", [True, False])
def test_process_that_was_killed_while_idle_is_replaced(
    background: Background, monkeypatch: pytest.MonkeyPatch, noticed: bool
) -> None:
    first = background.ask(process_id, 1, wait_s=WAIT_S)
    assert first is not None
    os.kill(first, signal.SIGKILL)
    os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)
    if not noticed:
        monkeypatch.setattr(BaseProcess, "is_alive", lambda _process: True)
    assert background.ask(process_id, 2, wait_s=WAIT_S) not in (None, first)

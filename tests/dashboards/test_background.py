"""What a page asks of the process behind the server is done once, unless it failed or may have changed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboards import background as background_module
from dashboards.background import Background, BackgroundError

WAIT_S = 60.0


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

"""Compiled functions: what can call them, and how often each is compiled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from numba import config
from numba.core import event

from isa_models import compilation
from isa_models.compilation import compiled, compiled_entry
from isa_models.engines import run


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the code that these tests compile where the next run does not find it."""
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))


def test_a_function_for_compiled_code_is_compiled_once_for_constants_and_variables() -> None:
    @compiled
    def following(number: int, is_doubled: bool) -> int:
        return 2 * number + 2 if is_doubled else number + 1

    @compiled_entry
    def count(turns: int) -> int:
        at = 0  # an integer, although it begins as a constant
        for turn in range(turns):
            at = following(at, turn == 1)
        return at + following(7, True) + following(number=2, is_doubled=False)

    assert count(3) == 5 + 16 + 3
    assert len(following.signatures) == 1  # type: ignore[attr-defined]


def test_python_is_refused_what_only_compiled_code_can_call() -> None:
    @compiled
    def following(number: int) -> int:
        return number + 1

    @compiled_entry
    def second(number: int) -> int:
        return following(following(number))

    for _ in range(2):  # before it is compiled, and then
        with pytest.raises(TypeError, match="following is for compiled code alone: declare it as compiled_entry"):
            following(1)
        assert second(1) == 3


def test_a_first_compilation_of_the_engines_is_announced_once(caplog: pytest.LogCaptureFixture) -> None:
    announcer = compilation._Announcer()
    announcer.on_start(SimpleNamespace(data={"dispatcher": SimpleNamespace(py_func=Path.exists)}))
    assert not caplog.records
    for _ in range(2):
        announcer.on_start(SimpleNamespace(data={"dispatcher": run.run}))
        assert [record.message.split(",")[0] for record in caplog.records] == ["compiling the timing engines"]


def test_compilations_are_told_to_the_announcer() -> None:
    assert any(isinstance(one, compilation._Announcer) for one in event._registered[compilation._COMPILE])


def test_where_no_folder_can_be_written_functions_are_compiled_without_being_kept() -> None:
    tried = []

    def decorator(*arguments: object, **options: object) -> Callable[[Callable[[], int]], Callable[[], int]]:
        tried.append((arguments, options))
        if "cache" in options:
            raise RuntimeError("cannot cache function 'one': no locator available for file 'x.py'")
        return lambda function: function

    assert compilation.cached(decorator, "signature", nogil=True)(lambda: 1)() == 1
    assert tried == [(("signature",), {"cache": True, "nogil": True}), (("signature",), {"nogil": True})]


def test_other_errors_of_a_decorator_are_passed_on() -> None:
    def decorator(**_options: object) -> Callable[..., object]:
        raise RuntimeError("something else")

    with pytest.raises(RuntimeError, match="something else"):
        compilation.cached(decorator)(lambda: 1)

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dse.cache import EvaluationCache
from dse.data import load_dataset
from dse.design import uniform_design
from dse.look_helpers import helping, in_order_of
from dse.refining import RefineSettings, refine_study
from dse.second_look import read_second_look
from dse.spec import RecipeTable, ScratchTable, StudySpec
from kernels_asm import Overflow
from tests.dse.conftest import FakeStudy
from tests.dse.helper_work import fail, wait_for_a_signal


@pytest.mark.parametrize(
    ("shares", "orders"),
    [
        (1, ["abcdef"]),
        (2, ["abcdef", "fedcba"]),
        (3, ["abcdef", "fedcba", "defabc"]),
        (4, ["abcdef", "fedcba", "defabc", "cbafed"]),
    ],
)
def test_processes_begin_far_from_each_other_and_leave_nothing_out(shares: int, orders: list[str]) -> None:
    assert ["".join(in_order_of(share, shares, "abcdef")) for share in range(shares)] == orders


def test_nothing_to_do_has_an_order() -> None:
    assert in_order_of(1, 2, []) == []


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_helper_trains_alone_what_this_process_then_finds_done(tmp_path: Path) -> None:
    short = RecipeTable(kind="scratch", scratch=ScratchTable(epochs=1, train_images=64))
    fake = FakeStudy(tmp_path, spec=StudySpec(recipe=short).record(1e9))
    study = fake.run(2, first=(uniform_design(0.5, 32, Overflow.EXACT, None),))
    study.set_user_attr("digests", {"dataset": load_dataset().digest})
    asked = RefineSettings(
        f"journal:{tmp_path / 'study.log'}",
        None,
        seeds=1,
        cache=tmp_path / "trained",
        changes={"epochs": 1},
        jobs=2,
    )

    def found() -> list[int]:
        return list(read_second_look(fake.load()).accuracies)

    with helping(refine_study, [replace(asked, share=1)]):
        wait_until(lambda: len(found()) == 2)
    assert len([path for path in EvaluationCache(asked.cache).files() if "weights" in path.parts]) == 2
    assert found() == [1, 0]  # it began at the end


def test_helpers_end_with_the_block(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    with helping(wait_for_a_signal, [pid]):
        wait_until(lambda: pid.exists() and pid.read_text() != "")
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_whatever_stops_a_helper_is_not_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with helping(fail, [tmp_path / "failed"]):
        wait_until(lambda: (tmp_path / "failed").exists())
    assert capfd.readouterr() == ("", "")

"""Reading a study, and reading it again while it grows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial

from dse import study_reader
from dse.errors import StorageError, UsageError
from dse.goal import Goal
from dse.results import TrialResult
from dse.storage import FORMAT
from dse.study_reader import StudyReader, read_results
from tests.sample_study import (
    AGAIN,
    CONVENTIONAL,
    NARROW,
    STUDY_NAME,
    add_complete,
    add_second_look,
    build_marked_study,
    build_study,
    create_study,
)


@pytest.fixture
def read_numbers(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the numbers of the trials that have been read since, in that order."""
    numbers: list[int] = []
    read = study_reader._read_trial

    def counted(trial: FrozenTrial, study_name: str, goal: Goal) -> TrialResult:
        numbers.append(trial.number)
        return read(trial, study_name, goal)

    monkeypatch.setattr(study_reader, "_read_trial", counted)
    return numbers


def test_finished_trials_are_read_once_and_others_until_they_are(tmp_path: Path, read_numbers: list[int]) -> None:
    study = create_study(tmp_path / "study.db")
    add_complete(study, CONVENTIONAL)
    running = study.ask()
    reader = StudyReader(study)
    for _ in range(3):
        assert reader.read().trials[1].state is TrialState.RUNNING
    assert read_numbers == [0, 1, 1, 1]
    study.tell(running, state=TrialState.FAIL)
    add_complete(study, NARROW)
    for _ in range(3):
        assert reader.read() == read_results(study)
    assert read_numbers[4:] == [1, 2, 0, 1, 2] + 2 * [0, 1, 2]


def test_second_look_reaches_trials_that_are_known(tmp_path: Path) -> None:
    study = build_marked_study(tmp_path / "study.db")
    reader = StudyReader(study)
    assert all(trial.refined is None for trial in reader.read().trials)
    add_second_look(study)
    found = {trial.number: trial.refined.accuracy for trial in reader.read().trials if trial.refined is not None}
    assert found == pytest.approx(AGAIN)


def test_trial_of_a_study_made_anew_is_not_taken_for_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    add_complete(study := create_study(path), CONVENTIONAL)
    reader = StudyReader(study)
    old = reader.read()
    optuna.delete_study(study_name=STUDY_NAME, storage=f"sqlite:///{path}")
    add_complete(study := create_study(path), NARROW)
    reader.study = study
    assert reader.read() == read_results(study) != old


def test_test_accuracy_has_the_standard_error_that_was_recorded(tmp_path: Path) -> None:
    study = create_study(tmp_path / "study.db")
    add_complete(study, CONVENTIONAL)
    trial = read_results(study).trials[0]
    assert trial.tested is not None
    assert trial.tested.standard_error is None
    newer = {**study.trials[0].user_attrs, "test_accuracy_standard_error": 0.005}
    study.add_trial(create_trial(state=TrialState.COMPLETE, values=[1.0, 0.8], user_attrs=newer))
    tested = read_results(study).trials[1].tested
    assert tested is not None
    assert tested.standard_error == 0.005


def test_infinite_objective_is_no_point(tmp_path: Path) -> None:
    study = create_study(tmp_path / "study.db")
    study.add_trial(create_trial(state=TrialState.COMPLETE, values=[float("inf"), 0.5]))
    assert read_results(study).complete == ()


def test_study_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    study = create_study(tmp_path / "study.db")
    study.set_user_attr("format", FORMAT + 1)
    with pytest.raises(UsageError, match=f"format {FORMAT + 1}"):
        read_results(study)


def test_what_a_run_records_is_what_is_read(fake_study: Any) -> None:
    """The sample study is made up; this one was recorded by the study runner itself."""
    results = read_results(fake_study.run(budget=6))
    assert len(results.complete) == 6
    for trial in results.complete:
        assert trial.design is not None
        assert trial.attributes.accuracy_standard_error == 0.004
        assert sum(layer.cycles for layer in trial.attributes.layers) == trial.attributes.cycles
        assert all(layer.products_per_cycle > 0 and layer.bound for layer in trial.attributes.layers)


@pytest.mark.parametrize(
    ("attribute", "value"),
    [("space", {"widths": []}), ("space", {"widths": ["a"]}), ("space", 5), ("chance_accuracy", "a"), ("digests", 3)],
)
def test_damaged_attributes_that_only_scales_need_are_left_out(tmp_path: Path, attribute: str, value: object) -> None:
    study = build_study(tmp_path / "study.db")
    study.set_user_attr(attribute, value)
    assert len(read_results(study).trials) == 30


@pytest.mark.parametrize("changes", [{"constraints": [5]}, {"objectives": 3}, {"objectives": [1, 2]}])
def test_damaged_goal_is_one_line(tmp_path: Path, changes: dict[str, object]) -> None:
    study = build_study(tmp_path / "study.db")
    study.set_user_attr("spec", {**study.user_attrs["spec"], **changes})
    with pytest.raises(StorageError, match="damaged objectives or constraints") as error:
        read_results(study)
    assert "\n" not in str(error.value)

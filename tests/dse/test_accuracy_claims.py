from __future__ import annotations

from pathlib import Path

import pytest

from dse.accuracy_claims import accuracy_gain, against_conventional, front_mark, front_summary, marked_groups
from dse.results import StudyResults, TrialResult
from dse.study_reader import read_results
from tests.sample_study import NARROW, add_measured, build_marked_study, create_study


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> StudyResults:
    return read_results(build_marked_study(tmp_path_factory.mktemp("claims") / "study.db"))


def compared(folder: Path, conventional: tuple[float, float | None], other: tuple[float, float | None]) -> str | None:
    """Return what is said of a design at 1 ms against the conventional one at 2.5 ms."""
    study = create_study(folder / "study.db")
    add_measured(study, 2.5, *conventional)
    add_measured(study, 1.0, *other, NARROW)
    results = read_results(study)
    return against_conventional(results, trial_of(results, 1))


def trial_of(results: StudyResults, number: int) -> TrialResult:
    trial = results.trial(number)
    assert trial is not None
    return trial


def test_marks_name_the_last_distinguishable_trial(results: StudyResults) -> None:
    assert {trial.number: front_mark(results, trial) for trial in results.trials} == {
        1: None,
        2: "not shown to be more accurate than trial 1",
        3: "not shown to be more accurate than trial 1",
        4: None,
        0: "not shown to be more accurate than trial 4",
    }


def test_summary_counts_the_front_and_its_distinguishable_designs(results: StudyResults, tmp_path: Path) -> None:
    assert front_summary(results) == "5 designs on the front, 2 of them distinguishable"
    study = create_study(tmp_path / "study.db")
    assert front_summary(read_results(study)) == "0 designs on the front, 0 of them distinguishable"
    add_measured(study, 1.0, 0.8, 0.006)
    assert front_summary(read_results(study)) == "1 design on the front, 1 of them distinguishable"


def test_groups_hold_every_marked_trial_once(results: StudyResults) -> None:
    groups = [(faster.number, [trial.number for trial in unshown]) for faster, unshown in marked_groups(results)]
    assert groups == [(1, [2, 3]), (4, [0])]


@pytest.mark.parametrize(
    ("conventional", "other", "text"),
    [
        (
            (0.8497, 0.006),
            (0.8494, 0.006),
            "2.50x as fast at an accuracy that does not differ (84.94 ± 0.60 against 84.97 ± 0.60 %)",
        ),
        (
            (0.8497, 0.006),
            (0.8700, 0.006),
            "2.50x as fast at an accuracy 2.03 points better (87.00 ± 0.60 against 84.97 ± 0.60 %)",
        ),
        (
            (0.8497, 0.006),
            (0.8297, 0.006),
            "2.50x as fast at an accuracy 2.00 points worse (82.97 ± 0.60 against 84.97 ± 0.60 %)",
        ),
        ((0.85, None), (0.84, None), "2.50x as fast at an accuracy of 84.00 against 85.00 %, standard error unknown"),
    ],
)
def test_comparison_with_the_conventional_design(
    tmp_path: Path, conventional: tuple[float, float | None], other: tuple[float, float | None], text: str
) -> None:
    assert compared(tmp_path, conventional, other) == text


def test_conventional_design_is_not_compared_with_itself(results: StudyResults, tmp_path: Path) -> None:
    assert against_conventional(results, trial_of(results, 0)) is None
    study = create_study(tmp_path / "study.db")
    add_measured(study, 1.0, 0.8, 0.006, NARROW)
    alone = read_results(study)
    assert against_conventional(alone, trial_of(alone, 0)) is None


def test_gain_is_a_number_only_where_accuracies_differ(results: StudyResults) -> None:
    conventional = trial_of(results, 0)
    gains = {number: accuracy_gain(trial_of(results, number), conventional) for number in (1, 4)}
    assert gains == {1: "-6.20", 4: "not shown"}

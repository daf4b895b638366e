from __future__ import annotations

from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from dse.results import StudyResults
from dse.study_reader import read_results
from tests.sample_study import (
    CONVENTIONAL,
    NARROW,
    add_complete,
    add_measured,
    build_marked_study,
    build_study,
    build_study_of_another_goal,
    create_study,
)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> optuna.Study:
    return build_study(tmp_path_factory.mktemp("results") / "study.db")


@pytest.fixture(scope="module")
def results(study: optuna.Study) -> StudyResults:
    return read_results(study)


def test_front_is_optunas(study: optuna.Study, results: StudyResults) -> None:
    assert {trial.number for trial in study.best_trials} == results.front_numbers
    latencies = [trial.point[0] for trial in results.front]
    assert latencies == sorted(latencies)


def test_states_are_counted(results: StudyResults) -> None:
    counts = [results.count(state) for state in (TrialState.PRUNED, TrialState.FAIL, TrialState.RUNNING)]
    assert counts == [3, 1, 1]
    assert results.count(TrialState.COMPLETE) == len(results.complete) == len(results.trials) - 5


def test_reasons_are_read(results: StudyResults) -> None:
    reasons = {trial.state: trial.reason for trial in results.trials if trial.reason}
    assert "cannot reach the front" in (reasons[TrialState.PRUNED] or "")
    assert "training diverged" in (reasons[TrialState.FAIL] or "")


def test_gain_compares_at_equal_accuracy(results: StudyResults) -> None:
    conventional, equal = results.conventional, results.equal_accuracy
    assert conventional is not None
    assert equal is not None
    needed = conventional.point[1] - (conventional.attributes.accuracy_standard_error or 0)
    assert equal.point[1] >= needed
    assert all(trial.point[1] < needed for trial in results.complete if trial.point[0] < equal.point[0])
    assert results.gain == pytest.approx(conventional.point[0] / equal.point[0])


def test_trials_that_do_not_differ_from_a_faster_one_are_known(tmp_path: Path) -> None:
    results = read_results(build_marked_study(tmp_path / "study.db"))
    assert [trial.number for trial in results.front] == [1, 2, 3, 4, 0]
    assert [trial.number for trial in results.distinguishable] == [1, 4]
    assert {number: faster.number for number, faster in results.not_shown_above.items()} == {2: 1, 3: 1, 0: 4}


def test_designs_of_equal_points_are_not_shown_to_differ(tmp_path: Path) -> None:
    study = create_study(tmp_path / "study.db")
    for params in (CONVENTIONAL, NARROW):
        add_measured(study, 1.0, 0.8, 0.0, params)
    results = read_results(study)
    assert {number: faster.number for number, faster in results.not_shown_above.items()} == {1: 0}


def test_study_without_standard_errors_shows_nothing(tmp_path: Path) -> None:
    study = create_study(tmp_path / "study.db")
    for latency_ms, accuracy in ((1.0, 0.5), (2.0, 0.9)):
        add_measured(study, latency_ms, accuracy, None)
    results = read_results(study)
    assert [trial.measured.standard_error for trial in results.front] == [None, None]
    assert [trial.number for trial in results.distinguishable] == [0]


def test_conventional_design_is_known_by_its_design(tmp_path: Path) -> None:
    study = create_study(tmp_path / "study.db")
    add_complete(study, {**CONVENTIONAL, "clip": 15})
    assert read_results(study).conventional is None
    assert read_results(study).gain is None
    add_complete(study, CONVENTIONAL)
    conventional = read_results(study).conventional
    assert conventional is not None
    assert conventional.number == 1


def test_front_of_other_objectives_holds_feasible_trials_alone(tmp_path: Path) -> None:
    results = read_results(build_study_of_another_goal(tmp_path / "study.db"))
    assert [trial.number for trial in results.trials if not trial.feasible] == [2]
    assert results.trials[2].reason == "infeasible: not code_bytes <= 4096"
    assert [trial.number for trial in results.front] == [3, 1, 0]  # by memory
    assert (results.fastest, results.most_accurate) == (results.trial(1), results.trial(0))
    # Trial 1 is less accurate than 3 but faster; 0 is shown to be more accurate than both.
    assert not results.not_shown_above
    assert [trial.latency_ms for trial in results.trials] == [2.0, 1.0, 0.5, 1.5]
    assert [[str(measure) for measure, _ in results.further(trial)] for trial in results.front] == (
        [["memory_bytes", "code_bytes"]] * 3
    )


def test_most_accurate_design_need_not_be_on_a_front_without_accuracy(tmp_path: Path) -> None:
    results = read_results(build_study_of_another_goal(tmp_path / "goal.db", ("latency_ms", "memory_bytes")))
    assert 0 not in results.front_numbers
    assert results.most_accurate == results.trial(0)
    assert results.fastest == results.trial(1)


def test_mark_needs_a_rival_that_is_as_good_in_all_else(tmp_path: Path) -> None:
    study = build_study_of_another_goal(tmp_path / "study.db")
    for memory, latency, accuracy in ((2048, 1.6, 0.812), (1024, 3.0, 0.78), (4096, 1.0, 0.801)):
        measures = {"latency_ms": latency, "accuracy": accuracy, "memory_bytes": memory, "code_bytes": 1}
        attributes = {"accuracy_standard_error": 0.006, "measures": measures}
        study.add_trial(create_trial(values=[memory, accuracy, latency], user_attrs=attributes))
    results = read_results(study)
    assert [trial.number for trial in results.front] == [5, 4, 3, 6, 0]
    # 4 does not differ from 3, which takes no more memory and is faster; 6 is faster than 3, and 1 is dominated by it.
    assert {number: rival.number for number, rival in results.not_shown_above.items()} == {4: 3}


def test_hypervolume_by_hand(tmp_path: Path) -> None:
    results = read_results(build_study_of_another_goal(tmp_path / "study.db", ("latency_ms", "accuracy")))
    assert results.reference == pytest.approx((2.2, 0.1))
    shares = [((2.2 - latency) / 2.2, (accuracy - 0.1) / 0.9) for latency, accuracy in ((2.0, 0.86), (1.0, 0.8))]
    first = shares[0][0] * shares[0][1]
    second = first + (shares[1][0] - shares[0][0]) * shares[1][1]
    gained = (shares[0][1], (0.81 - 0.1) / 0.9, shares[1][1])
    third = second + ((2.2 - 1.5) / 2.2 - shares[0][0]) * (gained[1] - gained[2])
    assert results.hypervolumes == pytest.approx((first, second, second, third))

"""What a second look leaves with a study, and what is read from it: figures of one plan, a front, words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest

from dse.cli.main import run
from dse.errors import StorageError
from dse.second_look import PLAN, LookPlan, read_second_look, write_plan
from dse.second_look_claims import is_refined_distinguishable, refined_fields, refined_mark, refined_notes
from dse.study_reader import read_results
from dse.training.recipe import Recipe
from tests.sample_study import (
    AGAIN,
    LOOK,
    add_second_look,
    build_marked_study,
    build_study_of_another_goal,
    found_again,
)


@pytest.fixture
def study(tmp_path: Path) -> optuna.Study:
    return build_marked_study(tmp_path / "study.db")


def test_what_is_written_is_read(study: optuna.Study) -> None:
    assert read_second_look(study).plan is None
    add_second_look(study)
    look = read_second_look(study)
    assert look.plan is not None
    assert look.plan.digest == LOOK.digest
    assert look.accuracies == {number: found_again(accuracy) for number, accuracy in AGAIN.items()}


@pytest.mark.parametrize(
    "other",
    [
        replace(LOOK, recipe=Recipe(epochs=6).to_dict()),
        replace(LOOK, seeds=(1, 2, 3)),
        replace(LOOK, training="other code"),
    ],
)
def test_accuracies_of_two_plans_are_never_mixed(study: optuna.Study, other: LookPlan) -> None:
    add_second_look(study)
    add_second_look(study, {1: 0.5}, other)
    assert read_second_look(study).accuracies == {1: found_again(0.5)}
    assert read_second_look(study, LOOK).accuracies.keys() == AGAIN.keys()
    write_plan(study, LOOK)
    assert read_second_look(study).accuracies[1] == found_again(AGAIN[1])


def test_search_keeps_its_accuracies(study: optuna.Study) -> None:
    before = read_results(study)
    assert before.refined is None
    add_second_look(study)
    results = read_results(study)
    assert [trial.measured for trial in results.trials] == [trial.measured for trial in before.trials]
    assert results.front_numbers == before.front_numbers
    assert results.not_shown_above.keys() == before.not_shown_above.keys()


def test_front_of_the_second_look(study: optuna.Study) -> None:
    add_second_look(study)
    again = read_results(study).refined
    assert again is not None
    assert [trial.number for trial in again.front] == [1, 2, 4, 0]
    assert {number: faster.number for number, faster in again.not_shown_above.items()} == {4: 2, 0: 2}
    measured = {trial.number: (trial.measured.value, trial.measured.standard_error) for trial in again.trials}
    assert measured == {number: (accuracy, 0.005) for number, accuracy in AGAIN.items()}
    assert again.trials[0].tested is not None
    assert again.trials[0].tested.value == AGAIN[0] - 0.01


def test_marks_and_notes(study: optuna.Study) -> None:
    add_second_look(study)
    results = read_results(study)
    unshown = "trained longer, not shown to be more accurate than trial 2"
    marks = {0: unshown, 1: None, 2: None, 3: "trained longer, dominated by trial 2", 4: unshown}
    assert {trial.number: refined_mark(results, trial) for trial in results.trials} == marks
    assert {trial.number: is_refined_distinguishable(results, trial) for trial in results.trials} == {
        number: mark is None for number, mark in marks.items()
    }
    assert refined_notes(results) == [
        "second look at 5 of 5 designs of the front (5 epochs, mean of 2 seeds): trained longer, 4 designs on the "
        "front, 2 of them distinguishable",
        "trained longer, dominated by trial 2: trial 3",
        "trained longer, not shown to be more accurate than trial 2: trials 4, 0",
    ]


def test_a_look_that_was_stopped_speaks_of_what_it_finished(study: optuna.Study) -> None:
    add_second_look(study, {0: 0.88, 4: 0.879})
    results = read_results(study)
    notes = refined_notes(results)
    assert notes[0].startswith("second look at 2 of 5 designs of the front")
    assert notes[-1] == (
        "trained longer, trial 4 against the conventional design: 2.00x as fast at an accuracy that does not differ "
        "(87.90 ± 0.50 against 88.00 ± 0.50 %)"
    )
    missing = results.trials[1]
    assert refined_mark(results, missing) is None
    assert set(refined_fields(results, missing).values()) == {None}


def test_designs_that_differ_in_another_objective_are_no_rivals(tmp_path: Path) -> None:
    study = build_study_of_another_goal(tmp_path / "study.db")
    add_second_look(study, {0: 0.95, 1: 0.8, 3: 0.8})
    results = read_results(study)
    again = results.refined
    assert again is not None
    assert [trial.number for trial in again.front] == [3, 1, 0]
    assert all(refined_mark(results, trial) is None for trial in results.front if trial.number in (0, 3))
    assert [trial.values[1] for trial in again.front if trial.values] == [0.8, 0.8, 0.95]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (PLAN, 7, "damaged attribute 'second_look'"),
        (PLAN, {"recipe": {"epochs": "five"}, "seeds": [1], "training": "x"}, "recipe: Value error, epochs is 'five'"),
        (PLAN, {"recipe": {"epochs": 5}, "seeds": [], "training": "x"}, "seeds"),
        (LOOK.attribute(3), {}, "accuracy: Field required"),
        (LOOK.attribute(3), {"accuracy": 87.0}, "accuracy: Input should be less than or equal to 1"),
        (LOOK.attribute(3), [0.87], f"damaged attribute '{LOOK.attribute(3)}'"),
    ],
)
def test_damaged_attributes_are_told_in_a_line(
    study: optuna.Study,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: Any,
    message: str,
) -> None:
    add_second_look(study)
    study.set_user_attr(name, value)
    with pytest.raises(StorageError) as caught:
        read_results(study)
    assert message in str(caught.value)
    storage = str(tmp_path / "study.db")
    for command in (
        ["show", storage],
        ["refine", storage],
        ["export", str(tmp_path / "out.csv"), "--storage", storage],
    ):
        assert run(["study", *command]) == 1
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert message in error

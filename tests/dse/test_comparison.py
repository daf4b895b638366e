from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from optuna.trial import TrialState, create_trial
from typer.testing import CliRunner

from dse.cli.main import run
from dse.cli.study import app
from dse.comparison import NOT_SHOWN, Line, compare_studies, compare_trials
from dse.errors import UsageError
from dse.results import StudyResults
from dse.study_reader import read_results
from tests.sample_study import (
    LOOK,
    NARROW,
    add_measured,
    add_pruned,
    add_second_look,
    build_marked_study,
    create_study,
    found_again,
)


@pytest.fixture
def results(tmp_path: Path) -> StudyResults:
    return read_results(build_marked_study(tmp_path / "study.db"))


def by_what(lines: list[Line]) -> dict[str, Line]:
    assert len({line.what for line in lines}) == len(lines)
    return {line.what: line for line in lines}


def test_trials_differ_only_where_it_is_shown(results: StudyResults) -> None:
    same = by_what(compare_trials((results, 0), (results, 4)))
    assert same["latency ms"] == Line("latency ms", "2.0000", "1.0000", "0.50 times")
    assert same["accuracy %"] == Line("accuracy %", "86.20 ± 0.60", "86.00 ± 0.60", NOT_SHOWN)
    assert same["clip"] == Line("clip", "none", "15", "not the same")
    assert same["accumulator"] == Line("accumulator", "32", "32", "")
    other = by_what(compare_trials((results, 4), (results, 1)))
    assert other["accuracy %"].difference == "6.00 points worse"
    assert by_what(compare_trials((results, 1), (results, 4)))["accuracy %"].difference == "6.00 points better"
    assert other["block1.conv"].one == other["block1.conv"].other
    assert other["block1.conv"].difference == "1.00 times"
    assert (other["feasible"].one, other["on the front"].one) == ("yes", "yes")


def test_overridden_core_is_named_after_what_was_changed(results: StudyResults) -> None:
    other = replace(results, overrides={"l2.latency": "30", "dispatch_width": "1"})
    core = by_what(compare_studies(results, other))["core"]
    assert core.one == "cortex-a72 at 1.5 GHz"
    assert core.other == "cortex-a72 (dispatch_width=1, l2.latency=30) at 1.5 GHz"


def test_accuracies_of_second_looks_compare_within_a_plan(results: StudyResults, tmp_path: Path) -> None:
    what = "accuracy % trained longer"
    assert what not in by_what(compare_trials((results, 0), (results, 1)))
    looks = []
    for name, look in (("same", LOOK), ("other", replace(LOOK, seeds=(7,)))):
        study = build_marked_study(tmp_path / f"{name}.db")
        add_second_look(study, {0: 0.90, 1: 0.84}, look)
        looks.append(read_results(study))
    same, other = looks
    percent = {number: found_again(value).measured.percent for number, value in ((0, 0.90), (1, 0.84))}
    assert by_what(compare_trials((same, 0), (same, 1)))[what] == Line(
        what, percent[0], percent[1], "6.00 points worse"
    )
    assert by_what(compare_trials((same, 0), (same, 0)))[what].difference == NOT_SHOWN
    assert by_what(compare_trials((same, 0), (same, 4)))[what] == Line(what, percent[0], "", "")
    assert by_what(compare_trials((same, 0), (other, 1)))[what] == Line(what, percent[0], percent[1], "")


def test_what_was_measured_apart_is_not_compared(results: StudyResults, tmp_path: Path) -> None:
    study = create_study(tmp_path / "other.db", "other")
    study.set_user_attr("spec", {**study.user_attrs["spec"], "core": "cortex-a53", "dataset": "cifar10"})
    add_measured(study, 1.0, 0.5, 0.006)
    lines = by_what(compare_trials((results, 0), (read_results(study), 0)))
    assert (lines["latency ms"].difference, lines["accuracy %"].difference) == ("", "")
    assert lines["core"].difference == lines["data"].difference == "not the same"
    assert lines["network"].difference == ""
    studies = by_what(compare_studies(results, read_results(study)))
    assert studies["fastest: latency ms"] == Line("fastest: latency ms", "0.5000", "1.0000", "")
    assert studies["hypervolume"].difference == "other references: not comparable"


def test_accuracies_of_two_trainings_are_not_compared(results: StudyResults) -> None:
    quick = {"design": {"images": 16_000, "shift": 0}, "train_images": None}
    first = replace(results, recipe=quick, digests={"training": "a", "core": "c"})
    longer = replace(first, recipe={**quick, "design": {"images": 32_000, "shift": 0}})
    lines = by_what(compare_studies(first, longer))
    assert lines["training"] == Line(
        "training", "quick run of 16,000 images", "quick run of 32,000 images", "not the same"
    )
    assert lines["training: design.images"] == Line("training: design.images", "16000", "32000", "not the same")
    assert lines["most accurate: accuracy %"].difference == ""
    assert lines["hypervolume"].difference == "other accuracies: not comparable"
    assert lines["fastest: latency ms"].difference == "1.00 times"
    assert by_what(compare_trials((first, 4), (longer, 1)))["accuracy %"].difference == ""
    epochs = by_what(compare_studies(first, replace(first, recipe={"epochs": 1, "train_images": 500})))
    assert epochs["training"].other == "1 epoch of the first 500"
    assert not any(what.startswith("training: ") for what in epochs)


def test_seeds_are_told_and_compared(results: StudyResults) -> None:
    lines = by_what(compare_trials((results, 4), (replace(results, seed=7), 1)))
    assert lines["seed"] == Line("seed", "1", "7", "not the same")
    assert lines["accuracy %"].difference == "6.00 points worse"


@pytest.mark.parametrize(
    ("changed", "line", "latency", "accuracy"),
    [
        ("core", "core", "", NOT_SHOWN),
        ("timing model", "core", "", NOT_SHOWN),
        ("dataset", "data", "1.00 times", ""),
        ("training", "training", "1.00 times", ""),
    ],
)
def test_one_name_for_two_things_is_told(
    results: StudyResults, changed: str, line: str, latency: str, accuracy: str
) -> None:
    digests = {"core": "c", "timing model": "m", "dataset": "d", "training": "t"}
    one, other = replace(results, digests=digests), replace(results, digests={**digests, changed: "another"})
    lines = by_what(compare_trials((one, 0), (other, 0)))
    assert lines[line].difference == "the same name, but another one"
    assert lines["latency ms"].difference == latency
    assert lines["accuracy %"].difference == accuracy


def test_studies_side_by_side(results: StudyResults, tmp_path: Path) -> None:
    study = create_study(tmp_path / "other.db", "other")
    add_measured(study, 2.0, 0.862, 0.006)
    add_measured(study, 0.4, 0.861, 0.006, NARROW)
    lines = by_what(compare_studies(results, read_results(study)))
    assert lines["complete trials"] == Line("complete trials", "5", "2")
    assert lines["fastest: latency ms"].difference == "0.80 times"
    assert lines["fastest: accuracy %"].difference == "6.10 points better"
    assert lines["most accurate: accuracy %"].difference == NOT_SHOWN
    assert lines["hypervolume"].difference == ""
    assert float(lines["hypervolume"].other) > float(lines["hypervolume"].one)


def test_empty_study_compares(results: StudyResults, tmp_path: Path) -> None:
    lines = by_what(compare_studies(results, read_results(create_study(tmp_path / "other.db", "other"))))
    assert lines["fastest: trial"] == Line("fastest: trial", "1", "none")
    assert lines["hypervolume"].other == "unknown"


def test_further_measures_and_infeasible_trials(tmp_path: Path) -> None:
    study = create_study(tmp_path / "study.db")
    study.set_user_attr("spec", {**study.user_attrs["spec"], "constraints": ["memory_bytes <= 2000"]})
    for memory in (2048.0, 1024.0):
        attributes = {"measures": {"latency_ms": 1.0, "accuracy": 0.8, "memory_bytes": memory}}
        trial = create_trial(state=TrialState.COMPLETE, values=[1.0, 0.8], user_attrs=attributes)
        trial.set_constraint("memory_bytes <= 2000", memory / 2000 - 1)
        study.add_trial(trial)
    results = read_results(study)
    lines = by_what(compare_trials((results, 0), (results, 1)))
    assert lines["memory KiB"] == Line("memory KiB", "2.0", "1.0", "0.50 times")
    assert lines["feasible"] == Line("feasible", "no", "yes")
    assert lines["on the front"] == Line("on the front", "no", "yes")


def test_trials_without_results_are_one_line(results: StudyResults, tmp_path: Path) -> None:
    study = create_study(tmp_path / "other.db", "other")
    add_pruned(study, NARROW)
    for number, said in ((0, "it is pruned"), (7, "there is none")):
        with pytest.raises(UsageError, match=f"study 'other' has no complete trial {number}: {said}"):
            compare_trials((results, 0), (read_results(study), number))


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    storage = tmp_path / "study.db"
    build_marked_study(storage)
    study = create_study(storage, "other")
    add_measured(study, 1.0, 0.8, 0.006)
    names = ["--name", "tiny on cortex-a72"]
    done = CliRunner().invoke(app, ["compare", str(storage), *names, "--trials", "0,4", "--json"])
    assert done.exit_code == 0, done.output
    lines = {line["what"]: line for line in json.loads(done.stdout)}
    assert lines["accuracy %"]["difference"] == NOT_SHOWN
    done = CliRunner().invoke(app, ["compare", str(storage), *names, "--other-name", "other"])
    assert done.exit_code == 0, done.output
    assert "most accurate: accuracy %" in done.stdout
    capsys.readouterr()
    for arguments, said in (
        (["compare", str(storage), *names], "give two studies"),
        (["compare", str(storage), *names, "--trials", "0"], "write two numbers"),
    ):
        assert run(["study", *arguments]) == 2
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1

from __future__ import annotations

import csv
import io
import json

import pytest

from dse.cli.serialise import FIELDS, results_json, trial_fields, write_csv
from dse.study_reader import read_results
from tests.sample_study import (
    LOOK,
    NARROW,
    add_measured,
    add_pruned,
    add_second_look,
    build_marked_study,
    build_study_of_another_goal,
)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    study = build_marked_study(tmp_path_factory.mktemp("serialise") / "study.db")
    add_measured(study, 3.0, 0.5, None, NARROW)
    add_pruned(study, NARROW)
    return read_results(study)


def test_fields_are_those_of_the_header(results):
    for trial in results.trials:
        assert tuple(trial_fields(results, trial)) == FIELDS


def test_json_tells_what_is_shown(results):
    shown = json.loads(results_json(results, results.trials))
    assert shown["front"] == {"designs": 5, "distinguishable": 2}
    trials = {trial["trial"]: trial for trial in shown["trials"]}
    assert {number: trial["distinguishable"] for number, trial in trials.items()} == {
        0: False,
        1: True,
        2: False,
        3: False,
        4: True,
        5: None,
        6: None,
    }
    assert {number: trial["front_mark"] for number, trial in trials.items() if trial["front_mark"]} == {
        0: "not shown to be more accurate than trial 4",
        2: "not shown to be more accurate than trial 1",
        3: "not shown to be more accurate than trial 1",
    }
    differs = [trials[number]["accuracy_differs"] for number in (0, 1, 4, 5, 6)]
    assert differs == [False, True, False, False, None]
    assert trials[4]["accuracy_standard_error"] == 0.006
    assert trials[4]["accuracy_gain"] == pytest.approx(-0.002)


def test_csv_has_the_same_marks(results):
    file = io.StringIO()
    write_csv(results, results.front, file)
    rows = list(csv.DictReader(io.StringIO(file.getvalue())))
    expected = [trial_fields(results, trial) for trial in results.front]
    for name in ("trial", "distinguishable", "front_mark", "accuracy_standard_error", "accuracy_differs"):
        assert [row[name] for row in rows] == ["" if trial[name] is None else str(trial[name]) for trial in expected]


def test_other_goals_are_told_with_their_measures(tmp_path):
    results = read_results(build_study_of_another_goal(tmp_path / "study.db"))
    shown = json.loads(results_json(results, results.trials))
    assert shown["objectives"] == ["memory_bytes", "accuracy", "latency_ms"]
    assert shown["constraints"] == ["code_bytes <= 4096"]
    assert shown["hypervolume"]["reference"] == pytest.approx(
        {"memory_bytes": 8192 * 1.1, "accuracy": 0.1, "latency_ms": 2.2}
    )
    assert shown["hypervolume"]["values"] == list(results.hypervolumes)
    assert shown["hypervolume"]["stalled_for"] == 0
    assert [trial["feasible"] for trial in shown["trials"]] == [True, True, False, True]
    file = io.StringIO()
    write_csv(results, results.trials, file)
    rows = list(csv.DictReader(io.StringIO(file.getvalue())))
    assert [row["code_bytes"] for row in rows] == ["3000.0", "4000.0", "5000.0", "3500.0"]


def test_second_look_is_told_beside_the_accuracies_of_the_search(results, tmp_path):
    assert json.loads(results_json(results, results.trials))["second_look"] is None
    study = build_marked_study(tmp_path / "study.db")
    add_second_look(study, {0: 0.88, 2: 0.87, 3: 0.865})
    shown = json.loads(results_json(again := read_results(study), again.trials))
    assert shown["second_look"] == {
        "recipe": LOOK.recipe,
        "seeds": [1, 2],
        "designs": 3,
        "front": 2,
        "distinguishable": 1,
    }
    names = [name for name in FIELDS if name.startswith("refined")]
    assert [shown["trials"][3][name] for name in names] == [
        0.865,
        0.005,
        0.855,
        0.005,
        False,
        "trained longer, dominated by trial 2",
    ]
    assert [shown["trials"][4][name] for name in names] == [None] * 6
    assert [trial["accuracy"] for trial in shown["trials"]] == [trial.accuracy for trial in results.trials[:5]]
    file = io.StringIO()
    write_csv(again, again.trials, file)
    rows = list(csv.DictReader(io.StringIO(file.getvalue())))
    assert [row["refined_accuracy"] for row in rows] == ["0.88", "", "0.87", "0.865", ""]
    assert [row["refined_distinguishable"] for row in rows] == ["False", "", "True", "False", ""]

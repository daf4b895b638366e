from __future__ import annotations

import io
import re

import pytest
from optuna.trial import TrialState, create_trial
from rich.console import Console
from rich.table import Table
from typer.testing import CliRunner

from dse.cli.study import app
from dse.cli.tables import PLAIN_WIDTH, front_notes, front_table, goal_notes, trials_table
from dse.results import StudyResults
from dse.study_reader import read_results
from tests.sample_study import CONVENTIONAL, NARROW, add_measured, add_second_look, build_marked_study, create_study


@pytest.fixture(scope="module")
def storage(tmp_path_factory):
    return tmp_path_factory.mktemp("tables") / "study.db"


@pytest.fixture(scope="module")
def results(storage) -> StudyResults:
    return read_results(build_marked_study(storage))


def rows(table: Table) -> dict[int, list[str]]:
    """Return the printed cells of each trial."""
    page = Console(file=io.StringIO(), width=PLAIN_WIDTH)
    page.print(table)
    printed = [line.split() for line in page.file.getvalue().splitlines()]
    return {int(cells[0]): cells for cells in printed if cells and cells[0].isdigit()}


@pytest.mark.parametrize("table", [front_table, trials_table])
def test_every_accuracy_has_its_error_and_the_unshown_their_mark(results, table):
    shown = rows(table(results))
    assert {number: cells[1:4] for number, cells in shown.items()} == {
        number: [accuracy, "±", "0.60"]
        for number, accuracy in {0: "86.20", 1: "80.00", 2: "81.00", 3: "81.60", 4: "86.00"}.items()
    }
    assert {number for number, cells in shown.items() if cells[4] == "*"} == {0, 2, 3}


def test_gain_is_a_number_only_where_accuracies_differ(results):
    shown = rows(front_table(results))
    assert shown[1][-2:] == ["4.00x", "-6.20"]
    assert shown[4][-3:] == ["2.00x", "not", "shown"]


def test_notes_sum_up_mark_and_compare(results):
    assert front_notes(results) == [
        "5 designs on the front, 2 of them distinguishable",
        "* not shown to be more accurate than trial 1: trials 2, 3",
        "* not shown to be more accurate than trial 4: trial 0",
        "trial 4 against the conventional design: "
        "2.00x as fast at an accuracy that does not differ (86.00 ± 0.60 against 86.20 ± 0.60 %)",
    ]


def test_study_without_the_conventional_design_is_not_compared(tmp_path):
    study = create_study(tmp_path / "study.db")
    add_measured(study, 1.0, 0.8, 0.006, NARROW)
    assert front_notes(read_results(study)) == ["1 design on the front, 1 of them distinguishable"]


@pytest.mark.parametrize("options", [[], ["--all"]])
def test_command_prints_the_notes_below_the_table(results, storage, options):
    done = CliRunner().invoke(app, ["show", str(storage), *options])
    assert done.exit_code == 0, done.output
    notes = [*front_notes(results), *goal_notes(results)]
    assert done.stdout.splitlines()[-len(notes) :] == notes


def test_goal_is_told_where_it_is_not_the_usual(tmp_path):
    study = build_marked_study(tmp_path / "study.db")
    spec = study.user_attrs["spec"]
    assert [note.split(" ")[0] for note in goal_notes(read_results(study))] == ["hypervolume"]
    study.set_user_attr("spec", {**spec, "constraints": ["latency_ms <= 1.5"]})
    study.set_user_attr("chance_accuracy", 0.1)
    study.set_user_attr("stopped", "stalled: no hypervolume gained in 9 complete trials")
    trial = study.ask()
    trial.set_constraint("latency_ms <= 1.5", 0.2)
    for name, value in {"design": {**CONVENTIONAL, "overflow": "exact", "clip": 7}, "stage": "constraint"}.items():
        trial.set_user_attr(name, value)
    study.tell(trial, state=TrialState.PRUNED)
    notes = goal_notes(read_results(study))
    assert notes[0] == "constraints: latency_ms <= 1.5; 5 of 6 designs keep them"
    assert re.fullmatch(
        r"hypervolume 0\.\d{4} of 1 after 5 trials; reference latency ms 2\.2000, accuracy % 10\.00", notes[1]
    )
    assert notes[2] == "last run: stalled: no hypervolume gained in 9 complete trials"


def test_further_measures_have_columns(tmp_path):
    study = create_study(tmp_path / "study.db")
    study.set_user_attr("spec", {**study.user_attrs["spec"], "constraints": ["memory_bytes <= 2000"]})
    add_measured(study, 1.0, 0.8, 0.01)
    attributes = {**study.trials[0].user_attrs, "measures": {"memory_bytes": 1536.0}}
    trial = create_trial(state=TrialState.COMPLETE, values=[0.5, 0.8], user_attrs=attributes)
    study.add_trial(trial)
    columns = {str(column.header): list(column.cells) for column in trials_table(read_results(study)).columns}
    assert columns["memory KiB"] == ["", "1.5"]


def test_second_look_has_a_column_and_notes(tmp_path):
    study = build_marked_study(tmp_path / "study.db")
    add_measured(study, 3.0, 0.5, 0.006, NARROW)
    add_second_look(study)
    results = read_results(study)
    shown = {number: " ".join(cells) for number, cells in rows(trials_table(results)).items()}
    for number, cells in {
        0: "86.20 ± 0.60 * 88.00 ± 0.50 * 2.0000",
        1: "80.00 ± 0.60 83.00 ± 0.50 0.5000",
        2: "81.00 ± 0.60 * 87.00 ± 0.50 0.6000",
        3: "81.60 ± 0.60 * 86.50 ± 0.50 * 0.8000",
        4: "86.00 ± 0.60 87.10 ± 0.50 * 1.0000",
        5: "50.00 ± 0.60 3.0000",
    }.items():
        assert shown[number].startswith(f"{number} {cells}")
    done = CliRunner().invoke(app, ["show", str(tmp_path / "study.db")])
    assert done.exit_code == 0, done.output
    assert "trained longer, dominated by trial 2: trial 3\n" in done.stdout

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from typer.testing import CliRunner

from dse.cli.main import run
from dse.cli.serialise import trial_fields
from dse.cli.study import app
from dse.errors import DseError, UsageError
from dse.study_export import FORMATS, ExportedStudy, exported, format_of, layers_path, read_export, write_export
from dse.study_reader import read_results
from tests.sample_study import (
    add_measured,
    add_second_look,
    build_marked_study,
    build_study,
    build_study_of_another_goal,
    create_study,
)


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("export") / "study.db"


@pytest.fixture(scope="module")
def study(storage: Path) -> ExportedStudy:
    return exported(read_results(build_study(storage)))


def as_text(value: object) -> str:
    return "" if value is None else str(value)


@pytest.mark.parametrize("file_format", FORMATS)
def test_every_trial_and_layer_reads_back(
    study: ExportedStudy, tmp_path: Path, file_format: str, require_package: Callable[[str], None]
) -> None:
    if file_format == "parquet":
        require_package("pyarrow")
    path = tmp_path / f"out.{file_format}"
    files = write_export(study, path, file_format)
    assert [file.name for file in files] == (
        ["out.json"] if file_format == "json" else [f"out.{file_format}", f"out.layers.{file_format}"]
    )
    trials, layers = read_export(path, file_format)
    assert (len(trials), len(layers)) == (30, 116)
    assert {trial["state"] for trial in trials} == {"complete", "pruned", "fail", "running"}
    if file_format == "csv":
        assert trials == [{name: as_text(value) for name, value in row.items()} for row in study.trials]
        for read, row in zip(layers, study.layers, strict=True):
            assert read["stalls"] == row["stalls"]
            assert float(read["products_per_cycle"]) == row["products_per_cycle"]
    else:
        assert trials == list(study.trials)
        assert layers == list(study.layers)


def test_what_differs_by_layer_stands_with_the_layers(tmp_path: Path, require_package: Callable[[str], None]) -> None:
    require_package("pyarrow")
    study = create_study(tmp_path / "study.db")
    add_measured(study, 1.0, 0.8, 0.01)
    add_measured(
        study, 0.9, 0.8, 0.01, design={"accumulator": [8, 16, 8, 8], "overflow": ["wrap"] * 4, "clip": [7] * 4}
    )
    path = tmp_path / "out.parquet"
    write_export(exported(read_results(study)), path, "parquet")
    trials, layers = read_export(path, "parquet")
    assert [trial["accumulator"] for trial in trials] == [32, None]
    assert [layer["accumulator"] for layer in layers] == [32] * 4 + [8, 16, 8, 8]
    assert [layer["clip"] for layer in layers] == [None] * 4 + [7] * 4
    assert trial_fields(read_results(study), read_results(study).trials[1])["accumulator"] == "8/16/8*2"


@pytest.mark.parametrize("file_format", FORMATS)
def test_empty_study_is_written(tmp_path: Path, file_format: str, require_package: Callable[[str], None]) -> None:
    if file_format == "parquet":
        require_package("pyarrow")
    empty = exported(read_results(create_study(tmp_path / "study.db")))
    write_export(empty, tmp_path / f"out.{file_format}", file_format)
    assert read_export(tmp_path / f"out.{file_format}", file_format) == ([], [])


def test_parquet_has_the_same_types_for_what_a_study_knows_nothing_of(
    tmp_path: Path, require_package: Callable[[str], None]
) -> None:
    require_package("pyarrow")
    parquet = importlib.import_module("pyarrow.parquet")
    marked = build_marked_study(tmp_path / "marked.db")
    schemas = []
    for name in ("unseen", "seen"):
        path = tmp_path / f"{name}.parquet"
        write_export(exported(read_results(marked)), path, "parquet")
        schemas.append([parquet.read_schema(file) for file in (path, layers_path(path))])
        add_second_look(marked, {2: 0.87})
    assert schemas[0] == schemas[1]
    assert not any(str(field.type) == "null" for schema in schemas[0] for field in schema)
    types = {field.name: str(field.type) for field in schemas[0][0]}
    assert (types["refined_accuracy"], types["refined_front_mark"]) == ("double", "string")
    assert (types["clip"], types["feasible"], types["latency_ms"]) == ("int64", "bool", "double")


def test_further_measures_are_numbers(tmp_path: Path, require_package: Callable[[str], None]) -> None:
    require_package("pyarrow")
    path = tmp_path / "out.parquet"
    write_export(exported(read_results(build_study_of_another_goal(tmp_path / "goal.db"))), path, "parquet")
    assert [trial["memory_bytes"] for trial in read_export(path, "parquet")[0]] == [8192.0, 4096.0, 2048.0, 2048.0]


def test_format_is_that_of_the_name_or_the_one_asked_for() -> None:
    assert format_of(Path("a.json"), None) == "json"
    assert format_of(Path("a.txt"), "csv") == "csv"
    with pytest.raises(UsageError, match=r"a\.jsn: ending 'jsn' is unknown; did you mean json\? known: csv, json"):
        format_of(Path("a.jsn"), None)
    with pytest.raises(UsageError, match=r"format 'xml' is unknown; known"):
        format_of(Path("a.csv"), "xml")


def test_parquet_without_pyarrow_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(UsageError, match=r"^Parquet needs the package pyarrow: pip install pyarrow, or export CSV"):
        format_of(Path("a.parquet"), None)


def test_unwritable_file_is_one_line(study: ExportedStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_self: Path, _target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(DseError, match=r"out\.csv: No space left on device"):
        write_export(study, tmp_path / "out.csv", "csv")


def test_command(study: ExportedStudy, storage: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "out.json"
    done = CliRunner().invoke(app, ["export", str(path), "--storage", str(storage)])
    assert done.exit_code == 0, done.output
    assert done.stdout == f"30 trials, 116 layers in {path}\n"
    told = CliRunner().invoke(app, ["export", str(path), "--storage", str(storage), "--json"])
    assert json.loads(told.stdout) == {"trials": 30, "layers": 116, "files": [str(path)]}
    content = json.loads(path.read_text())
    assert content["study"]["objectives"] == ["latency_ms", "accuracy"]
    assert (content["study"]["recipe"], content["study"]["seed"]) == ({"epochs": 3}, 1)
    front = read_results(optuna.load_study(study_name=None, storage=f"sqlite:///{storage}")).front_numbers
    assert {trial["trial"] for trial in content["trials"] if trial["front"]} == front
    assert run(["study", "export", str(tmp_path / "none" / "out.csv"), "--storage", str(storage)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_second_look_has_columns(tmp_path: Path) -> None:
    study = build_marked_study(tmp_path / "study.db")
    add_second_look(study, {2: 0.87})
    rows = exported(read_results(study)).trials
    assert [row["refined_accuracy"] for row in rows] == [None, None, 0.87, None, None]
    assert [row["refined_test_accuracy_standard_error"] for row in rows] == [None, None, 0.005, None, None]


def test_marks_of_the_front_are_those_that_a_study_shows(tmp_path: Path) -> None:
    results = read_results(build_marked_study(tmp_path / "study.db"))
    rows = exported(results).trials
    shown = [trial_fields(results, trial) for trial in results.trials]
    for name in ("distinguishable", "front_mark"):
        assert [row[name] for row in rows] == [row[name] for row in shown]
    assert [row["distinguishable"] for row in rows] == [False, True, False, False, True]

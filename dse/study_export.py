"""A study as two tables, of its trials and of their layers, in files of CSV, JSON or Parquet, and read back.

JSON is one file, `{"study": ..., "trials": [...], "layers": [...]}`. CSV and Parquet are two: NAME.csv has the trials
and NAME.layers.csv the layers, which name their trial. Nothing is rounded. What is not known is null, in CSV an empty
cell.
"""

from __future__ import annotations

import csv
import importlib
import importlib.util
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from dse.accuracy_claims import front_mark, is_distinguishable
from dse.atomic_file import replace_file
from dse.design import DESIGN_FIELDS, Design
from dse.errors import DseError, UsageError
from dse.near_match import unknown_word
from dse.results import StudyResults, TrialResult
from dse.second_look_claims import refined_fields

FORMATS: Final = ("csv", "json", "parquet")

Row = dict[str, Any]

_MAPPINGS: Final = ("stalls", "ports")
"""Columns of layers that hold numbers by name: in CSV and Parquet, as JSON texts, as each row has other names."""


_COLUMNS: Final = {
    "int64": "trial layer accumulator clip input_size cycles products instructions",
    "bool_": "feasible front distinguishable refined_distinguishable",
    "string": "state overflow maps repairs front_mark reason refined_front_mark name shape bound tile stalls ports",
}
_TYPES: Final = {name: type_name for type_name, names in _COLUMNS.items() for name in names.split()}
"""Parquet's type of each column that holds other than floating-point numbers, also where a study knows none of it."""


@dataclass(frozen=True)
class ExportedStudy:
    """The two tables, and what the study is.

    Attributes:
        study: Name, network, data set, core, training, goal.
        trials: A row a trial, in the order of their numbers, all with the same columns.
        layers: A row for each layer of each trial, likewise.

    """

    study: Mapping[str, Any]
    trials: Sequence[Row]
    layers: Sequence[Row]


def exported(results: StudyResults) -> ExportedStudy:
    """Return the tables of a study: all its trials, in every state."""
    study = {
        "name": results.name,
        "network": results.network,
        "dataset": results.dataset,
        "core": results.core,
        "overrides": dict(results.overrides),
        "clock_hz": results.clock_hz,
        "recipe": dict(results.recipe),
        "seed": results.seed,
        "digests": dict(results.digests),
        "objectives": list(map(str, results.goal.objectives)),
        "constraints": list(map(str, results.goal.constraints)),
    }
    trials = [_trial_row(results, trial) for trial in results.trials]
    layers = [row for trial in results.trials for row in _layer_rows(trial)]
    return ExportedStudy(study, trials, layers)


def format_of(path: Path, asked: str | None) -> str:
    """Return the format asked for, or that of the file's name; raises UsageError where neither is one."""
    name = asked if asked is not None else path.suffix.removeprefix(".")
    if name not in FORMATS:
        where = f"format {name!r}" if asked is not None else f"{path}: ending {name!r}"
        raise UsageError(f"{where} {unknown_word(name, FORMATS)}")
    if name == "parquet" and importlib.util.find_spec("pyarrow") is None:
        raise UsageError("Parquet needs the package pyarrow: pip install pyarrow, or export CSV or JSON")
    return name


def write_export(study: ExportedStudy, path: Path, file_format: str) -> tuple[Path, ...]:
    """Write the tables and return the files; each is replaced at once.

    Raises DseError for a file that cannot be written.
    """
    if file_format == "json":
        text = json.dumps({"study": study.study, "trials": study.trials, "layers": study.layers}, indent=1)
        contents = {path: text.encode()}
    else:
        encode = _csv if file_format == "csv" else _parquet
        tables = ((path, study.trials), (layers_path(path), [_flat(row) for row in study.layers]))
        contents = {place: encode(rows) for place, rows in tables}
    for place, content in contents.items():
        try:
            replace_file(place, content)
        except OSError as error:
            raise DseError(f"{place}: {error.strerror}") from error
    return tuple(contents)


def layers_path(path: Path) -> Path:
    """Return the file of the layers beside that of the trials."""
    return path.with_name(f"{path.stem}.layers{path.suffix}")


def read_export(path: Path, file_format: str) -> tuple[list[Row], list[Row]]:
    """Return trials and layers of an export; CSV, which has no types, gives texts, and "" for what is not known."""
    if file_format == "json":
        content = json.loads(path.read_text(encoding="utf-8"))
        return content["trials"], content["layers"]
    read = _read_csv if file_format == "csv" else _read_parquet
    return read(path), [_nested(row) for row in read(layers_path(path))]


def _trial_row(results: StudyResults, trial: TrialResult) -> Row:
    """Return a trial; `front` and `feasible` are null where it has no result."""
    design = _design_row(trial.design)
    attributes = trial.attributes
    values = dict(zip(map(str, results.goal.objectives), trial.values or (), strict=False))
    measures = {str(measure): attributes.measures.get(str(measure)) for measure in results.further_measures}
    return {
        "trial": trial.number,
        "state": trial.state.name.lower(),
        **design,
        "latency_ms": trial.latency_ms,
        "accuracy": trial.accuracy,
        "accuracy_standard_error": attributes.accuracy_standard_error,
        "test_accuracy": attributes.test_accuracy,
        "test_accuracy_standard_error": attributes.test_accuracy_standard_error,
        "cycles": attributes.cycles,
        "train_seconds": attributes.train_seconds,
        **{name: values.get(name, value) for name, value in measures.items()},
        "feasible": trial.feasible if trial.complete else None,
        "front": trial.number in results.front_numbers if trial.complete else None,
        "distinguishable": is_distinguishable(results, trial),
        "front_mark": front_mark(results, trial),
        "reason": trial.reason,
        **refined_fields(results, trial),
    }


def _design_row(design: Design | None) -> Row:
    """Return a design, all null without one; what differs from layer to layer is null and stands with the layers."""
    values = {} if design is None else design.to_dict()
    return {name: None if isinstance(values.get(name), list) else values.get(name) for name in DESIGN_FIELDS}


def _layer_rows(trial: TrialResult) -> Iterator[Row]:
    layers, design = trial.attributes.layers, trial.design
    sums = [None] * len(layers) if design is None else design.layer_sums(len(layers))
    for number, (layer, one) in enumerate(zip(layers, sums, strict=True)):
        computed = {
            "accumulator": one and one.accumulator,
            "overflow": one and one.overflow.value,
            "clip": one and one.clip,
        }
        yield {"trial": trial.number, "layer": number, **asdict(layer), **computed}


def _flat(row: Row) -> Row:
    return row | {name: json.dumps(row[name]) for name in _MAPPINGS}


def _nested(row: Row) -> Row:
    return row | {name: json.loads(row[name]) for name in _MAPPINGS}


def _csv(rows: Sequence[Row]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _read_csv(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _parquet(rows: Sequence[Row]) -> bytes:
    pyarrow, parquet = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    buffer = pyarrow.BufferOutputStream()
    columns = rows[0] if rows else ()
    schema = pyarrow.schema([(name, getattr(pyarrow, _TYPES.get(name, "float64"))()) for name in columns])
    parquet.write_table(pyarrow.Table.from_pylist(list(rows), schema), buffer)
    return bytes(buffer.getvalue().to_pybytes())


def _read_parquet(path: Path) -> list[Row]:
    parquet = importlib.import_module("pyarrow.parquet")
    rows: list[Row] = parquet.read_table(path).to_pylist()
    return rows

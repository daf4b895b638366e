"""`dse study export`: all trials of a study as tables, or the design of one as a folder that builds on a board."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from dse.cli.open_study import open_study
from dse.cli.options import (
    DEFAULT_STORAGE,
    CacheOption,
    DataDir,
    Debug,
    Json,
    StorageOption,
    StudyName,
    Weights,
    cache_directory,
    check_writable,
)

DEFAULT_IMAGES = 8


def export(
    target: Annotated[
        Path,
        typer.Argument(help="FILE.csv, FILE.json or FILE.parquet; with --design a folder, new or empty."),
    ],
    storage: StorageOption = DEFAULT_STORAGE,
    name: StudyName = None,
    file_format: Annotated[
        str | None, typer.Option("--format", help="csv, json or parquet (default: as the file's name ends).")
    ] = None,
    design: Annotated[
        int | None,
        typer.Option("--design", min=0, metavar="TRIAL", help="Write this trial's design instead, for a board."),
    ] = None,
    images: Annotated[
        int | None, typer.Option(min=1, help=f"Of a design: test images with outputs (default: {DEFAULT_IMAGES}).")
    ] = None,
    weights: Weights = None,
    data_dir: DataDir = None,
    cache: CacheOption = None,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Write all trials of a study and their layers: one JSON file, or two tables of CSV or Parquet.

    With --design, write a trained design as assembly, C and a test vector, with a Makefile: what is taken to a board.
    """
    if design is None:
        _refuse_without_design({"--weights": weights, "--images": images, "--data-dir": data_dir})
        _export_trials(target, storage, name, file_format, as_json=as_json)
        return
    if file_format is not None:
        from dse.errors import UsageError

        raise UsageError("--format is for tables of trials: leave it out, or leave out --design")
    from dse.cache import EvaluationCache
    from dse.cli.progress import count_status
    from dse.export.trial_export import export_trial

    images = images or DEFAULT_IMAGES
    study = open_study(storage, name)
    with count_status(f"exporting design {design}", images) as progress:
        evaluations = EvaluationCache(cache_directory(cache))
        report = export_trial(study, design, target, images, data_dir, evaluations, progress, weights)
    if as_json:
        typer.echo(json.dumps(asdict(report)))
        return
    typer.echo(
        f"design {design} in {target}: {report.files} files, {report.bytes:,} bytes, {report.kernels} kernels for "
        f"{report.layers} binary layers, {report.images} test images; make check builds it and checks it"
    )


def _refuse_without_design(options: Mapping[str, object]) -> None:
    if (given := next((option for option, value in options.items() if value is not None), None)) is not None:
        from dse.errors import UsageError

        raise UsageError(f"{given} is for a design: give --design too")


def _export_trials(file: Path, storage: str, name: str | None, file_format: str | None, *, as_json: bool) -> None:
    from dse.study_export import exported, format_of, layers_path, write_export

    chosen = format_of(file, file_format)
    for path in (file, layers_path(file)):
        check_writable(path, storage)
    from dse.study_reader import read_results

    study = exported(read_results(open_study(storage, name)))
    files = write_export(study, file, chosen)
    if as_json:
        done = {"trials": len(study.trials), "layers": len(study.layers), "files": list(map(str, files))}
        typer.echo(json.dumps(done))
        return
    typer.echo(f"{len(study.trials)} trials, {len(study.layers)} layers in {' and '.join(map(str, files))}")

"""`dse study export-design`: write a trial's design as a folder that builds and checks itself on a board."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from dse.cli.options import (
    DEFAULT_STORAGE,
    CacheOption,
    DataDir,
    Debug,
    Json,
    StorageOption,
    StudyName,
    cache_directory,
)

DEFAULT_IMAGES = 8


def export_design(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to write; new or empty.")],
    design: Annotated[int, typer.Option("--design", min=0, metavar="TRIAL", help="Number of the design's trial.")],
    storage: StorageOption = DEFAULT_STORAGE,
    name: StudyName = None,
    images: Annotated[int, typer.Option(min=1, help="Test images with expected outputs.")] = DEFAULT_IMAGES,
    data_dir: DataDir = None,
    cache: CacheOption = None,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Write a trained design as assembly, C and a test vector, with a Makefile: what is taken to a board."""
    import optuna

    from dse.cache import EvaluationCache
    from dse.cli.progress import count_status
    from dse.export.trial_export import export_trial
    from dse.storage import StudyStorage

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = StudyStorage(storage, must_exist=True).open(name)
    with count_status(f"exporting design {design}", images) as progress:
        evaluations = EvaluationCache(cache_directory(cache))
        report = export_trial(study, design, folder, images, data_dir, evaluations, progress)
    if as_json:
        typer.echo(json.dumps(asdict(report)))
        return
    typer.echo(
        f"design {design} in {folder}: {report.files} files, {report.bytes:,} bytes, {report.kernels} kernels for "
        f"{report.layers} binary layers, {report.images} test images; make check builds it and checks it"
    )

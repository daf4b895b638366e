"""`dse verify`: run a trial's trained network on the emulated kernels and compare it with the trained one."""

from __future__ import annotations

import json
from dataclasses import asdict
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
    Weights,
    cache_directory,
)


def verify(
    trial: Annotated[int, typer.Option("--trial", min=0, help="Number of the trial.")],
    storage: StorageOption = DEFAULT_STORAGE,
    name: StudyName = None,
    images: Annotated[int, typer.Option(min=1, help="Test images to run.")] = 200,
    weights: Weights = None,
    data_dir: DataDir = None,
    cache: CacheOption = None,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Check that the emulated kernels classify test images exactly as the trained network does."""
    from dse.cache import EvaluationCache
    from dse.cli.progress import count_status
    from dse.errors import VerificationError
    from dse.storage import StudyStorage
    from dse.trial_verification import verify_trial

    study = StudyStorage(storage, must_exist=True).open(name)
    with count_status(f"verifying trial {trial}", images) as progress:
        evaluations = EvaluationCache(cache_directory(cache))
        report = verify_trial(study, trial, images, data_dir, evaluations, progress, weights)
    if as_json:
        typer.echo(json.dumps(asdict(report)))
    if not report.identical:
        raise VerificationError(
            f"trial {trial}: {report.differing_outputs} of {report.outputs} outputs and {report.differing_classes} of "
            f"{report.images} classes differ between the emulated kernels and the trained network"
        )
    if not as_json:
        typer.echo(
            f"trial {trial}: {report.images} images through {report.layers} binary layers in the emulator, all "
            f"{report.outputs:,} outputs and every class equal the trained network's"
        )

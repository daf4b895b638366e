"""`dse study refine`: a second, longer look at the designs on a study's front."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from dse.cli.open_study import quieten_libraries
from dse.cli.options import (
    DEFAULT_STORAGE,
    CacheOption,
    DataDir,
    Debug,
    Json,
    OutputFormat,
    StorageArgument,
    StudyName,
    cache_directory,
)
from dse.cli.study_results import print_results
from dse.cli.train_options import Epochs, Settings, TrainImages
from dse.seed import LARGEST_SEED

DEFAULT_SEEDS = 1
"""Trainings of a design: the number of images, which seeds do not multiply, is the larger part of the error, so that a
second one takes as long again and shrinks it by a twentieth (0.64 to 0.61 points where 3,500 images judge)."""


def refine(
    storage: StorageArgument = DEFAULT_STORAGE,
    name: StudyName = None,
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each design, of one seed each.")] = DEFAULT_SEEDS,
    recipe: Annotated[
        str | None,
        typer.Option(
            "--recipe",
            help="quick, full, or a TOML file with a recipe's fields (default: three times as long as in the search).",
        ),
    ] = None,
    epochs: Epochs = None,
    train_images: TrainImages = None,
    settings: Settings = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, max=LARGEST_SEED, help="First seed (default: the one behind the study's)."),
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="Processes of this machine that train designs.")] = 1,
    data_dir: DataDir = None,
    cache: CacheOption = None,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Train the front's designs and the conventional one longer; run again, it goes on where it stopped.

    What it finds is kept with the study, beside the accuracies of the search, and shown by all that shows the study.
    """
    from dse.cli.train_progress import trainings_progress
    from dse.local_workers import worker_environment
    from dse.refining import RefineSettings, refine_study
    from dse.storage import display_name
    from dse.training.recipes import load_recipe, parse_settings

    given = {"epochs": epochs, "train_images": train_images}
    changes = {field: value for field, value in given.items() if value is not None} | parse_settings(settings or [])
    asked = RefineSettings(
        storage=storage,
        name=name,
        seeds=seeds,
        cache=cache_directory(cache),
        recipe=None if recipe is None else load_recipe(recipe),
        changes=changes,
        first_seed=seed,
        data_dir=data_dir,
        jobs=jobs,
    )
    if jobs > 1:
        os.environ.update(worker_environment(jobs))  # before PyTorch is imported, here and in the other processes
    quieten_libraries()
    with trainings_progress(
        f"second look at the front, storage {display_name(storage)}", to_stderr=as_json
    ) as progress:
        study = refine_study(asked, progress)
    print_results(study, OutputFormat.JSON if as_json else OutputFormat.TABLE, all_trials=False)

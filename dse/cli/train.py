"""`dse train`: train one network, or one change to it at a time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dse.cli.design_options import (
    Accumulator,
    Clip,
    DatasetName,
    DepthFactor,
    DesignOptions,
    InputSize,
    Maps,
    NetworkToTrain,
    OverflowPolicy,
    TrialNumber,
    WidthFactor,
    subject_of_options,
)
from dse.cli.network_options import RepairOptions
from dse.cli.options import (
    DEFAULT_CORE,
    DEFAULT_STORAGE,
    CacheOption,
    CoreName,
    DataDir,
    Debug,
    Json,
    Overrides,
    StorageOption,
    StudyName,
    cache_directory,
    check_writable,
    parse_overrides,
)
from dse.cli.train_options import (
    Augment,
    DeviceName,
    Distil,
    Epochs,
    OptimiserName,
    RecipeName,
    Settings,
    Stages,
    Teacher,
    TrainImages,
    recipe_of_options,
    with_teacher,
)
from dse.seed import LARGEST_SEED

if TYPE_CHECKING:
    from dse.ablation import Ablation
    from dse.train_launch import SeedsResult

ABLATIONS = ("repairs",)


def train(
    network: NetworkToTrain = None,
    width: WidthFactor = None,
    depth: DepthFactor = None,
    input_size: InputSize = None,
    maps: Maps = None,
    repairs: RepairOptions = None,
    dataset: DatasetName = None,
    accumulator: Accumulator = None,
    overflow: OverflowPolicy = None,
    clip: Clip = None,
    trial: TrialNumber = None,
    storage: StorageOption = DEFAULT_STORAGE,
    name: StudyName = None,
    data_dir: DataDir = None,
    download: Annotated[bool, typer.Option("--download", help="Fetch missing files of the data set.")] = False,
    recipe: RecipeName = "quick",
    epochs: Epochs = None,
    train_images: TrainImages = None,
    augment: Augment = False,
    stages: Stages = None,
    optimiser: OptimiserName = None,
    settings: Settings = None,
    distil: Distil = False,
    teacher: Teacher = None,
    device: DeviceName = "cpu",
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="First seed.")] = 0,
    seeds: Annotated[int, typer.Option(min=1, help="How many trainings, of one seed each.")] = 1,
    ablate: Annotated[
        str | None, typer.Option(help="repairs: also change one repair at a time, and compare.", metavar="repairs")
    ] = None,
    core: CoreName = DEFAULT_CORE,
    override: Overrides = None,
    save: Annotated[
        Path | None, typer.Option("--save", help="Write the weights here: of the seed that validates best.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the table of --ablate here.")] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="Folder for the training under way (default: in the cache).")
    ] = None,
    restart: Annotated[bool, typer.Option("--restart", help="Start anew what was interrupted.")] = False,
    cache: CacheOption = None,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Train a network in the arithmetic of a kernel and judge it; run again, it goes on where it stopped.

    Trainings are kept in the evaluation cache, so that the same command later only shows them.
    """
    _check_options(ablate, save, output, storage)
    parts = DesignOptions(network, width, depth, input_size, maps, repairs, dataset, accumulator, overflow, clip)
    subject = subject_of_options(parts, trial, storage, name)

    from dse.cache import EvaluationCache
    from dse.data import dataset_names
    from dse.training.device import choose_device
    from isa_models.core import load_core

    where = choose_device(device)
    loaded_core = load_core(core, parse_overrides(override))
    augmented = subject.dataset if augment and subject.dataset in dataset_names() else None  # else refused below
    plain = recipe_of_options(recipe, epochs, train_images, stages, optimiser, settings, augmented)
    images = subject.load(data_dir, download)
    taught, loaded_teacher = with_teacher(plain, distil, teacher)

    from dse.cli.train_progress import trainings_progress
    from dse.train_launch import TrainSettings, ablate_repairs, train_seeds

    asked = TrainSettings(
        network=subject.network,
        design=subject.design,
        dataset=images,
        recipe=taught,
        seeds=range(seed, seed + seeds),
        cache=EvaluationCache(cache_directory(cache)),
        teacher=loaded_teacher,
        checkpoints=checkpoint,
        restart=restart,
        device=where,
    )
    if ablate is not None:
        with trainings_progress(asked.title, to_stderr=as_json) as progress:
            table = ablate_repairs(asked, loaded_core, progress)
        _show_ablation(table, output, as_json)
        return
    with trainings_progress(asked.title, to_stderr=as_json) as progress:
        trained = train_seeds(asked, progress)
    if save is not None:
        _save(trained, save)
    _show(trained, save, as_json)


def _check_options(ablate: str | None, save: Path | None, output: Path | None, storage: str) -> None:
    """Raise UsageError for options that do not go together, before the work."""
    from dse.errors import UsageError

    if ablate is not None and ablate not in ABLATIONS:
        raise UsageError(f"--ablate {ablate!r} is unknown; known: {', '.join(ABLATIONS)}")
    if ablate is not None and save is not None:
        raise UsageError("--save keeps one network, and --ablate trains many: leave one of them out")
    if ablate is None and output is not None:
        raise UsageError("--output takes the table of --ablate: give both, or --save for weights")
    for path in (save, output):
        if path is not None:
            check_writable(path, storage)


def _save(trained: SeedsResult, path: Path) -> None:
    """Write the weights of the seed that validates best, whole or not at all."""
    from dse.atomic_file import replace_file

    replace_file(path, trained.best_weights())


def _show(trained: SeedsResult, saved: Path | None, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(trained.to_json(), indent=2))
        return
    count = len(trained.trainings)
    seeds = f", mean of {count} seeds" if count > 1 else ""
    typer.echo(f"validation accuracy {trained.accuracy.percent} %, test {trained.test_accuracy.percent} %{seeds}")
    if saved is not None:
        of = f" of seed {trained.settings.seeds[trained.best]}" if count > 1 else ""
        typer.echo(f"weights{of} in {saved}")


def _show_ablation(table: Ablation, output: Path | None, as_json: bool) -> None:
    from dse.cli.ablation_text import ablation_markdown, ablation_table

    if output is not None:
        output.write_text(ablation_markdown(table), encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(table.to_json(), indent=2))
        return
    from dse.cli.tables import print_table

    print_table(ablation_table(table))
    if output is not None:
        typer.echo(f"table in {output}")

"""`dse study`: run a search, show its front, write its report."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dse.cli.options import (
    DEFAULT_CORE,
    DEFAULT_STORAGE,
    DEFAULT_STUDY,
    CacheOption,
    DataDir,
    Debug,
    Format,
    Json,
    OutputFormat,
    Overrides,
    StorageArgument,
    StorageOption,
    StudyName,
    cache_directory,
    check_writable,
    parse_numbers,
    parse_overrides,
)

if TYPE_CHECKING:
    import optuna

app = typer.Typer(help="Search designs and show what was found.", no_args_is_help=True)

DEFAULT_TRIALS = 40


@app.command()
def run(
    storage: StorageOption = DEFAULT_STORAGE,
    name: Annotated[str, typer.Option(help="Name of the study in the storage.")] = DEFAULT_STUDY,
    core: Annotated[str, typer.Option(help="Core to time on: a name (dse core list) or a YAML file.")] = DEFAULT_CORE,
    override: Overrides = None,
    network: Annotated[str, typer.Option(help="Network to explore (dse network list).")] = "tiny",
    dataset: Annotated[
        str,
        typer.Option(
            help="Images to train on: fashion-mnist-small, fashion-mnist, cifar10, cifar100, or image-folder for your "
            "own (image-folder-64 for 64x64 pixels instead of 32x32)."
        ),
    ] = "fashion-mnist-small",
    data_dir: DataDir = None,
    download: Annotated[bool, typer.Option("--download", help="Fetch missing files of the data set.")] = False,
    trials: Annotated[
        int, typer.Option(min=1, help="Designs to evaluate in all, earlier runs included.")
    ] = DEFAULT_TRIALS,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the search and of the trainings.")] = 0,
    epochs: Annotated[
        int | None,
        typer.Option(min=1, help="Train each design from scratch for so many epochs instead of the quick run."),
    ] = None,
    train_images: Annotated[
        int | None, typer.Option(min=1, help="Train each design from scratch, on the first so many images only.")
    ] = None,
    widths: Annotated[
        str | None, typer.Option(help="Width multipliers to search, such as 0.5,1,2; 1 must be among them.")
    ] = None,
    train_all: Annotated[
        bool,
        typer.Option("--train-all", help="Train every design, also those that could hardly reach the front."),
    ] = False,
    accuracy_at_most: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="An accuracy, 0 to 1, that no design exceeds: spares trainings."),
    ] = None,
    cache: CacheOption = None,
    report: Annotated[Path, typer.Option(help="Where to write the report.")] = Path("report.html"),
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Search for the fastest and most accurate designs; run again, it continues where it stopped."""
    check_writable(report)
    from dse.cli.progress import study_progress
    from dse.launch import StudySettings, run_study
    from dse.training.quick_recipe import QuickRecipe
    from dse.training.recipe import Recipe

    scratch = Recipe()
    settings = StudySettings(
        storage=storage,
        name=name,
        core=core,
        overrides=parse_overrides(override),
        network=network,
        dataset=dataset,
        data_dir=data_dir,
        download=download,
        recipe=QuickRecipe()
        if epochs is None and train_images is None
        else Recipe(epochs=epochs or scratch.epochs, train_images=train_images),
        trials=trials,
        seed=seed,
        cache=cache_directory(cache),
        widths=parse_numbers("--widths", widths),
        train_all=train_all,
        accuracy_at_most=accuracy_at_most,
    )
    _quieten_libraries()
    title = f"{name}: {network} on {dataset}, {core}, storage {storage}"
    with study_progress(title, to_stderr=as_json) as progress:
        study = run_study(settings, progress)
    _write_report(study, report)
    _print_results(study, OutputFormat.JSON if as_json else OutputFormat.TABLE, all_trials=False)
    if not as_json:
        typer.echo(f"study in {storage}, report in {report}")


@app.command()
def show(
    storage: StorageArgument = DEFAULT_STORAGE,
    name: StudyName = None,
    output_format: Format = OutputFormat.TABLE,
    all_trials: Annotated[bool, typer.Option("--all", help="Show every trial instead of the Pareto front.")] = False,
    trial: Annotated[int | None, typer.Option(min=0, help="Show the layers of this trial, with their tiles.")] = None,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Show a study's Pareto front, all its trials, or the layers of one."""
    if trial is None:
        _print_results(_open(storage, name), output_format, all_trials=all_trials)
    else:
        _print_layers(_open(storage, name), trial, output_format)


@app.command()
def report(
    storage: StorageArgument = DEFAULT_STORAGE,
    name: StudyName = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write the report.")] = Path("report.html"),
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Write a study as one self-contained HTML file."""
    check_writable(output)
    _write_report(_open(storage, name), output)
    typer.echo(f"report in {output}")


def _open(storage: str, name: str | None) -> optuna.Study:
    from dse.storage import StudyStorage

    _quieten_libraries()
    return StudyStorage(storage, must_exist=True).open(name)


def _print_results(study: optuna.Study, output_format: OutputFormat, *, all_trials: bool) -> None:
    from dse.results import read_results

    results = read_results(study)
    trials = results.trials if all_trials else results.front
    if output_format is OutputFormat.TABLE:
        from dse.cli.tables import front_notes, front_table, print_table, trials_table

        print_table(trials_table(results) if all_trials else front_table(results))
        for note in front_notes(results):
            typer.echo(note)
        return
    from dse.cli.serialise import results_json, write_csv

    if output_format is OutputFormat.JSON:
        typer.echo(results_json(results, trials))
    else:
        write_csv(results, trials, sys.stdout)


def _print_layers(study: optuna.Study, number: int, output_format: OutputFormat) -> None:
    from dse.errors import UsageError
    from dse.results import read_results

    trial = read_results(study).trial(number)
    if trial is None or not trial.attributes.layers:
        raise UsageError(f"study {study.study_name!r} has no trial {number} with timed layers: see --all")
    if output_format is OutputFormat.TABLE:
        from dse.cli.tables import layers_table, print_table

        print_table(layers_table(trial))
        return
    from dse.cli.serialise import layers_json, write_layers_csv

    if output_format is OutputFormat.JSON:
        typer.echo(layers_json(trial))
    else:
        write_layers_csv(trial, sys.stdout)


def _write_report(study: optuna.Study, path: Path) -> None:
    from dse.report import write_report

    write_report(study, path)


def _quieten_libraries() -> None:
    """Keep Optuna's log lines off the screen: results and errors are this program's to tell."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)

"""`dse study`: run a search, show its front, write its report."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dse.cli.open_study import open_study, quieten_libraries
from dse.cli.options import (
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
from dse.cli.study_export import export
from dse.cli.study_options import (
    AccuracyAtMost,
    Constraints,
    CoreToTime,
    DatasetToTrainOn,
    Enqueue,
    Epochs,
    NetworkToExplore,
    Objectives,
    SamplerName,
    Seed,
    Settings,
    TrainAll,
    TrainImages,
    Trials,
    UntilStalled,
    Widths,
    given,
    recipe_settings,
    spec_settings,
)
from dse.cli.study_refine import refine
from dse.cli.study_results import print_results

if TYPE_CHECKING:
    import optuna

app = typer.Typer(help="Search designs and show what was found.", no_args_is_help=True)

DEFAULT_SPEC = Path("study.toml")


@app.command()
def init(
    file: Annotated[Path, typer.Argument(help="Where to write the spec.", show_default=True)] = DEFAULT_SPEC,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Write the default spec of a study, with a comment on each line, to be changed and run with --spec."""
    from dse.spec_file import write_spec

    write_spec(file)
    typer.echo(f"spec in {file}: change it, then run dse study run --spec {file}")


@app.command()
def run(
    spec: Annotated[
        Path | None, typer.Option(help="TOML file with the study's settings (dse study init); options override it.")
    ] = None,
    storage: StorageOption = DEFAULT_STORAGE,
    name: Annotated[str, typer.Option(help="Name of the study in the storage.")] = DEFAULT_STUDY,
    core: CoreToTime = None,
    override: Overrides = None,
    network: NetworkToExplore = None,
    dataset: DatasetToTrainOn = None,
    data_dir: DataDir = None,
    download: Annotated[bool, typer.Option("--download", help="Fetch missing files of the data set.")] = False,
    objective: Objectives = None,
    constraint: Constraints = None,
    trials: Trials = None,
    until_stalled: UntilStalled = None,
    seed: Seed = None,
    epochs: Epochs = None,
    train_images: TrainImages = None,
    widths: Widths = None,
    sampler: SamplerName = None,
    enqueue: Enqueue = None,
    train_all: TrainAll = None,
    accuracy_at_most: AccuracyAtMost = None,
    settings: Settings = None,
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="Processes of this machine that evaluate designs.")] = 1,
    cache: CacheOption = None,
    report: Annotated[Path, typer.Option(help="Where to write the report.")] = Path("report.html"),
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Search for the fastest and most accurate designs; run again, it continues where it stopped."""
    check_writable(report, storage)
    from dse.spec_file import load_spec

    options = {
        **given("--core", "core", core),
        **given("--override", "overrides", parse_overrides(override) or None),
        **given("--network", "network", network),
        **given("--dataset", "dataset", dataset),
        **given("--data-dir", "data_dir", None if data_dir is None else str(data_dir)),
        **given("--objective", "objectives", objective or None),
        **given("--constraint", "constraints", constraint or None),
        **given("--trials", "trials", trials),
        **given("--until-stalled", "until_stalled", until_stalled),
        **given("--seed", "seed", seed),
        **recipe_settings(epochs, train_images),
        **given("--widths", "parameters.widths", parse_numbers("--widths", widths)),
        **given("--sampler", "sampler", sampler),
        **given("--enqueue", "enqueue", enqueue or None),
        **given("--train-all", "train_all", train_all),
        **given("--accuracy-at-most", "accuracy_at_most", accuracy_at_most),
        **spec_settings(settings),
    }
    asked = load_spec(spec, options)

    from dse.cli.progress import study_progress
    from dse.launch import StudySettings, run_study
    from dse.storage import display_name

    quieten_libraries()
    title = f"{name}: {asked.network} on {asked.dataset}, {asked.core}, storage {display_name(storage)}"
    with study_progress(title, to_stderr=as_json) as progress:
        study = run_study(StudySettings(storage, name, asked, cache_directory(cache), download, jobs), progress)
    _write_report(study, report)
    print_results(study, OutputFormat.JSON if as_json else OutputFormat.TABLE, all_trials=False)
    if not as_json:
        typer.echo(f"study in {display_name(storage)}, report in {report}")


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
        print_results(open_study(storage, name), output_format, all_trials=all_trials)
    else:
        _print_layers(open_study(storage, name), trial, output_format)


@app.command()
def report(
    storage: StorageArgument = DEFAULT_STORAGE,
    name: StudyName = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write the report.")] = Path("report.html"),
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Write a study as one self-contained HTML file."""
    check_writable(output, storage)
    _write_report(open_study(storage, name), output)
    typer.echo(f"report in {output}")


@app.command()
def compare(
    storage: StorageArgument = DEFAULT_STORAGE,
    other: Annotated[
        str | None, typer.Argument(help="Storage of the second study; left out: the same.", metavar="OTHER")
    ] = None,
    name: StudyName = None,
    other_name: Annotated[
        str | None, typer.Option("--other-name", help="Name of the second study (default: as the first).")
    ] = None,
    trials: Annotated[
        str | None, typer.Option("--trials", help="Compare a trial of each, such as 0,7, instead of the studies.")
    ] = None,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Show two studies or two trials side by side; accuracies differ only where that is shown."""
    from dse.comparison import compare_studies, compare_trials
    from dse.errors import UsageError
    from dse.study_reader import read_results

    if other is None and other_name is None and trials is None:
        raise UsageError("compare: give two studies (OTHER or --other-name), or two trials of one, as --trials 0,7")
    numbers = _pair(trials)
    first = read_results(open_study(storage, name))
    second = read_results(open_study(other or storage, other_name or (name if other is None else None)))
    if numbers is None:
        lines = compare_studies(first, second)
    else:
        lines = compare_trials((first, numbers[0]), (second, numbers[1]))
    if as_json:
        import json
        from dataclasses import asdict

        typer.echo(json.dumps(list(map(asdict, lines)), indent=2))
        return
    from dse.cli.tables import comparison_table, print_table

    print_table(comparison_table(lines))


def _pair(text: str | None) -> tuple[int, int] | None:
    """Return two numbers of trials; raises UsageError for anything else."""
    from dse.errors import UsageError

    if text is None:
        return None
    first, _, second = text.partition(",")
    if not (first.isdecimal() and second.isdecimal()):
        raise UsageError(f"--trials {text!r}: write two numbers, such as 0,7")
    return int(first), int(second)


app.command("export")(export)
app.command("refine")(refine)


def _print_layers(study: optuna.Study, number: int, output_format: OutputFormat) -> None:
    from dse.errors import UsageError
    from dse.study_reader import read_results

    results = read_results(study)
    trial = results.trial(number)
    if trial is None or not trial.attributes.layers:
        raise UsageError(f"study {study.study_name!r} has no trial {number} with timed layers: see --all")
    if output_format is OutputFormat.TABLE:
        from dse.cli.tables import layers_table, print_table, twins_table

        print_table(layers_table(trial))
        if trial.complete and trial.stands_for:
            print_table(twins_table(results, trial))
        return
    from dse.cli.serialise import layers_json, write_layers_csv

    if output_format is OutputFormat.JSON:
        typer.echo(layers_json(trial))
    else:
        write_layers_csv(trial, sys.stdout)


def _write_report(study: optuna.Study, path: Path) -> None:
    from dse.report import write_report

    write_report(study, path)

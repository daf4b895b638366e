"""The options of `dse study run` that say what a study is about, and the keys of its spec that they set."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from dse.seed import LARGEST_SEED

Options = dict[str, tuple[str, Any]]
"""For each key of the spec that an option sets, by dotted path: the option's name and the value."""

CoreToTime = Annotated[
    str | None,
    typer.Option("--core", help="Core to time on: a name (dse core list) or a YAML file (default: cortex-a72)."),
]
NetworkToExplore = Annotated[
    str | None, typer.Option("--network", help="Network to explore (dse network list; default: tiny).")
]
DatasetToTrainOn = Annotated[
    str | None,
    typer.Option(
        "--dataset",
        help="Images to train on: fashion-mnist-small (default), fashion-mnist, cifar10, cifar100, or image-folder for "
        "your own (image-folder-64 for 64x64 pixels instead of 32x32).",
    ),
]
Trials = Annotated[
    int | None,
    typer.Option("--trials", min=1, help="Designs to evaluate in all, earlier runs included (default: 40)."),
]
Seed = Annotated[
    int | None,
    typer.Option("--seed", min=0, max=LARGEST_SEED, help="Seed of the search and of the trainings (default: 0)."),
]
Epochs = Annotated[
    int | None,
    typer.Option("--epochs", min=1, help="Train each design from scratch for so many epochs instead of the quick run."),
]
TrainImages = Annotated[
    int | None,
    typer.Option("--train-images", min=1, help="Train each design from scratch, on the first so many images only."),
]
Widths = Annotated[
    str | None,
    typer.Option("--widths", help="Width multipliers to search, such as 0.5,1,2; 1 must be among them."),
]
Objectives = Annotated[
    list[str] | None,
    typer.Option(
        "--objective",
        help="What to optimise, two or more: latency_ms, latency_ms@CORE, accuracy, memory_bytes, weight_bytes, "
        "code_bytes (default: latency_ms and accuracy); repeatable.",
    ),
]
Constraints = Annotated[
    list[str] | None,
    typer.Option("--constraint", help="What designs must keep, such as 'latency_ms <= 20'; repeatable."),
]
UntilStalled = Annotated[
    int | None,
    typer.Option(
        "--until-stalled", min=1, help="Stop after so many complete trials without hypervolume gained.", metavar="N"
    ),
]
TrainAll = Annotated[
    bool | None,
    typer.Option(
        "--train-all/--no-train-all", help="Train every design, also those that could hardly reach the front."
    ),
]
AccuracyAtMost = Annotated[
    float | None,
    typer.Option(
        "--accuracy-at-most", min=0, max=1, help="An accuracy, 0 to 1, that no design exceeds: spares trainings."
    ),
]
SamplerName = Annotated[
    str | None,
    typer.Option("--sampler", help="What proposes designs: tpe (default), nsga2, nsga3, gp, random or grid."),
]
Enqueue = Annotated[
    list[str] | None,
    typer.Option(
        "--enqueue",
        help="Evaluate a known design early: a text such as 'accumulator=8 clip=31', or a file of them; repeatable.",
        metavar="FILE|TEXT",
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", help="Any other key of the spec, such as parameters.clips=[0,31] (dse study init); repeatable."
    ),
]


def given(option: str, key: str, value: Any) -> Options:
    """Return what an option sets: nothing where it was left out."""
    return {} if value is None else {key: (option, value)}


def recipe_settings(epochs: int | None, train_images: int | None) -> Options:
    """Return what --epochs and --train-images set: each asks for a training from scratch."""
    kind = given("--epochs", "recipe.kind", "scratch" if (epochs, train_images) != (None, None) else None)
    return {
        **kind,
        **given("--epochs", "recipe.scratch.epochs", epochs),
        **given("--train-images", "recipe.scratch.train_images", train_images),
    }


def spec_settings(settings: list[str] | None) -> Options:
    """Return what --set options set; raises UsageError for one that is not KEY=VALUE, or given twice."""
    from dse.training.recipes import parse_settings

    return {key: (f"--set {key}", value) for key, value in parse_settings(settings or []).items()}

"""What the accuracy benchmark measures: which trainings it needs, and the rows of its table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from benchmarks.accuracy_designs import ARITHMETICS, end_values
from benchmarks.accuracy_jobs import Trained, Trainings
from benchmarks.accuracy_recipes import NamedRecipe, recipes, truth
from benchmarks.rank_statistics import Agreement, agreement, agreement_between, seed_deviation
from dse.data import Dataset
from dse.networks import Network


@dataclass(frozen=True, slots=True)
class RecipeRow:
    """A recipe on a data set.

    Attributes:
        name: Of the recipe.
        seconds: CPU seconds a design, validation included; mean over designs and seeds.
        start_seconds: CPU seconds of what the designs share; mean over seeds.
        agreement: With the truth.
        seeds: How many.
        deviation: Of an accuracy from seed to seed, 0 to 1; None of one seed.
        accuracies: Of each design, mean over seeds.

    """

    name: str
    seconds: float
    start_seconds: float
    agreement: Agreement
    seeds: int
    deviation: float | None
    accuracies: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class DatasetResults:
    """A data set's table.

    Attributes:
        dataset: Its name.
        designs: Names of the arithmetics.
        truth: Accuracy of each after the long training, mean over seeds.
        truth_seconds: CPU seconds of a long training.
        truth_deviation: Of a true accuracy from seed to seed; None of one seed.
        truth_tau: Of the true order of one seed against that of the others; None of one seed.
        truth_images: Training images that the long training looks at.
        held_out: Images that judge the truth.
        truth_seeds: Seeds of the long training.
        rows: The recipes.

    """

    dataset: str
    designs: tuple[str, ...]
    truth: tuple[float, ...]
    truth_seconds: float
    truth_deviation: float | None
    truth_tau: float | None
    truth_images: int
    held_out: int
    truth_seeds: int
    rows: tuple[RecipeRow, ...]


def train_seed(
    trainings: Trainings, network: Network, dataset: Dataset, designs: Sequence[str], seed: int, seeds: int
) -> None:
    """Do every training of one seed that is not stored yet, where recipes have `seeds` seeds, and some more."""
    for named in _all_recipes(dataset):
        if seed < seeds * named.seeds_factor:
            _seed_row(trainings, network, named, designs, seed)


def collect(
    trainings: Trainings, network: Network, dataset: Dataset, designs: Sequence[str], seeds: int
) -> DatasetResults:
    """Return the table of the trainings of that many seeds, from 0, or of more where a recipe has more.

    Those that are not stored are done now.
    """
    long, *short = _all_recipes(dataset)
    true_runs = _runs(trainings, network, long, designs, seeds)
    true_accuracies = [[trained.all_accuracy for trained in run] for run in true_runs]
    true_means = tuple(map(fmean, zip(*true_accuracies, strict=True)))
    return DatasetResults(
        dataset=dataset.name,
        designs=tuple(designs),
        truth=true_means,
        truth_seconds=fmean(trained.seconds for run in true_runs for trained in run),
        truth_deviation=seed_deviation(true_accuracies),
        truth_tau=agreement_between(true_accuracies),
        truth_images=long.recipe.design.images,
        held_out=len(dataset.validation) + len(dataset.test),
        truth_seeds=len(true_runs),
        rows=tuple(_row(trainings, network, named, designs, seeds, true_means) for named in short),
    )


def _row(
    trainings: Trainings,
    network: Network,
    named: NamedRecipe,
    designs: Sequence[str],
    seeds: int,
    true_accuracies: Sequence[float],
) -> RecipeRow:
    runs = _runs(trainings, network, named, designs, seeds)
    accuracies = [[trained.accuracy for trained in run] for run in runs]
    return RecipeRow(
        name=named.name,
        seconds=fmean(trained.seconds for run in runs for trained in run),
        start_seconds=fmean(trainings.start(named.recipe, seed).seconds for seed in range(len(runs))),
        agreement=agreement(accuracies, true_accuracies),
        seeds=len(runs),
        deviation=seed_deviation(accuracies),
        accuracies=tuple(map(fmean, zip(*accuracies, strict=True))),
    )


def _runs(
    trainings: Trainings, network: Network, named: NamedRecipe, designs: Sequence[str], seeds: int
) -> list[list[Trained]]:
    return [_seed_row(trainings, network, named, designs, seed) for seed in range(seeds * named.seeds_factor)]


def _seed_row(
    trainings: Trainings, network: Network, named: NamedRecipe, designs: Sequence[str], seed: int
) -> list[Trained]:
    return [
        trainings.design(f"{named.name}: {design}", named.recipe, end_values(ARITHMETICS[design], network), seed)
        for design in designs
    ]


def _all_recipes(dataset: Dataset) -> tuple[NamedRecipe, ...]:
    images, channels = len(dataset.train), dataset.input_shape[0]
    return (truth(images, channels > 1), *recipes())

"""One change to a network or its training at a time, and what each does to accuracy and latency.

In the manner of de Putter and Corporaal's review of repairs (arXiv 2206.12322).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from statistics import fmean, variance
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.errors import UsageError, one_line
from dse.evaluation import LATENCY_SCOPE, Accuracy
from dse.networks import Network, Repairs
from dse.networks.repair_costs import Operations, folded_operations
from dse.networks.repairs import repair_choices
from dse.training.recipe import Distillation, Optimiser, Recipe
from dse.training.stages import STAGES
from dse.trainings import JobResult, TrainingJob, TrainingRunner
from dse.uncertainty import NORMAL_95, SEED_DEVIATION, MeasuredAccuracy, paired_standard_error, standard_error
from kernels_asm import InputError, LayerFunction

BASELINE = "baseline"

USUAL_RATES = {Optimiser.ADAM: 1.0, Optimiser.ADAMW: 1.0, Optimiser.SGD: 10.0}
"""Learning rates that go together, as ratios: the steps of SGD shrink with the gradient, Adam's do not."""

ADAMW_DECAY = 0.01
"""PyTorch's default: without any decay AdamW is Adam."""


@dataclass(frozen=True)
class Variant:
    """A network and a recipe that differ from the baseline in one thing.

    Attributes:
        change: What differs, as "option=choice"; `BASELINE` for the baseline itself.
        network: None if there is no such network.
        recipe: How it is trained.
        refused: Why there is none.

    """

    change: str
    network: Network | None
    recipe: Recipe
    refused: str | None = None


@dataclass(frozen=True)
class AblationRow:
    """What a variant came to.

    Attributes:
        variant: The variant.
        accuracy: Mean over the seeds on the validation split; None if it was refused or a training failed. Its error
            has the spread of the seeds of all rows.
        test_accuracy: The same on the test split.
        seeds: The validation accuracy of each seed.
        right: Of each validation image, the share of the seeds that classify it right, 0 to 1.
        difference: Of `accuracy` to the baseline's, with the error of a difference on the same images.
        shown: Whether that difference is shown at 95 %.
        cycles: Of the binary layers; None if no kernel was timed.
        operations: What a block does beyond a plain one for each element of its output.
        error: Why there is no accuracy.

    """

    variant: Variant
    accuracy: MeasuredAccuracy | None = None
    test_accuracy: MeasuredAccuracy | None = None
    seeds: tuple[float, ...] = ()
    right: tuple[float, ...] = field(default=(), repr=False)
    difference: MeasuredAccuracy | None = None
    shown: bool = False
    cycles: int | None = None
    operations: Operations | None = None
    error: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain dictionaries, lists and numbers."""

        def figure(measured: MeasuredAccuracy | None) -> dict[str, float | None] | None:
            return None if measured is None else {"value": measured.value, "standard_error": measured.standard_error}

        return {
            "change": self.variant.change,
            "accuracy": figure(self.accuracy),
            "test_accuracy": figure(self.test_accuracy),
            "seeds": list(self.seeds),
            "difference": figure(self.difference),
            "difference_shown": self.shown,
            "cycles": self.cycles,
            "operations_per_output": None if self.operations is None else str(self.operations),
            "error": self.error,
        }


@dataclass(frozen=True)
class Ablation:
    """The table: the baseline first.

    Attributes:
        network: Name of the network.
        dataset: Name of the data set.
        core: Name of the core that cycles are of.
        arithmetic: Of every binary layer, in words.
        seeds: Trainings of each row.
        rows: One a variant.

    """

    network: str
    dataset: str
    core: str
    arithmetic: str
    seeds: int
    rows: tuple[AblationRow, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain dictionaries, lists and numbers."""
        return {
            "network": self.network,
            "dataset": self.dataset,
            "core": self.core,
            "arithmetic": self.arithmetic,
            "seeds": self.seeds,
            "latency_scope": LATENCY_SCOPE,
            "rows": [row.to_json() for row in self.rows],
        }


def repair_variants(build: Callable[[Repairs], Network], base: Repairs, recipe: Recipe) -> list[Variant]:
    """Return the baseline, then every other choice of every repair, of teacher, stages and optimiser.

    Args:
        build: Makes the network with given repairs; raises UsageError if it cannot have them.
        base: The baseline's repairs.
        recipe: The baseline's recipe.

    """
    variants = [Variant(BASELINE, build(base), recipe)]
    own = dict(part.split("=") for part in str(base).split(","))
    for option, choices in repair_choices().items():
        for choice in choices:
            if choice != own[option]:
                variants.append(_repaired(f"{option}={choice}", build, base, recipe))
    network = variants[0].network
    return variants + [Variant(change, network, changed) for change, changed in _recipe_changes(recipe)]


@dataclass(frozen=True)
class AblationPlan:
    """What to train and to time.

    Attributes:
        variants: The baseline first.
        functions: What each binary layer of a network computes.
        cycles: Cycles of a network's binary layers; raises UsageError or InputError if no kernel can compute it.
        answers: Whether a trained network classifies each validation image right, (N,).
        seeds: Of the trainings of each variant.
        checkpoints: Folder that gets a folder of trainings under way for each variant; None: the cache.

    """

    variants: Sequence[Variant]
    functions: Callable[[Network], tuple[LayerFunction, ...]]
    cycles: Callable[[Network], int]
    answers: Callable[[Accuracy], NDArray[np.bool_]]
    seeds: Sequence[int]
    checkpoints: Path | None = None

    def jobs(self, variant: Variant) -> list[TrainingJob]:
        """Return the trainings of a variant, one a seed; none if there is no such network."""
        if variant.network is None:
            return []
        folder = None if self.checkpoints is None else self.checkpoints / _slug(variant.change)
        job = TrainingJob(
            variant.change, variant.network, self.functions(variant.network), variant.recipe, self.seeds[0], folder
        )
        return [replace(job, label=f"{variant.change}, seed {seed}", seed=seed) for seed in self.seeds]


def run_ablation(plan: AblationPlan, runner: TrainingRunner, images: tuple[int, int]) -> tuple[AblationRow, ...]:
    """Train and time every variant; return the table's rows, the baseline first.

    Args:
        plan: What to do.
        runner: Trains.
        images: How many the validation and the test split have.

    Raises:
        InterruptedTrainingError: As `TrainingRunner.run`; every finished training is in the cache.

    """
    jobs = [plan.jobs(variant) for variant in plan.variants]
    trained = iter(runner.run([job for of_variant in jobs for job in of_variant]))
    results = [list(islice(trained, len(of_variant))) for of_variant in jobs]
    deviation = _seed_deviation([_accuracies(of_variant, "accuracy") for of_variant in results])
    rows: list[AblationRow] = []
    for variant, of_variant in zip(plan.variants, results, strict=True):
        row = _row(variant, of_variant, images, deviation, plan)
        rows.append(_compared(row, rows[0], deviation) if rows else row)
    return tuple(rows)


def _slug(change: str) -> str:
    """Return a change as the name of a folder."""
    return re.sub(r"[^a-z0-9]+", "-", change)


def _repaired(change: str, build: Callable[[Repairs], Network], base: Repairs, recipe: Recipe) -> Variant:
    try:
        return Variant(change, build(Repairs.parse(change, base)), recipe)
    except UsageError as error:
        return Variant(change, None, recipe, one_line(error))


def _recipe_changes(recipe: Recipe) -> list[tuple[str, Recipe]]:
    taught = recipe.distillation is not None
    changes = [("distillation=no" if taught else "distillation=yes", None if taught else Distillation())]
    found = [(change, replace(recipe, distillation=distillation)) for change, distillation in changes]
    for name, stages in STAGES.items():
        if stages != recipe.stages and len(stages) <= recipe.epochs:
            found.append((f"stages={name}", replace(recipe, stages=stages)))
    for optimiser in Optimiser:
        if optimiser is not recipe.optimiser:
            found.append((f"optimiser={optimiser}", _with_optimiser(recipe, optimiser)))
    return found


def _with_optimiser(recipe: Recipe, optimiser: Optimiser) -> Recipe:
    """Return the recipe with the learning rate and decay that go with another optimiser."""
    rate = recipe.learning_rate * USUAL_RATES[optimiser] / USUAL_RATES[recipe.optimiser]
    decay = recipe.weight_decay or (ADAMW_DECAY if optimiser is Optimiser.ADAMW else 0.0)
    return replace(recipe, optimiser=optimiser, learning_rate=rate, weight_decay=decay)


def _accuracies(results: Sequence[JobResult], field: str) -> list[float]:
    return [result.accuracy.record[field] for result in results if result.accuracy is not None]


def _seed_deviation(accuracies: Sequence[Sequence[float]]) -> float:
    """Return the standard deviation between seeds, from all rows together: two or three seeds alone say little of it.

    The mean of the rows' sample variances; `SEED_DEVIATION` where no row has two seeds.
    """
    variances = [variance(of_row) for of_row in accuracies if len(of_row) > 1]
    return math.sqrt(fmean(variances)) if variances else SEED_DEVIATION


def _row(
    variant: Variant,
    results: Sequence[JobResult],
    images: tuple[int, int],
    seed_deviation: float,
    plan: AblationPlan,
) -> AblationRow:
    if variant.network is None:
        return AblationRow(variant, error=variant.refused)
    try:
        cycles = plan.cycles(variant.network)
    except (UsageError, InputError):
        cycles = None
    row = AblationRow(variant, cycles=cycles, operations=folded_operations(variant.network.repairs))
    error = next((result.error for result in results if result.error is not None), None)
    if error is not None:
        return replace(row, error=error)

    def mean(field: str, count: int) -> MeasuredAccuracy:
        accuracies = _accuracies(results, field)
        of_mean = seed_deviation / math.sqrt(len(accuracies))
        return MeasuredAccuracy(fmean(accuracies), standard_error([fmean(accuracies)], count, of_mean))

    answers = [plan.answers(result.accuracy) for result in results if result.accuracy is not None]
    return replace(
        row,
        accuracy=mean("accuracy", images[0]),
        test_accuracy=mean("test_accuracy", images[1]),
        seeds=tuple(_accuracies(results, "accuracy")),
        right=tuple(np.mean(answers, axis=0).tolist()),
    )


def _compared(row: AblationRow, baseline: AblationRow, seed_deviation: float) -> AblationRow:
    """Return the row with its difference to the baseline, both of as many seeds, judged on the same images."""
    one, other = row.accuracy, baseline.accuracy
    if one is None or other is None:
        return row
    seed_error = seed_deviation * math.sqrt(1 / len(row.seeds) + 1 / len(baseline.seeds))
    error = paired_standard_error(row.right, baseline.right, seed_error)
    difference = one.value - other.value
    shown = abs(difference) > NORMAL_95 * error
    return replace(row, difference=MeasuredAccuracy(difference, error), shown=shown)

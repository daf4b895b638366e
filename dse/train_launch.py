"""From the settings of `dse train` to trained networks, or to the table of an ablation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dse.ablation import Ablation, AblationPlan, repair_variants, run_ablation
from dse.accuracy import load_trained
from dse.cache import EvaluationCache
from dse.data import Dataset
from dse.design import Design, uniform_design
from dse.errors import TrainingError
from dse.evaluation import WEIGHTS, Accuracy
from dse.latency import EmulatedTimer
from dse.network_latency import time_network
from dse.networks import Network, Repairs, build_network, default_repairs
from dse.tile_candidates import tile_family
from dse.tile_search import TileSearch
from dse.training.device import Device
from dse.training.recipe import Recipe
from dse.trainings import TrainingJob, TrainingRunner, TrainingsProgress, mean_accuracy
from dse.uncertainty import MeasuredAccuracy
from isa_models import Core
from kernels_asm import LayerFunction, Overflow

if TYPE_CHECKING:
    from dse.training.trained import TrainedNetwork


@dataclass(frozen=True, eq=False)
class TrainSettings:
    """What a person asks of `dse train`.

    Attributes:
        network: Name of the network.
        width_multiplier: Factor on its channel counts.
        repairs: As `Repairs.parse` reads them; None: the network's own.
        dataset: What to train on.
        accumulator: Bits of the accumulators.
        overflow: What sums beyond them do.
        clip: Range of the clip, or None.
        recipe: How to train.
        seeds: Of the trainings.
        cache: Keeps every training.
        teacher: For a recipe that names one.
        checkpoints: Folder for trainings under way; None: the cache.
        restart: Start anew what was interrupted.
        device: Where to train.

    """

    network: str
    width_multiplier: float
    repairs: str | None
    dataset: Dataset
    accumulator: int
    overflow: Overflow
    clip: int | None
    recipe: Recipe
    seeds: Sequence[int]
    cache: EvaluationCache
    teacher: TrainedNetwork | None = None
    checkpoints: Path | None = None
    restart: bool = False
    device: Device = Device.CPU

    @property
    def design(self) -> Design:
        """Width and arithmetic."""
        return uniform_design(self.width_multiplier, self.accumulator, self.overflow, self.clip)

    @property
    def arithmetic_text(self) -> str:
        """The arithmetic in words."""
        return self.design.sums_text

    @property
    def title(self) -> str:
        """What is trained, in words."""
        where = f"width {self.width_multiplier:g}, on {self.dataset.name}"
        return f"{self.network}, {where}, {self.arithmetic_text}"

    def base_repairs(self) -> Repairs:
        """Return the repairs of the network; raises UsageError if they are malformed or the network unknown."""
        own = default_repairs(self.network)
        return own if self.repairs is None else Repairs.parse(self.repairs, own)

    def build(self, repairs: Repairs) -> Network:
        """Return the network for the data set; raises UsageError if it cannot have the repairs."""
        shape, classes = self.dataset.input_shape, self.dataset.classes
        return build_network(self.network, self.width_multiplier, shape, classes, repairs)

    def functions(self, network: Network) -> tuple[LayerFunction, ...]:
        """Return what each binary layer computes; raises kernels_asm.InputError for an arithmetic that none can."""
        return self.design.layer_functions(layer.shape for layer in network.binary_layers)


@dataclass(frozen=True)
class SeedsResult:
    """The trainings of one network, one a seed."""

    settings: TrainSettings
    network: Network
    trainings: tuple[Accuracy, ...]

    @property
    def accuracy(self) -> MeasuredAccuracy:
        """Mean over the seeds on the validation split."""
        return self._mean("accuracy", len(self.settings.dataset.validation))

    @property
    def test_accuracy(self) -> MeasuredAccuracy:
        """Mean over the seeds on the test split."""
        return self._mean("test_accuracy", len(self.settings.dataset.test))

    @property
    def best(self) -> int:
        """Place of the training that validates best, the first of equals."""
        values = [training.value for training in self.trainings]
        return values.index(max(values))

    def best_weights(self) -> bytes:
        """Return the weights file of the best training; raises CacheError if the cache has lost it."""
        return self.settings.cache.load_file(WEIGHTS, self.trainings[self.best].weights)

    def to_json(self) -> dict[str, Any]:
        """Return plain dictionaries, lists and numbers."""
        settings = self.settings
        return {
            "network": self.network.name,
            "width_multiplier": self.network.width_multiplier,
            "repairs": self.network.repairs.to_dict(),
            "dataset": settings.dataset.name,
            "accumulator": settings.accumulator,
            "overflow": settings.overflow.value,
            "clip": settings.clip,
            "device": settings.device.value,
            "recipe": settings.recipe.to_dict(),
            "accuracy": self.accuracy.value,
            "accuracy_standard_error": self.accuracy.standard_error,
            "test_accuracy": self.test_accuracy.value,
            "test_accuracy_standard_error": self.test_accuracy.standard_error,
            "seeds": [
                {"seed": seed, "cached": training.cached, **training.record}
                for seed, training in zip(settings.seeds, self.trainings, strict=True)
            ],
        }

    def _mean(self, field: str, images: int) -> MeasuredAccuracy:
        return mean_accuracy((training.record[field] for training in self.trainings), images)


def train_seeds(settings: TrainSettings, progress: TrainingsProgress) -> SeedsResult:
    """Train the network with every seed, or look the trainings up.

    Raises:
        TrainingError: A training diverged.
        InterruptedTrainingError: As `TrainingRunner.run`.
        DseError: As `obtain_accuracy`.

    """
    network = settings.build(settings.base_repairs())
    functions = settings.functions(network)
    jobs = [
        TrainingJob(f"seed {seed}", network, functions, settings.recipe, seed, settings.checkpoints)
        for seed in settings.seeds
    ]
    results = _runner(settings, progress).run(jobs)
    for result in results:
        if result.error is not None:
            raise TrainingError(f"{result.job.label}: {result.error}")
    return SeedsResult(settings, network, tuple(result.accuracy for result in results if result.accuracy is not None))


def ablate_repairs(settings: TrainSettings, core: Core, progress: TrainingsProgress) -> Ablation:
    """Train the network and one change to it at a time, each with every seed; what is done already is looked up.

    Raises as `train_seeds`, but a training that diverges is a row of the table.
    """
    variants = repair_variants(settings.build, settings.base_repairs(), settings.recipe)
    plan = AblationPlan(
        variants,
        settings.functions,
        _cycles(settings, core, progress),
        _answers(settings, progress),
        settings.seeds,
        settings.checkpoints,
    )
    images = (len(settings.dataset.validation), len(settings.dataset.test))
    rows = run_ablation(plan, _runner(settings, progress), images)
    name = f"{settings.network}, width {settings.width_multiplier:g}"
    return Ablation(name, settings.dataset.name, core.name, settings.arithmetic_text, len(settings.seeds), rows)


def _runner(settings: TrainSettings, progress: TrainingsProgress) -> TrainingRunner:
    return TrainingRunner(
        settings.dataset,
        settings.cache,
        progress,
        teacher=settings.teacher,
        restart=settings.restart,
        device=settings.device,
    )


def _cycles(settings: TrainSettings, core: Core, progress: TrainingsProgress) -> Callable[[Network], int]:
    search = TileSearch(EmulatedTimer(core), settings.cache, tile_family(core))

    def cycles(network: Network) -> int:
        progress.activity("timing kernels")
        return time_network(network, settings.design.sums[0].arithmetic(), core, search).cycles

    return cycles


def _answers(settings: TrainSettings, progress: TrainingsProgress) -> Callable[[Accuracy], NDArray[np.bool_]]:
    validation = settings.dataset.validation

    def answers(accuracy: Accuracy) -> NDArray[np.bool_]:
        from dse.training.evaluation import predict

        progress.activity("comparing answers")
        trained = load_trained(settings.cache, accuracy)
        right: NDArray[np.bool_] = predict(trained.model(), validation) == validation.labels
        return right

    return answers

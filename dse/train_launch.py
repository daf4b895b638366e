"""From the settings of `dse train` to trained networks, or to the table of an ablation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dse.ablation import Ablation, AblationPlan, repair_variants, run_ablation
from dse.accuracy import load_trained
from dse.cache import EvaluationCache
from dse.chosen_network import network_builder
from dse.data import Dataset
from dse.design import Design
from dse.errors import TrainingError
from dse.evaluation import WEIGHTS, Accuracy
from dse.latency import EmulatedTimer
from dse.layer_solution import solve_layers
from dse.networks import Network, Repairs, default_repairs
from dse.tile_candidates import tile_family
from dse.tile_search import TileSearch
from dse.training.device import Device
from dse.training.recipe import Recipe
from dse.trainings import TrainingJob, TrainingRunner, TrainingsProgress, mean_accuracy
from dse.uncertainty import MeasuredAccuracy
from isa_models import Core
from kernels_asm import LayerFunction

if TYPE_CHECKING:
    from dse.training.trained import TrainedNetwork


@dataclass(frozen=True, eq=False)
class TrainSettings:
    """What a person asks of `dse train`.

    Attributes:
        network: Name of the network.
        design: What is chosen of the network, and in what its layers compute.
        dataset: What to train on.
        recipe: How to train.
        seeds: Of the trainings.
        cache: Keeps every training.
        teacher: For a recipe that names one.
        checkpoints: Folder for trainings under way; None: the cache.
        restart: Start anew what was interrupted.
        device: Where to train.

    """

    network: str
    design: Design
    dataset: Dataset
    recipe: Recipe
    seeds: Sequence[int]
    cache: EvaluationCache
    teacher: TrainedNetwork | None = None
    checkpoints: Path | None = None
    restart: bool = False
    device: Device = Device.CPU

    @property
    def title(self) -> str:
        """What is trained, in words."""
        return f"{self.network} on {self.dataset.name}, {self.design}"

    def base_repairs(self) -> Repairs:
        """Return the repairs of the network; raises UsageError if it is unknown."""
        return self.design.network.repairs or default_repairs(self.network)

    def build(self, repairs: Repairs) -> Network:
        """Return the network for the data set; raises UsageError if it cannot have the repairs."""
        return network_builder(self.network, self.dataset)(replace(self.design.network, repairs=repairs))

    def functions(self, network: Network) -> tuple[LayerFunction, ...]:
        """Return what each binary layer computes; raises kernels_asm.InputError for an arithmetic that none can."""
        return self.design.functions_in(network)


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
            **settings.design.to_dict(),
            "repairs": self.network.repairs.to_dict(),
            "dataset": settings.dataset.name,
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
    name = f"{settings.network}, width {settings.design.network.width_multiplier:g}"
    return Ablation(name, settings.dataset.name, core.name, settings.design.sums_text, len(settings.seeds), rows)


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
        return sum(solved.cycles for solved in solve_layers(settings.design, network, search))

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

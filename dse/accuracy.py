"""Accuracy of a network under given arithmetics, by training it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dse.cache import EvaluationCache, Record, content_key
from dse.data import Dataset
from dse.data.resizing import fitted
from dse.errors import TrainingError, UsageError
from dse.evaluation import WEIGHTS, Accuracy, Activity, Judge, obtain_accuracy
from dse.layer_functions import function_values
from dse.networks import Network
from dse.training.device import Device
from dse.training.recipe import Recipe
from kernels_asm import Arithmetic, LayerFunction

if TYPE_CHECKING:
    # PyTorch takes seconds to import, and a study whose trainings are all cached needs none of it.
    from dse.training.checkpoint import Checkpoint
    from dse.training.progress import TrainingProgress
    from dse.training.trained import TrainedNetwork

TEACHER = "teacher: "
"""What an activity begins with while a teacher is trained."""

CHECKPOINTS = "checkpoints"
"""Kind of the trainings under way in the cache."""


class NetworkTrainer:
    """A `dse.evaluation.Trainer` for one data set and recipe.

    A training under way is kept on disk until its record is stored, so that the same training later goes on from there:
    in the cache, under the name of its key, unless another folder is named. A teacher that the recipe wants and nobody
    gives is trained first and kept in the cache as any training.

    Args:
        dataset: Trained on its train split, judged on its validation split, its images made as small as networks take
            them.
        recipe: How to train.
        seed: Decides initial weights and order of images.
        cache: Where teachers and trainings under way are kept; None: nowhere, and a recipe with a distillation needs
            `teacher`.
        teacher: The teacher that the recipe names.
        watch: Told how far a training is.
        checkpoints: Folder for trainings under way, instead of the cache.
        restart: Delete what is left of an earlier training instead of going on from it.
        device: Where to train; the last bits of the weights depend on it.

    """

    def __init__(
        self,
        dataset: Dataset,
        recipe: Recipe,
        seed: int,
        *,
        cache: EvaluationCache | None = None,
        teacher: TrainedNetwork | None = None,
        watch: Callable[[TrainingProgress], None] | None = None,
        checkpoints: Path | None = None,
        restart: bool = False,
        device: Device = Device.CPU,
    ) -> None:
        self._dataset = dataset
        self._recipe = recipe
        self._seed = seed
        self._cache = cache
        self._teacher = teacher
        self._watch = watch
        self._checkpoints = checkpoints
        self._restart = restart
        self._device = device

    def key(self, network: Network, functions: tuple[LayerFunction, ...]) -> Mapping[str, Any]:
        """Return what the accuracy depends on: network, arithmetic, data, recipe, seed and the training's own code."""
        from dse.training.digest import training_digest

        return {
            "network": network.digest,
            "functions": list(map(function_values, functions)),
            "dataset": fitted(self._dataset, network.input_shape).digest,
            "recipe": self._recipe.digest,
            "seed": self._seed,
            "device": self._device.value,
            "training": training_digest(),
        }

    def train(
        self, network: Network, functions: tuple[LayerFunction, ...], activity: Activity, judge: Judge | None = None
    ) -> tuple[Record, bytes]:
        """Train, or go on; return accuracies, their errors, time and history, and the weights as safetensors.

        What a training has learned that the judge ends is kept, and gone on from the next time. Raises TrainingError if
        the training diverges, CheckpointError if what is left of an earlier one is of no use.
        """
        from dse.training.loop import train
        from dse.training.weights import weights_bytes

        judged = 0

        def report(progress: TrainingProgress) -> None:
            nonlocal judged
            activity(f"training epoch {progress.epoch}/{progress.epochs}")
            if self._watch:
                self._watch(progress)
            if judge and progress.accuracy is not None and judged < progress.judged < progress.epochs:
                judged = progress.judged
                judge(judged, progress.accuracy)

        activity("training")
        teacher = self._find_teacher(network, activity)
        checkpoint = self._checkpoint(network, functions)
        if checkpoint and self._restart:
            checkpoint.remove()
        dataset = fitted(self._dataset, network.input_shape)
        arguments = (network, functions, dataset, self._recipe, self._seed, report)
        try:
            trained = train(*arguments, teacher=teacher, checkpoint=checkpoint, device=self._device)
        except TrainingError:
            if checkpoint:
                checkpoint.remove()  # whoever goes on from it diverges again
            raise
        return trained.record(), weights_bytes(trained)

    def stored(self, network: Network, functions: tuple[LayerFunction, ...]) -> None:
        """Delete what was kept to go on from: the training's record is safe now."""
        if (checkpoint := self._checkpoint(network, functions)) is not None:
            checkpoint.remove()

    def _checkpoint(self, network: Network, functions: tuple[LayerFunction, ...]) -> Checkpoint | None:
        from dse.training.checkpoint import Checkpoint

        key = self.key(network, functions)
        if self._checkpoints is not None:
            role = "seed" if self._recipe.deployable else "teacher"
            return Checkpoint(self._checkpoints / f"{role}-{self._seed}.safetensors", key)
        if self._cache is not None:
            return Checkpoint(self._cache.file_path(CHECKPOINTS, f"{content_key(key)}.safetensors"), key)
        return None

    def _find_teacher(self, network: Network, activity: Activity) -> TrainedNetwork | None:
        """Return the teacher that the recipe wants, trained now if need be."""
        if self._recipe.distillation is None or self._teacher is not None:
            return self._teacher
        if self._cache is None or self._recipe.distillation.teacher is not None:
            raise UsageError("recipe: distillation names a teacher that is not given: give its weights")
        trainer = NetworkTrainer(
            self._dataset,
            self._recipe.of_teacher(),
            self._seed,
            cache=self._cache,
            watch=self._watch,
            checkpoints=self._checkpoints,
            restart=self._restart,
            device=self._device,
        )
        exact = tuple(Arithmetic(32).layer_function(layer.shape) for layer in network.binary_layers)
        found = obtain_accuracy(trainer, self._cache, network, exact, lambda what: activity(f"{TEACHER}{what}"))
        return load_trained(self._cache, found)


def load_trained(cache: EvaluationCache, accuracy: Accuracy) -> TrainedNetwork:
    """Return the network that an accuracy was measured on, from the cache that keeps it.

    Raises CacheError or WeightsError if its file is missing or damaged.
    """
    from dse.training.weights import parse_weights

    return parse_weights(cache.load_file(WEIGHTS, accuracy.weights), accuracy.weights)

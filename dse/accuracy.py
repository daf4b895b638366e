"""Accuracy of a network under given arithmetics, by training it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from dse.cache import Record
from dse.data import Dataset
from dse.evaluation import Activity
from dse.networks import Network
from dse.training.recipe import Recipe
from kernels_asm import EndValue


class NetworkTrainer:
    """A `dse.evaluation.Trainer` for one data set and recipe.

    Args:
        dataset: Trained on its train split, judged on its validation split.
        recipe: How to train.
        seed: Decides initial weights and order of images.

    """

    def __init__(self, dataset: Dataset, recipe: Recipe, seed: int) -> None:
        self._dataset = dataset
        self._recipe = recipe
        self._seed = seed

    def key(self, network: Network, end_values: tuple[EndValue, ...]) -> Mapping[str, Any]:
        """Return what the accuracy depends on: network, arithmetic, data, recipe, seed and the training's own code."""
        from dse.training.digest import training_digest

        return {
            "network": network.digest,
            "end_values": [list(asdict(end_value).values()) for end_value in end_values],
            "dataset": self._dataset.digest,
            "recipe": self._recipe.digest,
            "seed": self._seed,
            "training": training_digest(),
        }

    def train(self, network: Network, end_values: tuple[EndValue, ...], activity: Activity) -> tuple[Record, bytes]:
        """Train from scratch; return accuracies, time and history, and the weights as safetensors.

        Raises TrainingError if the training diverges.
        """
        # PyTorch takes seconds to import, and a study whose trainings are all cached needs none of it.
        from dse.training.loop import train
        from dse.training.progress import TrainingProgress
        from dse.training.weights import weights_bytes

        def report(progress: TrainingProgress) -> None:
            activity(f"training epoch {progress.epoch}/{progress.epochs}")

        activity("training")
        trained = train(network, end_values, self._dataset, self._recipe, self._seed, report)
        record = {
            "accuracy": trained.accuracy,
            "standard_error": trained.standard_error,
            "test_accuracy": trained.test_accuracy,
            "train_seconds": trained.seconds,
            "history": [asdict(epoch) for epoch in trained.history],
        }
        return record, weights_bytes(trained)

"""Training a network under given arithmetics, deterministically."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from dse.data import Dataset, Split
from dse.errors import TrainingError, UsageError
from dse.networks import Network
from dse.nn.model import BinaryModel
from dse.training.batches import Batches
from dse.training.evaluation import evaluate
from dse.training.progress import TrainingProgress
from dse.training.recipe import Recipe
from dse.training.trained import EpochResult, TrainedNetwork
from kernels_asm import EndValue


def train(
    network: Network,
    end_values: Sequence[EndValue],
    dataset: Dataset,
    recipe: Recipe | None = None,
    seed: int = 0,
    progress: Callable[[TrainingProgress], None] | None = None,
) -> TrainedNetwork:
    """Train a network from scratch and evaluate it.

    The same arguments on the same machine with the same number of threads give the same weights.

    Args:
        network: What to train; its input must be that of the dataset.
        end_values: The arithmetic of each binary layer.
        dataset: Trained on its train split, judged on the other two.
        recipe: How; None: the quick run.
        seed: Decides initial weights, order of images and augmentation.
        progress: Called after every step.

    Raises:
        TrainingError: The loss is no longer a finite number.
        UsageError: Network and dataset do not fit together, or the recipe asks for more images than there are.

    """
    recipe = recipe or Recipe()
    _check(network, dataset, recipe)
    start = time.perf_counter()
    train_split = dataset.train[: recipe.train_images]
    model = _new_model(network, end_values, seed)
    model.fit_pixels(train_split.images)
    history = Training(model, train_split, dataset.validation, recipe, seed, progress).run()
    accuracy = history[-1].accuracy
    return TrainedNetwork(
        network=network,
        end_values=tuple(end_values),
        accuracy=accuracy,
        standard_error=math.sqrt(accuracy * (1 - accuracy) / len(dataset.validation)),
        test_accuracy=evaluate(model, dataset.test),
        seconds=time.perf_counter() - start,
        history=history,
        state_dict={name: tensor.detach().clone() for name, tensor in model.state_dict().items()},
    )


class Training:
    """One training under way: a model and everything that its next step depends on.

    Args:
        model: What is trained, with its initial weights.
        train_split: The images to learn from.
        validation: Judged after every epoch.
        recipe: How to train.
        seed: Decides order and augmentation of the images.
        progress: Called after every step.

    """

    def __init__(
        self,
        model: BinaryModel,
        train_split: Split,
        validation: Split,
        recipe: Recipe,
        seed: int,
        progress: Callable[[TrainingProgress], None] | None,
    ) -> None:
        self._model = model
        self._validation = validation
        self._recipe = recipe
        self._batches = Batches(train_split, recipe, torch.Generator().manual_seed(seed))
        self._steps = len(self._batches) * recipe.epochs
        self._step = 0
        self._optimiser = torch.optim.Adam(model.parameters(), lr=recipe.learning_rate, fused=True)
        self._history: list[EpochResult] = []
        self._progress = progress
        self._start = time.perf_counter()

    def run(self) -> tuple[EpochResult, ...]:
        """Train for the recipe's epochs and return what each came to."""
        while len(self._history) < self._recipe.epochs:
            self._history.append(self._run_epoch(len(self._history) + 1))
        return tuple(self._history)

    def _run_epoch(self, epoch: int) -> EpochResult:
        self._model.train()
        total = 0.0
        for images, labels in self._batches.of(self._batches.new_order()):
            loss = self._run_step(images, labels)
            total += loss
            if self._progress:
                elapsed = time.perf_counter() - self._start
                self._progress(TrainingProgress(self._step, self._steps, epoch, self._recipe.epochs, loss, elapsed))
        return EpochResult(epoch, total / len(self._batches), evaluate(self._model, self._validation))

    def _run_step(self, images: Tensor, labels: Tensor) -> float:
        """Take one step of the optimiser and return the loss before it."""
        self._optimiser.param_groups[0]["lr"] = self._recipe.learning_rate_at(self._step, self._steps)
        loss = functional.cross_entropy(self._model(images), labels)
        value = loss.item()
        self._step += 1
        if not math.isfinite(value):
            raise TrainingError(
                f"training diverged: the loss is {value} at step {self._step} of {self._steps}; lower the learning "
                f"rate ({self._recipe.learning_rate})"
            )
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimiser.step()
        return value


def _new_model(network: Network, end_values: Sequence[EndValue], seed: int) -> BinaryModel:
    """Return a model with the initial weights of `seed`, and leave the global random state as it is."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = BinaryModel(network, end_values)
        return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def _check(network: Network, dataset: Dataset, recipe: Recipe) -> None:
    if network.input_shape != dataset.input_shape or network.classes != dataset.classes:
        raise UsageError(
            f"network {network.name} takes {network.input_shape} and {network.classes} classes, dataset {dataset.name} "
            f"has {dataset.input_shape} and {dataset.classes}: build the network for the dataset"
        )
    if recipe.train_images is not None and recipe.train_images > len(dataset.train):
        raise UsageError(f"recipe: train_images is {recipe.train_images}: {dataset.name} has {len(dataset.train)}")
    if len(dataset.train[: recipe.train_images]) < recipe.batch_size:
        raise UsageError(f"recipe: batch_size is {recipe.batch_size}: more than there are training images")

"""Training a network under given arithmetics, deterministically."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from dse.augmentation import augment
from dse.data import Dataset, Split
from dse.data.dataset import Labels
from dse.errors import TrainingError, UsageError
from dse.networks import Network
from dse.nn.model import BinaryModel
from dse.training.recipe import Recipe
from kernels_asm import LayerFunction

__all__ = [
    "EpochResult",
    "TrainedNetwork",
    "TrainingProgress",
    "evaluate",
    "predict",
    "train",
]

EVALUATION_BATCH = 250
"""Images in a batch of an evaluation; a whole number of these makes every embedded split."""


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """Where a training stands after a step; `seconds_left` is an estimate."""

    step: int
    steps: int
    epoch: int
    epochs: int
    loss: float
    seconds: float

    @property
    def seconds_left(self) -> float:
        """Time left at the pace so far."""
        return self.seconds / self.step * (self.steps - self.step)


@dataclass(frozen=True, slots=True)
class EpochResult:
    """Mean loss over an epoch's training images, and accuracy (0 to 1) on the validation split after it."""

    epoch: int
    loss: float
    accuracy: float


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """A trained network and how good it is.

    Attributes:
        network: What was trained.
        functions: What each binary layer computes.
        accuracy: On the validation split, 0 to 1.
        standard_error: Of `accuracy`: binomial, from the size of the validation split alone.
        test_accuracy: On the test split, 0 to 1.
        seconds: How long the training took, evaluation included.
        history: One entry an epoch.
        state_dict: The parameters and buffers of the `BinaryModel`.

    """

    network: Network
    functions: tuple[LayerFunction, ...]
    accuracy: float
    standard_error: float
    test_accuracy: float
    seconds: float
    history: tuple[EpochResult, ...]
    state_dict: dict[str, Tensor]

    def model(self) -> BinaryModel:
        """Return a model in evaluation mode with these weights."""
        model = BinaryModel(self.network, self.functions)
        model.load_state_dict(self.state_dict)
        return model.eval()


def train(
    network: Network,
    functions: Sequence[LayerFunction],
    dataset: Dataset,
    recipe: Recipe | None = None,
    seed: int = 0,
    progress: Callable[[TrainingProgress], None] | None = None,
) -> TrainedNetwork:
    """Train a network from scratch and evaluate it.

    The same arguments on the same machine with the same number of threads give the same weights.

    Args:
        network: What to train; its input must be that of the dataset.
        functions: What each binary layer computes.
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
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = BinaryModel(network, functions).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    model.fit_pixels(train_split.images)
    history = _run(model, train_split, dataset.validation, recipe, seed, progress)
    accuracy = history[-1].accuracy
    return TrainedNetwork(
        network=network,
        functions=tuple(functions),
        accuracy=accuracy,
        standard_error=math.sqrt(accuracy * (1 - accuracy) / len(dataset.validation)),
        test_accuracy=evaluate(model, dataset.test),
        seconds=time.perf_counter() - start,
        history=history,
        state_dict={name: tensor.detach().clone() for name, tensor in model.state_dict().items()},
    )


def evaluate(model: BinaryModel, split: Split) -> float:
    """Return the share of images of `split` that the model classifies right, 0 to 1, in exact integers."""
    predicted = predict(model, split)
    return float(np.mean(predicted == split.labels))


@torch.inference_mode()
def predict(model: BinaryModel, split: Split) -> Labels:
    """Return the predicted classes (N,) of the images of `split`."""
    model.eval()
    images = torch.tensor(split.images)
    starts = range(0, len(split), EVALUATION_BATCH)
    predicted: Labels = torch.cat(
        [model(images[start : start + EVALUATION_BATCH]).argmax(dim=1) for start in starts]
    ).numpy()
    return predicted


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


def _run(
    model: BinaryModel,
    train_split: Split,
    validation: Split,
    recipe: Recipe,
    seed: int,
    progress: Callable[[TrainingProgress], None] | None,
) -> tuple[EpochResult, ...]:
    start = time.perf_counter()
    steps_per_epoch = len(train_split) // recipe.batch_size
    steps = steps_per_epoch * recipe.epochs
    optimizer = torch.optim.Adam(model.parameters(), lr=recipe.learning_rate, fused=True)
    random = torch.Generator().manual_seed(seed)
    history: list[EpochResult] = []
    step = 0
    for epoch in range(1, recipe.epochs + 1):
        model.train()
        total = 0.0
        for images, labels in _batches(train_split, recipe, random):
            optimizer.param_groups[0]["lr"] = recipe.learning_rate_at(step, steps)
            loss = functional.cross_entropy(model(images), labels)
            value = loss.item()
            step += 1
            if not math.isfinite(value):
                raise TrainingError(
                    f"training diverged: the loss is {value} at step {step} of {steps}; lower the learning rate "
                    f"({recipe.learning_rate})"
                )
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            total += value
            if progress:
                elapsed = time.perf_counter() - start
                progress(TrainingProgress(step, steps, epoch, recipe.epochs, value, elapsed))
        history.append(EpochResult(epoch, total / steps_per_epoch, evaluate(model, validation)))
    return tuple(history)


def _batches(split: Split, recipe: Recipe, random: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield every image once in random order, in full batches; the rest that fills none is left out."""
    images, labels = torch.tensor(split.images), torch.tensor(split.labels)
    order = torch.randperm(len(labels), generator=random)
    for start in range(0, len(order) - recipe.batch_size + 1, recipe.batch_size):
        chosen = order[start : start + recipe.batch_size]
        yield augment(images[chosen], recipe.flip, recipe.shift, random), labels[chosen]

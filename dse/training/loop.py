"""Training a network under given arithmetics, deterministically."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from dse.data import Dataset
from dse.errors import UsageError
from dse.networks import Network
from dse.nn.model import BinaryModel
from dse.training.checkpoint import Checkpoint
from dse.training.device import Device
from dse.training.distillation import Loss
from dse.training.gradients import repeatable
from dse.training.recipe import Distillation, Recipe
from dse.training.trained import TrainedNetwork
from dse.training.training_run import TrainingRun, Watcher
from dse.training.weights import weights_digest
from dse.uncertainty import standard_error
from kernels_asm import LayerFunction


def train(
    network: Network,
    functions: Sequence[LayerFunction],
    dataset: Dataset,
    recipe: Recipe | None = None,
    seed: int = 0,
    progress: Watcher | None = None,
    *,
    teacher: TrainedNetwork | None = None,
    checkpoint: Checkpoint | None = None,
    device: Device = Device.CPU,
) -> TrainedNetwork:
    """Train a network and evaluate it.

    The same arguments on the same machine with the same number of threads give the same weights, whether the training
    runs through or goes on from a checkpoint. Wherever it is trained, what it is worth is judged on the processor in
    float32.

    Args:
        network: What to train; its input must be that of the dataset.
        functions: What each binary layer computes.
        dataset: Trained on its train split, judged on the other two.
        recipe: How; None: the quick run.
        seed: Decides initial weights, order of images and augmentation.
        progress: Told how far the training is.
        teacher: Needed where the recipe has a distillation.
        checkpoint: Where the training is kept while it runs; one that holds a part of this training is gone on from.
            The file stays when the training is done, for the caller to remove once the result is safe.
        device: Computes the steps, and judges the epochs on the way.

    Raises:
        TrainingError: Loss, weights or outputs are no longer finite numbers.
        UsageError: Network and dataset do not fit together, the recipe asks for more images than there are, or for a
            teacher, and there is none.
        CheckpointError: The checkpoint cannot be read or written, or is not this training's.

    """
    recipe = recipe or Recipe()
    _check(network, dataset, recipe, teacher)
    train_split = dataset.train[: recipe.train_images]
    model = _new_model(network, functions, seed)
    model.fit_pixels(train_split.images)
    model.to(device.value)
    loss = Loss(recipe, teacher.model().to(device.value) if teacher and recipe.distillation else None)
    training = TrainingRun(model, loss, train_split, dataset, recipe, seed, progress, checkpoint, device)
    with repeatable(device):
        history, accuracy, test_accuracy = training.run()
    return TrainedNetwork(
        network=network,
        functions=model.functions,
        accuracy=accuracy,
        standard_error=standard_error([accuracy], len(dataset.validation)),
        test_accuracy=test_accuracy,
        test_standard_error=standard_error([test_accuracy], len(dataset.test)),
        seconds=training.seconds,
        history=history,
        state_dict={name: tensor.detach().clone() for name, tensor in model.state_dict().items()},
        recipe=recipe,
        seed=seed,
    )


def _new_model(network: Network, functions: Sequence[LayerFunction], seed: int) -> BinaryModel:
    """Return a model with the initial weights of `seed`, and leave the global random state as it is."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return BinaryModel(network, functions)


def _check(network: Network, dataset: Dataset, recipe: Recipe, teacher: TrainedNetwork | None) -> None:
    if network.input_shape != dataset.input_shape or network.classes != dataset.classes:
        raise UsageError(
            f"network {network.name} takes {network.input_shape} and {network.classes} classes, dataset {dataset.name} "
            f"has {dataset.input_shape} and {dataset.classes}: build the network for the dataset"
        )
    if recipe.train_images is not None and recipe.train_images > len(dataset.train):
        raise UsageError(f"recipe: train_images is {recipe.train_images}: {dataset.name} has {len(dataset.train)}")
    if len(dataset.train[: recipe.train_images]) < recipe.batch_size:
        raise UsageError(f"recipe: batch_size is {recipe.batch_size}: more than there are training images")
    if recipe.distillation is not None:
        _check_teacher(network, recipe.distillation, teacher)


def _check_teacher(network: Network, distillation: Distillation, teacher: TrainedNetwork | None) -> None:
    if teacher is None:
        raise UsageError("recipe: distillation needs a teacher: give a trained network")
    taught, shown = (network.input_shape, network.classes), (teacher.network.input_shape, teacher.network.classes)
    if taught != shown:
        raise UsageError(
            f"teacher {teacher.network.name} takes {shown[0]} and {shown[1]} classes, not {taught[0]} and "
            f"{taught[1]}: give one that was trained on the same data set"
        )
    if distillation.teacher is not None and distillation.teacher != weights_digest(teacher):
        raise UsageError("recipe: distillation names another teacher than the one that is given")

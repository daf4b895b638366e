"""A training of a second or two, shared by the tests of the training package; run as a program, it can be killed."""

import sys
from pathlib import Path

import torch

from dse.data import Dataset, load_dataset
from dse.networks import build_network
from dse.training.checkpoint import Checkpoint
from dse.training.device import Device
from dse.training.loop import train
from dse.training.recipe import Distillation, Optimiser, Recipe
from dse.training.stages import INSERT_ARITHMETIC, TWO_STAGE
from kernels_asm import Arithmetic

FULL = load_dataset()
SMALL = Dataset("small", FULL.class_names, FULL.train[:160], FULL.validation[:250], FULL.test[:250])
NETWORK = build_network("tiny", 0.25)
FUNCTIONS = tuple(Arithmetic(32, clip=15).layer_function(layer.shape) for layer in NETWORK.binary_layers)

_SHORT = {"epochs": 3, "batch_size": 32, "flip": True, "shift": 2}
RECIPES = {
    "adam": Recipe(**_SHORT),
    "adamw": Recipe(**_SHORT, optimiser=Optimiser.ADAMW, weight_decay=0.01, label_smoothing=0.1),
    "sgd": Recipe(**_SHORT, optimiser=Optimiser.SGD, learning_rate=0.05, weight_decay=1e-4),
    "insert-arithmetic": Recipe(**_SHORT, stages=INSERT_ARITHMETIC),
    "two-stage": Recipe(**_SHORT, stages=TWO_STAGE),
    "distillation": Recipe(**_SHORT, distillation=Distillation()),
}


def small_training(recipe_name, *, seed=1, progress=None, checkpoint=None, device=Device.CPU):
    """Train by one of `RECIPES`, with a teacher where it wants one."""
    torch.set_num_threads(1)
    recipe = RECIPES[recipe_name]
    teacher = (
        train(NETWORK, FUNCTIONS, SMALL, recipe.of_teacher(), seed, device=device) if recipe.distillation else None
    )
    return train(
        NETWORK, FUNCTIONS, SMALL, recipe, seed, progress, teacher=teacher, checkpoint=checkpoint, device=device
    )


if __name__ == "__main__":
    # Keeps a checkpoint of every step and says so, so that the parent can kill it between two of them.
    name, path = sys.argv[1:]
    kept = Checkpoint(Path(path), {"recipe": RECIPES[name].digest}, seconds_between=0)
    small_training(name, progress=lambda progress: print(progress.step, flush=True), checkpoint=kept)

"""The options of `dse train` that say how to train, and the recipe that they make."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from dse.training.recipe import Recipe
    from dse.training.trained import TrainedNetwork

RecipeName = Annotated[str, typer.Option("--recipe", help="quick, full, or a TOML file with a recipe's fields.")]
Epochs = Annotated[int | None, typer.Option("--epochs", help="Passes over the training images.")]
TrainImages = Annotated[int | None, typer.Option("--train-images", help="Train on the first so many images only.")]
Augment = Annotated[
    bool, typer.Option("--augment", help="Change the training images at random as is usual for the data set.")
]
Stages = Annotated[str | None, typer.Option("--stages", help="plain, insert-arithmetic or two-stage.")]
OptimiserName = Annotated[str | None, typer.Option("--optimiser", help="adam, adamw or sgd.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", help="Another field of the recipe, such as learning_rate=0.02; repeatable."),
]
Distil = Annotated[
    bool, typer.Option("--distil", help="Learn from a teacher as well: the same network in real numbers.")
]
DeviceName = Annotated[
    str, typer.Option("--device", help="Where to train: cpu, cuda (an NVIDIA GPU), or auto, the GPU if there is one.")
]
Teacher = Annotated[
    Path | None, typer.Option("--teacher", help="Learn from this network instead: a file of dse train --save.")
]


def recipe_of_options(
    name: str,
    epochs: int | None,
    train_images: int | None,
    stages: str | None,
    optimiser: str | None,
    settings: list[str] | None,
    augmented: str | None,
) -> Recipe:
    """Return the recipe of these options; `augmented` is a data set with whose usual augmentation to train.

    Raises UsageError if an option is malformed or they do not go together.
    """
    from dataclasses import asdict

    from dse.data.usual_augmentation import usual_augmentation
    from dse.errors import UsageError
    from dse.training.recipe import Recipe
    from dse.training.recipes import load_recipe, parse_settings

    given = {"epochs": epochs, "train_images": train_images, "stages": stages, "optimiser": optimiser}
    changes: dict[str, Any] = {field: value for field, value in given.items() if value is not None}
    if augmented is not None:
        changes |= asdict(usual_augmentation(augmented))
    recipe = Recipe.from_dict(changes | parse_settings(settings or []), load_recipe(name))
    if not recipe.deployable:
        raise UsageError(
            "recipe: its last stage leaves a network that no kernel computes: end with a stage of defaults"
        )
    return recipe


def with_teacher(recipe: Recipe, distil: bool, teacher: Path | None) -> tuple[Recipe, TrainedNetwork | None]:
    """Return the recipe with the teacher that the options ask for, and the teacher if it is a file.

    Raises WeightsError if the file is of no use.
    """
    from dataclasses import replace

    from dse.training.recipe import Distillation

    if not distil and teacher is None:
        return recipe, None
    distillation = recipe.distillation or Distillation()
    if teacher is None:
        return replace(recipe, distillation=distillation), None
    from dse.training.weights import load_weights, weights_digest

    loaded = load_weights(teacher)
    return replace(recipe, distillation=replace(distillation, teacher=weights_digest(loaded))), loaded

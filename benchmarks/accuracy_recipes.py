"""The recipes that the quick run is compared with, and the long training that is the truth."""

from __future__ import annotations

from dataclasses import dataclass

from dse.training.quick_recipe import Parent, Phase, QuickRecipe

SMALL = 10_000
"""Training images of the short recipes: all of the embedded Fashion-MNIST, the first of CIFAR-10."""

MOST_SEEDS = 2
"""Factor on the seeds of the truth and of the default."""

SHARED = Phase(8 * SMALL, flip=True, shift=2)


@dataclass(frozen=True, slots=True)
class NamedRecipe:
    """A row of the table.

    Attributes:
        name: Of the recipe.
        recipe: How a design is trained.
        seeds_factor: How many times as many seeds as the others it has: more for what most depends on.

    """

    name: str
    recipe: QuickRecipe
    seeds_factor: int = 1


def truth(images: int, is_colour: bool) -> NamedRecipe:
    """Return the long training from scratch on all `images`, which looks at about 100,000."""
    epochs = 2 if images > 2 * SMALL else 10
    return NamedRecipe("truth", _scratch(Phase(epochs * images, flip=True, shift=2 if is_colour else 1)), MOST_SEEDS)


def recipes() -> tuple[NamedRecipe, ...]:
    """Return the rows of the table, the default last."""
    exact = Phase(5 * SMALL)
    return (
        *(
            NamedRecipe(f"10,000 images, {epochs} epochs, from scratch", _scratch(Phase(epochs * SMALL), SMALL))
            for epochs in (2, 5)
        ),
        NamedRecipe(
            "warm start from the exact network, 100 steps",
            QuickRecipe(Phase(100 * 64, 0.005), Parent.EXACT, exact, train_images=SMALL),
        ),
        NamedRecipe("one-shot supernet, batch norm estimated anew", QuickRecipe(Phase(0), Parent.MIXED, SHARED)),
        NamedRecipe("mixed parent, then 16,000 images", QuickRecipe(Phase(16_000), Parent.MIXED, SHARED)),
        NamedRecipe("16,000 images in batches of 32, from scratch: the default", QuickRecipe(), MOST_SEEDS),
    )


def _scratch(phase: Phase, train_images: int | None = None) -> QuickRecipe:
    return QuickRecipe(phase, Parent.NONE, None, train_images)

"""The recipes that the quick run is compared with, and the long training that is the truth."""

from __future__ import annotations

from dataclasses import dataclass

from dse.training.quick_recipe import Parent, Phase, QuickRecipe

SMALL = 10_000
"""Training images of the short recipes: all of the embedded Fashion-MNIST, the first of CIFAR-10."""

SHARED = Phase(8 * SMALL, flip=True, shift=2)


@dataclass(frozen=True, slots=True)
class NamedRecipe:
    """A row of the table."""

    name: str
    recipe: QuickRecipe


def truth(images: int, is_colour: bool) -> QuickRecipe:
    """Return the long training from scratch on all `images`, which looks at about 100,000."""
    epochs = 2 if images > 2 * SMALL else 10
    return _scratch(Phase(epochs * images, flip=True, shift=2 if is_colour else 1))


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
        NamedRecipe("16,000 images in batches of 32, from scratch: the default", QuickRecipe()),
    )


def _scratch(phase: Phase, train_images: int | None = None) -> QuickRecipe:
    return QuickRecipe(phase, Parent.NONE, None, train_images)

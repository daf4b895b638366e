"""How the quick run trains the designs of a study. Imports no PyTorch, which takes seconds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from dse.networks import Network
from dse.space import ACCUMULATORS, CLIPS
from dse.training.recipe import Recipe
from dse.training.schedules import Schedule, share_of_peak
from kernels_asm import Arithmetic, EndValue, Overflow
from kernels_asm.arithmetic import OVERFLOWS_OF


class Parent(StrEnum):
    """What the network is that all designs of a study start from."""

    NONE = "none"
    """Each design starts from random weights."""
    EXACT = "exact"
    """Trained in exact arithmetic: cheap, but it flatters designs that compute alike."""
    MIXED = "mixed"
    """Each batch under another arithmetic of the search space, so that none is at home in it."""


@dataclass(frozen=True, slots=True)
class Phase:
    """One training run over one cycle of the learning rate (Smith, Topin, arXiv 1708.07120).

    Attributes:
        images: Images that are looked at, repeated ones included: whole epochs or a part of one.
        learning_rate: Peak of the cycle.
        batch_size: Images in a step.
        warmup: Share of the steps that rise to the peak.
        flip: Mirror images at random.
        shift: Move images at random by up to so many pixels.

    """

    images: int
    learning_rate: float = 0.01
    batch_size: int = 64
    warmup: float = 0.2
    flip: bool = False
    shift: int = 0

    def learning_rate_at(self, step: int, steps: int) -> float:
        """Return the learning rate of step `step` (from 0) of `steps`: half a cosine up, half a cosine down."""
        return self.learning_rate * share_of_peak(Schedule.ONE_CYCLE, (step + 0.5) / steps, self.warmup)


HONEST = Phase(16_000, batch_size=32)
"""Small batches: in so short a training steps count for more than images. No augmentation, which needs longer ones."""


@dataclass(frozen=True, slots=True)
class QuickRecipe:
    """A shared start or none, then a few epochs for each design; the defaults are the quick run that ranks designs.

    The default has no parent: what a short training keeps of one makes designs look more alike than they are.

    Attributes:
        design: How each design is trained; without images, only its batch norm is estimated anew.
        parent: What all start from.
        parent_phase: How that is trained; None without a parent.
        train_images: Only the first so many training images are used; None: all.
        latent_bound: Latent weights of the parent are cut to this magnitude, so that few steps can turn a sign; None:
            they stay.

    """

    design: Phase = HONEST
    parent: Parent = Parent.NONE
    parent_phase: Phase | None = None
    train_images: int | None = None
    latent_bound: float | None = None

    @property
    def digest(self) -> str:
        """SHA-256 of the fields."""
        return _digest(self.to_dict())

    @property
    def parent_digest(self) -> str:
        """SHA-256 of the fields that the parent depends on."""
        fields = asdict(self)
        return _digest({name: fields[name] for name in ("parent", "parent_phase", "train_images")})

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return asdict(self) | {"parent": str(self.parent)}

    def of_design(self, images: int) -> Recipe:
        """Return the designs' own phase, on a data set of so many training images, as weights files name it.

        The phase's whole epochs, at least one: a `Recipe` has no parts of epochs, and no parent.
        """
        used = min(images, self.train_images or images)
        phase = self.design
        return Recipe(
            epochs=max(1, phase.images // used),
            train_images=self.train_images,
            batch_size=phase.batch_size,
            learning_rate=phase.learning_rate,
            warmup=phase.warmup,
            flip=phase.flip,
            shift=phase.shift,
        )

    def parent_mix(self, network: Network) -> tuple[tuple[EndValue, ...], ...]:
        """Return the end values of the network's binary layers that take turns in the training of the parent."""
        if self.parent is Parent.MIXED:
            return space_arithmetics(network)
        return (tuple(Arithmetic(32).end_value(layer.shape.window) for layer in network.binary_layers),)


def space_arithmetics(network: Network) -> tuple[tuple[EndValue, ...], ...]:
    """Return every function that the default search space can give the network's binary layers, each once.

    Running sums are left out: they are close to one of the others, and take much longer to train with.
    """
    windows = [layer.shape.window for layer in network.binary_layers]
    found: dict[tuple[EndValue, ...], None] = {}
    for accumulator in ACCUMULATORS:
        for overflow in (policy for policy in OVERFLOWS_OF[accumulator] if policy is not Overflow.RUNNING):
            for clip in CLIPS:
                arithmetic = Arithmetic(accumulator, overflow, clip or None)
                found[tuple(arithmetic.end_value(window) for window in windows)] = None
    return tuple(found)


def _digest(fields: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()

"""How long and how a network is trained."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass

from dse.errors import UsageError


@dataclass(frozen=True, slots=True)
class Recipe:
    """A training recipe; the defaults are the quick run that ranks designs.

    Attributes:
        epochs: Passes over the training images.
        train_images: Use only the first so many training images; None: all.
        batch_size: Images in a step.
        learning_rate: Peak of the one-cycle schedule.
        warmup: Share of the steps that rise to the peak; the others fall from it to nothing along a cosine.
        flip: Mirror training images left to right with probability one half.
        shift: Move training images at random by up to so many pixels in each direction.

    Raises:
        UsageError: A value is out of range.

    """

    epochs: int = 3
    train_images: int | None = None
    batch_size: int = 64
    learning_rate: float = 0.01
    warmup: float = 0.2
    flip: bool = False
    shift: int = 0

    def __post_init__(self) -> None:
        _require(self.epochs >= 1, "epochs", self.epochs, "at least 1")
        _require(self.train_images is None or self.train_images >= 1, "train_images", self.train_images, "at least 1")
        _require(self.batch_size >= 2, "batch_size", self.batch_size, "at least 2 (batch norm)")
        _require(0 < self.learning_rate < math.inf, "learning_rate", self.learning_rate, "a number above 0")
        _require(0 <= self.warmup < 1, "warmup", self.warmup, "at least 0 and below 1")
        _require(self.shift >= 0, "shift", self.shift, "at least 0")

    @property
    def digest(self) -> str:
        """SHA-256 of the fields."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def learning_rate_at(self, step: int, steps: int) -> float:
        """Return the learning rate of step `step` (from 0) of `steps`.

        One cycle (Smith, Topin, arXiv 1708.07120): up along half a cosine over the first `warmup` of the steps, then
        down to nothing; never nothing itself, so that every step counts.
        """
        position = (step + 0.5) / steps
        share = position / self.warmup if position < self.warmup else (1 - position) / (1 - self.warmup)
        return self.learning_rate * (1 - math.cos(math.pi * share)) / 2


def _require(holds: bool, field: str, value: object, wanted: str) -> None:
    if not holds:
        raise UsageError(f"recipe: {field} is {value}: give {wanted}")

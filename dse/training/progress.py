"""What a running training tells whoever watches it."""

from __future__ import annotations

from dataclasses import dataclass


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

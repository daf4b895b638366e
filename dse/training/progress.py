"""What a running training tells whoever watches it, and how it knows how long it will take."""

from __future__ import annotations

from dataclasses import dataclass

STEP_TO_EVALUATION = 3.0
"""Time of an image in a step over that in an evaluation, taken until one is measured: backward is twice forward."""


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """Where a training stands after a step or an evaluation.

    Attributes:
        step: Steps taken, of `steps`.
        steps: Steps of all stages.
        epoch: The epoch of the latest step, from 1, of `epochs`.
        epochs: Epochs of all stages.
        stage: The stage of that epoch, from 1, of `stages`.
        stages: How many there are.
        judged: Epochs after which the validation split was judged.
        loss: Of the latest step.
        accuracy: On the validation split when it was judged last, 0 to 1; None before.
        seconds: Time taken so far, earlier runs of a training that goes on included.
        seconds_left: Estimate of the time until its end, all evaluations included.

    """

    step: int
    steps: int
    epoch: int
    epochs: int
    stage: int
    stages: int
    judged: int
    loss: float
    accuracy: float | None
    seconds: float
    seconds_left: float


class Pace:
    """Estimates the time left from the mean time of a step of the present stage and of an evaluated image.

    Args:
        batch_size: Images in a step.

    """

    def __init__(self, batch_size: int) -> None:
        self._batch_size = batch_size
        self._steps = _Mean()
        self._images = _Mean()

    def begin_stage(self) -> None:
        """Forget the time of a step: another stage computes something else."""
        self._steps = _Mean()

    def add_step(self, seconds: float) -> None:
        """Count a step."""
        self._steps.add(seconds, 1)

    def add_evaluation(self, images: int, seconds: float) -> None:
        """Count an evaluation of so many images."""
        self._images.add(seconds, images)

    def seconds_left(self, steps: int, images: int) -> float:
        """Return the time for so many steps and evaluated images, or 0 before anything is measured."""
        step = self._steps.value
        image = self._images.value or step / self._batch_size / STEP_TO_EVALUATION
        return steps * step + images * image


class _Mean:
    """A mean without its first term, which pays for starting up, once there is another."""

    def __init__(self) -> None:
        self._first: float | None = None
        self._total = 0.0
        self._count = 0

    def add(self, seconds: float, count: int) -> None:
        """Count `count` things that took `seconds` together."""
        if self._first is None:
            self._first = seconds / count
        else:
            self._total += seconds
            self._count += count

    @property
    def value(self) -> float:
        """Seconds of one thing; 0 if there was none."""
        return self._total / self._count if self._count else self._first or 0.0

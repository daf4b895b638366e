"""How long and how a network is trained. Imports no PyTorch, which takes seconds."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from typing import Any

from dse.data.usual_augmentation import Augmentation
from dse.errors import UsageError
from dse.near_match import unknown_word
from dse.training.schedules import Schedule, share_of_peak
from dse.training.stages import PLAIN, REAL, STAGES, Stage, last_epochs, named_stages


class Optimiser(StrEnum):
    """What turns gradients into steps; PyTorch's."""

    ADAM = "adam"
    ADAMW = "adamw"
    """Adam with weight decay apart from the gradient (Loshchilov, Hutter, arXiv 1711.05101)."""
    SGD = "sgd"
    """Stochastic gradient descent with Nesterov's momentum."""


@dataclass(frozen=True, slots=True)
class Distillation:
    """A teacher's logits as a second target: (1 - weight) CE + weight T^2 KL(teacher at T, student at T).

    Hinton et al., arXiv 1503.02531.

    Attributes:
        weight: Of the teacher's part in the loss, 0 to 1.
        temperature: T, by which the logits of both are divided.
        teacher: Digest of the teacher's weights (`dse.training.weights.weights_digest`); None: a network of the same
            shape in real numbers, trained by the same recipe and seed.

    Raises:
        UsageError: A value is out of range.

    """

    weight: float = 0.5
    temperature: float = 4.0
    teacher: str | None = None

    def __post_init__(self) -> None:
        _require(0 <= self.weight <= 1, "distillation weight", self.weight, "0 to 1")
        _require(0 < self.temperature < math.inf, "distillation temperature", self.temperature, "a number above 0")


@dataclass(frozen=True, slots=True)
class Recipe:
    """A training recipe; the defaults are a short training from scratch.

    Attributes:
        epochs: Passes over the training images, all stages together.
        train_images: Use only the first so many training images; None: all.
        batch_size: Images in a step.
        learning_rate: Peak of the schedule.
        schedule: How the learning rate changes over each stage.
        warmup: Share of a stage's steps in which a one-cycle schedule rises to the peak.
        optimiser: What turns gradients into steps.
        weight_decay: Of all parameters: added to the gradient, or apart from it where the optimiser does so.
        momentum: Of `sgd`; the others have their own.
        label_smoothing: Share of the target that is spread over all classes.
        flip: Mirror training images left to right with probability one half.
        shift: Move training images at random by up to so many pixels in each direction.
        crop_scale: Shares of the area that random crops have, resized to the whole image; None: no crops. These three
            are the fields of `dse.data.usual_augmentation.Augmentation`.
        stages: What the network computes in each part of the training.
        distillation: A teacher's part; None: there is no teacher.

    Raises:
        UsageError: A value is out of range.

    """

    epochs: int = 3
    train_images: int | None = None
    batch_size: int = 64
    learning_rate: float = 0.01
    schedule: Schedule = Schedule.ONE_CYCLE
    warmup: float = 0.2
    optimiser: Optimiser = Optimiser.ADAM
    weight_decay: float = 0.0
    momentum: float = 0.9
    label_smoothing: float = 0.0
    flip: bool = False
    shift: int = 0
    crop_scale: tuple[float, float] | None = None
    stages: tuple[Stage, ...] = PLAIN
    distillation: Distillation | None = None

    def __post_init__(self) -> None:
        _require(self.epochs >= 1, "epochs", self.epochs, "at least 1")
        _require(self.train_images is None or self.train_images >= 1, "train_images", self.train_images, "at least 1")
        _require(self.batch_size >= 2, "batch_size", self.batch_size, "at least 2 (batch norm)")
        _require(0 < self.learning_rate < math.inf, "learning_rate", self.learning_rate, "a number above 0")
        _require(0 <= self.warmup < 1, "warmup", self.warmup, "at least 0 and below 1")
        _require(0 <= self.weight_decay < math.inf, "weight_decay", self.weight_decay, "at least 0")
        _require(0 < self.momentum < 1, "momentum", self.momentum, "a number between 0 and 1")
        _require(0 <= self.label_smoothing < 1, "label_smoothing", self.label_smoothing, "at least 0 and below 1")
        Augmentation(self.flip, self.shift, self.crop_scale)
        _require(bool(self.stages), "stages", "empty", "at least one")
        last_epochs(self.stages, self.epochs)

    @property
    def digest(self) -> str:
        """SHA-256 of the fields."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()

    @property
    def deployable(self) -> bool:
        """Whether the trained network is what the kernels compute: it ends binary, under the design's arithmetic."""
        return self.stages[-1].deployable

    @property
    def stage_ends(self) -> tuple[int, ...]:
        """The number of the last epoch of each stage, from 1."""
        return last_epochs(self.stages, self.epochs)

    @property
    def augmentation(self) -> Augmentation:
        """The random changes to training images."""
        return Augmentation(self.flip, self.shift, self.crop_scale)

    def learning_rate_at(self, step: int, steps: int) -> float:
        """Return the learning rate of step `step` (from 0) of a stage of `steps`, before the stage's factor."""
        return self.learning_rate * share_of_peak(self.schedule, (step + 0.5) / steps, self.warmup)

    def of_teacher(self) -> Recipe:
        """Return the recipe by which the teacher of a `Distillation` without another one is trained."""
        return replace(self, stages=REAL, distillation=None)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values; `from_dict` reads them back."""
        values = {name: str(value) if isinstance(value, StrEnum) else value for name, value in asdict(self).items()}
        crop_scale = None if self.crop_scale is None else list(self.crop_scale)
        return values | {"crop_scale": crop_scale, "stages": [stage.to_dict() for stage in self.stages]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], base: Recipe | None = None) -> Recipe:
        """Return the recipe of these fields, those left out as in `base`.

        Args:
            values: As `to_dict` writes them; `stages` may also be a name (`dse.training.stages.STAGES`).
            base: None: the quick run.

        Raises:
            UsageError: A field is unknown, or its value malformed or out of range.

        """
        known = {field.name: field for field in fields(cls)}
        for name in values:
            if name not in known:
                raise UsageError(f"recipe: {name} {unknown_word(name, known)}")
        try:
            return replace(base or cls(), **{name: _read_field(name, value) for name, value in values.items()})
        except (TypeError, ValueError) as error:
            raise UsageError(f"recipe: {error}") from error


def _read_field(name: str, value: Any) -> Any:
    """Return a field of a recipe from its JSON value; raises ValueError, TypeError or UsageError."""
    match name:
        case "schedule":
            return _choice(name, value, Schedule)
        case "optimiser":
            return _choice(name, value, Optimiser)
        case "stages":
            return named_stages(value) if isinstance(value, str) else _stages(value)
        case "distillation":
            return None if value is None else _distillation(value)
        case "crop_scale":
            return None if value is None else _pair(name, value)
        case _:
            return _read_plain(name, value)


def _stages(value: Any) -> tuple[Stage, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"stages is {value!r}: give one of {', '.join(STAGES)}, or a list of tables")
    return tuple(map(Stage.from_dict, value))


def _choice(name: str, value: Any, choices: type[StrEnum]) -> StrEnum:
    if not isinstance(value, str) or value not in set(choices):
        raise ValueError(f"{name} {value!r} {unknown_word(str(value), choices)}")
    return choices(value)


def _distillation(value: Any) -> Distillation:
    known = {field.name for field in fields(Distillation)}
    if not isinstance(value, Mapping) or not set(value) <= known:
        raise ValueError(f"distillation is {value!r}: give a table of {', '.join(sorted(known))}")
    for name in {"weight", "temperature"} & set(value):
        if not _is_number(value[name]):
            raise ValueError(f"distillation {name} is {value[name]!r}: give a number")
    return Distillation(**value)


def _pair(name: str, value: Any) -> tuple[float, float]:
    if not (isinstance(value, list | tuple) and len(value) == 2 and all(map(_is_number, value))):
        raise ValueError(f"{name} is {value!r}: give two numbers")
    smallest, largest = value
    return float(smallest), float(largest)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _read_plain(name: str, value: Any) -> Any:
    """Return a number or a switch, of the type that the field has; raises ValueError for another one."""
    if name == "train_images" and value is None:
        return None
    if name == "flip":
        if isinstance(value, bool):
            return value
        raise ValueError(f"{name} is {value!r}: give true or false")
    whole = name in ("epochs", "train_images", "batch_size", "shift")
    if not _is_number(value) or (whole and not isinstance(value, int)):
        raise ValueError(f"{name} is {value!r}: give {'a whole number' if whole else 'a number'}")
    return value if whole else float(value)


def _require(holds: bool, field: str, value: object, wanted: str) -> None:
    if not holds:
        raise UsageError(f"recipe: {field} is {value}: give {wanted}")

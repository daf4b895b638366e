"""What a study holds, read from Optuna's trials into typed values that reports and pages draw.

The attributes read here are those that the study writes on every trial and on itself; a study of another program, or
of a newer format, is refused by name instead of being drawn half empty.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState
from pydantic import TypeAdapter, ValidationError

from dse.design import Design
from dse.errors import StorageError, UsageError
from dse.front import not_shown_above, pareto_front
from dse.staging import Stage
from dse.storage import check_format
from dse.uncertainty import MeasuredAccuracy, differ


@dataclass(frozen=True, slots=True)
class LayerResult:
    """One binary layer of a design: the tile of its kernel, cycles on the core, and where they went.

    `stalls` maps a reason to the cycles that are charged to it: the timing engines charge every cycle of the layer to
    the reason for which the end of the run moved on. `ports` maps a port to its busy share (0..1).
    """

    name: str
    shape: str
    cycles: int
    products: int
    products_per_cycle: float
    bound: str
    tile: str
    instructions: int = 0
    stalls: Mapping[str, float] = field(default_factory=dict)
    ports: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TrialAttributes:
    """The user attributes of a trial that are shown; each is absent until the trial has come that far."""

    design: dict[str, Any] | None = None
    cycles: int | None = None
    layers: tuple[LayerResult, ...] = ()
    accuracy_standard_error: float | None = None
    test_accuracy: float | None = None
    test_accuracy_standard_error: float | None = None
    train_seconds: float | None = None
    pruned: str | None = None
    stage: str | None = None
    accuracy_cached: bool | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class TrialResult:
    """One trial: latency in milliseconds, accuracies and their standard error in 0..1; None where not (yet) known."""

    number: int
    state: TrialState
    latency_ms: float | None
    accuracy: float | None
    design: Design | None
    attributes: TrialAttributes

    @property
    def complete(self) -> bool:
        """Whether both objectives are known, so that the trial is a point of the plane."""
        return self.state == TrialState.COMPLETE and self.latency_ms is not None and self.accuracy is not None

    @property
    def point(self) -> tuple[float, float]:
        """Latency in milliseconds and accuracy (0..1) of a complete trial."""
        if self.latency_ms is None or self.accuracy is None:
            raise ValueError(f"trial {self.number} is not complete")
        return self.latency_ms, self.accuracy

    @property
    def measured(self) -> MeasuredAccuracy:
        """Accuracy of a complete trial with its standard error."""
        return MeasuredAccuracy(self.point[1], self.attributes.accuracy_standard_error)

    @property
    def tested(self) -> MeasuredAccuracy | None:
        """Accuracy on the test images with its standard error, or None if the trial has not come that far."""
        attributes = self.attributes
        if attributes.test_accuracy is None:
            return None
        return MeasuredAccuracy(attributes.test_accuracy, attributes.test_accuracy_standard_error)

    @property
    def reason(self) -> str | None:
        """Why a pruned or failed trial has no point."""
        return self.attributes.error or self.attributes.pruned


@dataclass(frozen=True)
class StudyResults:
    """A study as it stood when it was read.

    Attributes:
        name: Name in its storage.
        network: Name of the network.
        dataset: Name of the data set.
        core: Name of the core.
        clock_hz: Clock of the core, or None if the study does not say.
        budget: Complete trials that the study was asked for, or None if it does not say.
        trials: Every trial, ascending by number.
        front: The complete trials that no other dominates, ascending by latency.
        conventional: The complete trial of the conventional design, which every study evaluates first; None before.

    """

    name: str
    network: str
    dataset: str
    core: str
    clock_hz: float | None
    budget: int | None
    trials: tuple[TrialResult, ...]
    front: tuple[TrialResult, ...]
    conventional: TrialResult | None

    @cached_property
    def complete(self) -> tuple[TrialResult, ...]:
        """The trials that have both objectives."""
        return tuple(trial for trial in self.trials if trial.complete)

    @cached_property
    def front_numbers(self) -> frozenset[int]:
        """Numbers of the trials on the front."""
        return frozenset(trial.number for trial in self.front)

    @cached_property
    def not_shown_above(self) -> Mapping[int, TrialResult]:
        """For each trial on the front that is not distinguishable, by number: the faster one it is not shown above."""
        faster = not_shown_above(self.front, lambda one, other: differ(one.measured, other.measured))
        return {trial.number: other for trial, other in zip(self.front, faster, strict=True) if other is not None}

    @property
    def distinguishable(self) -> tuple[TrialResult, ...]:
        """The trials on the front whose accuracy differs from that of the last such trial before them."""
        return tuple(trial for trial in self.front if trial.number not in self.not_shown_above)

    @property
    def fastest(self) -> TrialResult | None:
        """The point of least latency on the front."""
        return self.front[0] if self.front else None

    @property
    def most_accurate(self) -> TrialResult | None:
        """The point of highest accuracy on the front."""
        return self.front[-1] if self.front else None

    @property
    def equal_accuracy(self) -> TrialResult | None:
        """The fastest design whose accuracy is within one standard error of the conventional design's, or better.

        `differ` would let more designs through: the larger the error, the more accuracy a design could lose unnoticed.
        """
        if self.conventional is None:
            return None
        needed = self.conventional.point[1] - (self.conventional.attributes.accuracy_standard_error or 0.0)
        return next((trial for trial in self.front if trial.point[1] >= needed), None)

    @property
    def gain(self) -> float | None:
        """Latency of the conventional design over that of `equal_accuracy`: how many times faster at its accuracy."""
        if self.conventional is None or self.equal_accuracy is None or self.equal_accuracy.point[0] <= 0:
            return None
        return self.conventional.point[0] / self.equal_accuracy.point[0]

    @cached_property
    def spared(self) -> tuple[TrialResult, ...]:
        """The trials that were pruned before their training, as they could not reach the front, and stayed so."""
        evaluated = {trial.design for trial in self.complete}
        pruned = [trial for trial in self.trials if trial.attributes.stage == Stage.TRAINING]
        return tuple({trial.design: trial for trial in pruned if trial.design not in evaluated}.values())

    def count(self, *states: TrialState) -> int:
        """How many trials are in one of `states`."""
        return sum(trial.state in states for trial in self.trials)

    def trial(self, number: int) -> TrialResult | None:
        """Return the trial of that number, or None."""
        return self._by_number.get(number)

    @cached_property
    def _by_number(self) -> dict[int, TrialResult]:
        return {trial.number: trial for trial in self.trials}


def read_results(study: optuna.Study) -> StudyResults:
    """Read every trial of `study`.

    Raises:
        UsageError: `study` is not one that this version of dse reads.
        StorageError: A trial's attributes are damaged.

    """
    check_format(study)
    study_attributes = study.user_attrs
    spec = study_attributes.get("spec")
    spec = spec if isinstance(spec, Mapping) else {}
    trials = tuple(
        sorted(
            (_read_trial(trial, study.study_name) for trial in study.get_trials(deepcopy=False)),
            key=lambda trial: trial.number,
        )
    )
    complete = [trial for trial in trials if trial.complete]
    conventional = study_attributes.get("conventional")
    return StudyResults(
        name=study.study_name,
        network=_text(spec.get("network")),
        dataset=_text(spec.get("dataset")),
        core=_text(spec.get("core")),
        clock_hz=_finite(spec.get("clock_hz")),
        budget=spec.get("trials") if isinstance(spec.get("trials"), int) else None,
        trials=trials,
        front=tuple(pareto_front(complete, lambda trial: trial.point)),
        conventional=next((trial for trial in complete if trial.attributes.design == conventional), None),
    )


_attributes_adapter = TypeAdapter(TrialAttributes)


def _read_trial(trial: FrozenTrial, study_name: str) -> TrialResult:
    try:
        attributes = _attributes_adapter.validate_python(trial.user_attrs)
        design = None if attributes.design is None else Design.from_dict(attributes.design)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise StorageError(f"study {study_name!r}, trial {trial.number}: damaged {where}: {first['msg']}") from error
    except UsageError as error:
        raise StorageError(f"study {study_name!r}, trial {trial.number}: {error}") from error
    latency, accuracy = trial.values if trial.values and len(trial.values) == 2 else (None, None)
    return TrialResult(
        number=trial.number,
        state=trial.state,
        latency_ms=_finite(latency),
        accuracy=_finite(accuracy),
        design=design,
        attributes=attributes,
    )


def _finite(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "unknown"

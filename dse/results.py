"""What a study holds, as typed values that reports and pages draw; `dse.study_reader` reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

from optuna.trial import TrialState

from dse.design import Design
from dse.front import not_shown_above, pareto_front
from dse.goal import Goal
from dse.hypervolume import history, reference_values, share
from dse.measures import ACCURACY, LATENCY, Measure
from dse.second_look import LookPlan, RefinedAccuracy
from dse.staging import SPARED, Stage
from dse.twins import Twin
from dse.uncertainty import MeasuredAccuracy, differ

MEASURES: Final = "measures"
"""User attribute of a complete trial: everything that the goal names, by name."""

STOPPED: Final = "stopped"
"""User attribute of a study: why its last run ended before its budget, None if it did not."""


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
class StoredTwin:
    """A `Twin` as it is written down."""

    design: dict[str, Any]
    measures: Mapping[str, float]


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
    stands_for: tuple[StoredTwin, ...] = ()
    measures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TrialResult:
    """One trial: latency in milliseconds, accuracies and their standard error in 0..1; None where not (yet) known.

    `values` are the study's objectives, in its order, None where one is missing. `broken` are the constraints that the
    design does not keep. `refined` is what a second look at the design found, None where it had none. `stands_for` are
    designs that compute the same, so that the accuracy is theirs, and that are better in nothing.
    """

    number: int
    state: TrialState
    latency_ms: float | None
    accuracy: float | None
    design: Design | None
    attributes: TrialAttributes
    values: tuple[float, ...] | None = None
    broken: tuple[str, ...] = ()
    refined: RefinedAccuracy | None = None
    stands_for: tuple[Twin, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether latency, accuracy and every objective are known, so that the trial can be compared with others."""
        return (
            self.state == TrialState.COMPLETE
            and None not in (self.latency_ms, self.accuracy)
            and self.values is not None
        )

    @property
    def feasible(self) -> bool:
        """Whether a complete trial keeps every constraint."""
        return not self.broken

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

    def as_refined(self, goal: Goal) -> TrialResult:
        """Return a complete trial that had a second look with the accuracies that it found."""
        if self.refined is None or self.values is None:
            raise ValueError(f"trial {self.number} had no second look")
        found = self.refined
        attributes = replace(
            self.attributes,
            accuracy_standard_error=found.standard_error,
            test_accuracy=found.test_accuracy,
            test_accuracy_standard_error=found.test_standard_error,
        )
        values = tuple(
            found.accuracy if objective == ACCURACY else value
            for objective, value in zip(goal.objectives, self.values, strict=True)
        )
        return replace(self, accuracy=found.accuracy, attributes=attributes, values=values)

    @property
    def reason(self) -> str | None:
        """Why a pruned or failed trial has no point, or what an infeasible one does not keep."""
        infeasible = f"infeasible: not {', not '.join(self.broken)}" if self.broken else None
        return self.attributes.error or self.attributes.pruned or infeasible


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
        front: The complete, feasible trials that no other such dominates, best in the first objective first.
        conventional: The complete trial of the conventional design, which every study evaluates first; None before.
        goal: Objectives and constraints.
        widest: The largest width multiplier searched.
        deepest: The largest depth multiplier searched.
        chance: Accuracy of guessing.
        stopped: Why the last run ended before its budget, or None.
        look: How the designs that had a second look were trained then, or None.
        recipe: How the search trained the designs: a `Recipe` or a `QuickRecipe` as JSON values; empty if unknown.
        seed: Of the search and of its trainings, or None if the study does not say.
        digests: SHA-256 by name of what the figures rest on: "core", "timing model", "dataset", "training".

    """

    name: str
    network: str
    dataset: str
    core: str
    overrides: Mapping[str, str]
    clock_hz: float | None
    budget: int | None
    trials: tuple[TrialResult, ...]
    front: tuple[TrialResult, ...]
    conventional: TrialResult | None
    goal: Goal = field(default_factory=Goal)
    widest: float = 1.0
    deepest: float = 1.0
    chance: float = 0.0
    stopped: str | None = None
    look: LookPlan | None = None
    recipe: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    digests: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def complete(self) -> tuple[TrialResult, ...]:
        """The trials that have both objectives."""
        return tuple(trial for trial in self.trials if trial.complete)

    @cached_property
    def _feasible(self) -> tuple[TrialResult, ...]:
        return tuple(trial for trial in self.complete if trial.feasible)

    @cached_property
    def front_numbers(self) -> frozenset[int]:
        """Numbers of the trials on the front."""
        return frozenset(trial.number for trial in self.front)

    @cached_property
    def not_shown_above(self) -> Mapping[int, TrialResult]:
        """For each trial on the front that is not distinguishable, by number: the faster one it is not shown above.

        None is marked where accuracy is no objective. See `dse.front.not_shown_above`.
        """
        if ACCURACY not in self.goal.objectives:
            return {}
        ascending = sorted(self.front, key=lambda trial: trial.point[1])
        better = not_shown_above(ascending, lambda one, other: differ(one.measured, other.measured), self._is_rival)
        return {trial.number: other for trial, other in zip(ascending, better, strict=True) if other is not None}

    def _is_rival(self, one: TrialResult, other: TrialResult) -> bool:
        """Whether a trial is at least as good as another one in every objective but accuracy."""
        return all(
            mine <= its
            for objective, mine, its in zip(self.goal.objectives, self._losses(one), self._losses(other), strict=True)
            if objective != ACCURACY
        )

    def _losses(self, trial: TrialResult) -> tuple[float, ...]:
        if trial.values is None:
            raise ValueError(f"trial {trial.number} is not complete")
        return self.goal.losses(trial.values)

    def plane(self, trial: TrialResult) -> tuple[float, float]:
        """Return the first two objectives of a complete trial, in the units in which charts show them."""
        if trial.values is None:
            raise ValueError(f"trial {trial.number} is not complete")
        first, second = self.goal.objectives[:2]
        return first.shown(trial.values[0]), second.shown(trial.values[1])

    @cached_property
    def differs_by_layer(self) -> bool:
        """Whether layers differ in the arithmetic of any design."""
        return any(len(trial.design.sums) > 1 for trial in self.trials if trial.design is not None)

    @cached_property
    def chooses_network(self) -> bool:
        """Whether any design has another depth, input size or other repairs than the usual."""
        return any(trial.design.network.further for trial in self.trials if trial.design is not None)

    @property
    def further_measures(self) -> tuple[Measure, ...]:
        """What the goal names besides latency and accuracy, which every table shows."""
        return tuple(measure for measure in self.goal.measures if measure not in (LATENCY, ACCURACY))

    def further(self, trial: TrialResult) -> Iterator[tuple[Measure, float]]:
        """Yield what is known of a trial of each of the further measures."""
        for measure in self.further_measures:
            if str(measure) in trial.attributes.measures:
                yield measure, trial.attributes.measures[str(measure)]

    @cached_property
    def reference(self) -> tuple[float, ...] | None:
        """What the hypervolume is measured from (`dse.hypervolume`); None before the conventional design is known."""
        if self.conventional is None or self.conventional.values is None:
            return None
        conventional = dict(zip(map(str, self.goal.objectives), self.conventional.values, strict=True))
        return reference_values(self.goal.objectives, conventional, self.widest, self.chance, self.deepest)

    @property
    def core_name(self) -> str:
        """The core with the fields of it that were overridden."""
        return overridden_name(self.core, self.overrides)

    @cached_property
    def hypervolumes(self) -> tuple[float, ...]:
        """The hypervolume after each complete trial, in the order of their numbers; empty without a reference."""
        reference = self.reference
        if reference is None:
            return ()
        objectives = self.goal.objectives
        shares = (
            share(objectives, trial.values, reference) if trial.feasible and trial.values else None
            for trial in self.complete
        )
        return tuple(history(shares))

    @property
    def distinguishable(self) -> tuple[TrialResult, ...]:
        """The trials on the front that are not marked."""
        return tuple(trial for trial in self.front if trial.number not in self.not_shown_above)

    @cached_property
    def fastest(self) -> TrialResult | None:
        """The feasible trial of least latency; of several the most accurate."""
        return min(self._feasible, key=lambda trial: (trial.point[0], -trial.point[1]), default=None)

    @cached_property
    def most_accurate(self) -> TrialResult | None:
        """The feasible trial of highest accuracy; of several the fastest."""
        return max(self._feasible, key=lambda trial: (trial.point[1], -trial.point[0]), default=None)

    @cached_property
    def equal_accuracy(self) -> TrialResult | None:
        """The fastest design whose accuracy is within one standard error of the conventional design's, or better.

        `differ` would let more designs through: the larger the error, the more accuracy a design could lose unnoticed.
        """
        if self.conventional is None:
            return None
        needed = self.conventional.point[1] - (self.conventional.attributes.accuracy_standard_error or 0.0)
        enough = (trial for trial in self._feasible if trial.point[1] >= needed)
        return min(enough, key=lambda trial: (trial.point[0], -trial.point[1]), default=None)

    @property
    def gain(self) -> float | None:
        """Latency of the conventional design over that of `equal_accuracy`: how many times faster at its accuracy."""
        if self.conventional is None or self.equal_accuracy is None or self.equal_accuracy.point[0] <= 0:
            return None
        return self.conventional.point[0] / self.equal_accuracy.point[0]

    @cached_property
    def spared(self) -> tuple[TrialResult, ...]:
        """The trials that were pruned before their training, infeasible or unable to reach the front, and stayed so."""
        evaluated = {trial.design for trial in self.complete}
        pruned = [trial for trial in self.trials if trial.attributes.stage in SPARED]
        return tuple({trial.design: trial for trial in pruned if trial.design not in evaluated}.values())

    @cached_property
    def twins(self) -> frozenset[Design]:
        """Designs that were timed and not evaluated: an evaluated one computes the same and is as good or better."""
        proposed = (trial.design for trial in self.trials if trial.attributes.stage == Stage.TWIN)
        found = {twin.design for trial in self.complete for twin in trial.stands_for}
        found.update(design for design in proposed if design is not None)
        return frozenset(found.difference(trial.design for trial in self.complete if trial.design is not None))

    @cached_property
    def refined(self) -> StudyResults | None:
        """The same of the front's designs and the conventional one as a second look found them; None without one.

        What the look has not finished is left out. A design may have left this front, or have come onto it.
        """
        trials = tuple(
            trial.as_refined(self.goal)
            for trial in self.complete
            if trial.refined is not None and (trial.number in self.front_numbers or trial == self.conventional)
        )
        if not trials:
            return None
        conventional = self.conventional.number if self.conventional is not None else None
        return replace(
            self,
            trials=trials,
            front=tuple(pareto_front((trial for trial in trials if trial.feasible), losses_of(self.goal))),
            conventional=next((trial for trial in trials if trial.number == conventional), None),
        )

    def count(self, *states: TrialState) -> int:
        """How many trials are in one of `states`."""
        return sum(trial.state in states for trial in self.trials)

    def trial(self, number: int) -> TrialResult | None:
        """Return the trial of that number, or None."""
        return self._by_number.get(number)

    @cached_property
    def _by_number(self) -> dict[int, TrialResult]:
        return {trial.number: trial for trial in self.trials}


def overridden_name(core: str, overrides: Mapping[str, str]) -> str:
    """Return the name of a core with the fields of it that were overridden: "cortex-a72 (dispatch_width=1)"."""
    changes = ", ".join(f"{field}={value}" for field, value in sorted(overrides.items()))
    return f"{core} ({changes})" if changes else core


def losses_of(goal: Goal) -> Callable[[TrialResult], tuple[float, ...]]:
    """Return the function from a complete trial to its objectives, less being better."""
    return lambda trial: goal.losses(trial.values or ())

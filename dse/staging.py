"""What excludes a design from the front before it is trained, and when that must be taken back.

A trial goes through stages, cheapest first. Kernels are timed; then a training is spared where the design breaks a
constraint already, or where the study has a trial that is at least as good in all else and at least as accurate as the
design can be, which then cannot reach the front. That is asked again after each epoch of a training, which may end it.
Of a goal without accuracy, all is known before. A design that computes just what a complete trial computed needs no
training either: its accuracy is that one's.

Bounds (`dse.accuracy_bounds`) are assumptions. Before a run ends, each spared trial is tested anew against everything
that has been trained, and those that nothing excludes any more are evaluated, until no such trial is left. So the final
front is the one of a study that trains every design, unless a design that stayed excluded would have broken its bound.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from dse.accuracy_bounds import AccuracyBound, Reached, Trained
from dse.design import Design
from dse.errors import UsageError
from dse.workers import RETRY

STAGE: Final = "stage"
"""Trial attribute of a pruned trial: where it ended."""

EXCLUSION: Final = "exclusion"
"""Trial attribute of a trial that was pruned before its training: `Exclusion.to_dict`."""


KNOWN: Final = "known_objectives"
"""Trial attribute of such a trial: the objectives that it has, by number of the objective."""


REACHED: Final = "reached"
"""Trial attribute of such a trial whose training had begun: the epoch that it finished, and the accuracy after it."""


SETTLED: Final = "settled"
"""Study attribute: whether the last run came to its end, at which nothing was left to reopen."""


MEASURED: Final = "measured"
"""Source of an exclusion by objectives that are all measured before a training."""


class Stage(StrEnum):
    """Where a trial was pruned."""

    LEGALITY = "legality"
    """No kernel computes the design, or it has been tried."""
    TWIN = "twin"
    """Before its training: another design computes the same and is as good or better. That one is evaluated instead."""
    CONSTRAINT = "constraint"
    """Before its training: it breaks a constraint whatever its accuracy is."""
    TRAINING = "training"
    """Before its training, or after some epochs of it: it could not reach the front."""


SPARED: Final = (Stage.CONSTRAINT, Stage.TRAINING)
"""Stages of trials that count as finished although their training was spared."""


@dataclass(frozen=True, slots=True)
class Spared:
    """Why a design is not trained.

    Attributes:
        stage: Where its trial ends.
        reason: The same for people, in one line.
        attributes: What is written down with the trial.
        violations: Constraints that it breaks, by name.
        instead: The design that is evaluated for it.

    """

    stage: Stage
    reason: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    violations: Mapping[str, float] = field(default_factory=dict)
    instead: Design | None = None


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Why a design cannot reach the front.

    Attributes:
        bound: The most that its accuracy is taken to be, 0 to 1; None: accuracy is no objective.
        source: What says so: the name of a bound, or `MEASURED`.
        by: Number of the complete trial that is at least as good even then.

    """

    bound: float | None
    source: str
    by: int

    def __str__(self) -> str:
        if self.bound is None:
            return f"cannot reach the front whatever its accuracy is: trial {self.by} is better"
        return (
            f"cannot reach the front at an accuracy of {self.bound:.2%} at most ({self.source} bound): "
            f"trial {self.by} is better"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return {"bound": self.bound, "source": self.source, "by": self.by}


class Staging:
    """Decides what a study need not train.

    Args:
        bounds: What is assumed of accuracies; none: every design is trained.
        directions: Of the study's objectives.
        accuracy: Which of the objectives is the accuracy; None: none is. All others are known before a training.
        screens: Whether designs that cannot reach the front whatever their accuracy is are not trained either.

    """

    def __init__(
        self,
        bounds: Sequence[AccuracyBound],
        directions: Sequence[StudyDirection],
        accuracy: int | None = 1,
        *,
        screens: bool = False,
    ) -> None:
        self._bounds = () if accuracy is None else tuple(bounds)
        if accuracy is not None and self._bounds and directions[accuracy] is not StudyDirection.MAXIMIZE:
            raise UsageError(f"objective {accuracy} of the study is no accuracy: it is minimised")
        self._signs = [1.0 if direction is StudyDirection.MINIMIZE else -1.0 for direction in directions]
        self._accuracy = accuracy
        self.screens = screens

    def exclusion(
        self,
        design: Design,
        known: Mapping[int, float],
        trials: Sequence[FrozenTrial],
        reached: Reached | None = None,
    ) -> Exclusion | None:
        """Return why a design cannot reach the front, or None if it might.

        Args:
            design: The design.
            known: Its objectives but the accuracy, by number of the objective.
            trials: The study's; the complete ones count.
            reached: How far the training of the design is; None before its first epoch has ended.

        """
        complete = [trial for trial in trials if trial.state is TrialState.COMPLETE]
        if self._accuracy is None:
            return self._excluded_unseen(known, complete) if self.screens else None
        trained = self._trained(complete)
        for bound in self._bounds:
            if bound.contradiction(trained) is not None:
                continue
            most = bound.of(design, trained, reached)
            best = [known.get(number, most) for number in range(len(self._signs))]
            better = self._first_better(best, complete)
            if better is not None:
                return Exclusion(most, bound.name, better)
        return None

    def _excluded_unseen(self, known: Mapping[int, float], complete: Sequence[FrozenTrial]) -> Exclusion | None:
        """Return what excludes a design all of whose objectives are known; no training can change that."""
        better = self._first_better([known[number] for number in range(len(self._signs))], complete)
        return None if better is None else Exclusion(None, MEASURED, better)

    def _first_better(self, objectives: Sequence[float], complete: Sequence[FrozenTrial]) -> int | None:
        """Return the number of the first feasible trial that dominates these objectives."""
        better = (trial.number for trial in filter(_is_feasible, complete) if self._dominates(trial.values, objectives))
        return next(better, None)

    def to_reopen(self, trials: Sequence[FrozenTrial]) -> list[Design]:
        """Return the designs of trials that were pruned before their training and that nothing excludes any more."""
        ended = {_design_of(trial) for trial in trials if _has_ended(trial)}
        found: dict[Design, None] = {}
        for trial in trials:
            if not is_untrained(trial) or (design := _design_of(trial)) in ended:
                continue
            if trial.user_attrs[STAGE] != Stage.TRAINING:
                if not self.screens:
                    found[design] = None
                continue
            known = {int(number): value for number, value in trial.user_attrs[KNOWN].items()}
            reached = Reached(**trial.user_attrs[REACHED]) if REACHED in trial.user_attrs else None
            if self.exclusion(design, known, trials, reached) is None:
                found[design] = None
        return list(found)

    def contradictions(self, trials: Sequence[FrozenTrial]) -> list[str]:
        """Return what shows that bounds are wrong, a line each."""
        trained = self._trained([trial for trial in trials if trial.state is TrialState.COMPLETE])
        found = ((bound.name, bound.contradiction(trained)) for bound in self._bounds)
        return [f"the {name} bound does not hold: {reason}" for name, reason in found if reason is not None]

    def _trained(self, complete: Sequence[FrozenTrial]) -> list[Trained]:
        accuracy = self._accuracy
        if accuracy is None:
            return []
        return [
            Trained(
                trial.number,
                _design_of(trial),
                trial.values[accuracy],
                trial.user_attrs["accuracy_standard_error"],
                tuple(epoch["accuracy"] for epoch in trial.user_attrs.get("history", ())),
            )
            for trial in complete
        ]

    def _dominates(self, one: Sequence[float], other: Sequence[float]) -> bool:
        signed = [(sign * a, sign * b) for sign, a, b in zip(self._signs, one, other, strict=True)]
        return all(a <= b for a, b in signed) and any(a < b for a, b in signed)


def is_spared(trial: FrozenTrial) -> bool:
    """Return whether a trial was pruned before its training, as it is infeasible or could not reach the front."""
    return trial.state is TrialState.PRUNED and trial.user_attrs.get(STAGE) in SPARED


def is_untrained(trial: FrozenTrial) -> bool:
    """Return whether a trial was pruned before its training for any reason but that it could not have been trained."""
    return trial.state is TrialState.PRUNED and trial.user_attrs.get(STAGE) in (*SPARED, Stage.TWIN)


def _is_feasible(trial: FrozenTrial) -> bool:
    """Whether a trial keeps the study's constraints: one that does not has no place on the front."""
    return all(violation <= 0 for violation in trial.constraints.values())


def _has_ended(trial: FrozenTrial) -> bool:
    """Return whether a trial was evaluated, or failed by its design's own fault."""
    return trial.state is TrialState.COMPLETE or (
        trial.state is TrialState.FAIL and "design" in trial.user_attrs and RETRY not in trial.user_attrs
    )


def _design_of(trial: FrozenTrial) -> Design:
    return Design.from_dict(trial.user_attrs["design"])

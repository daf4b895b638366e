"""Reading a study: Optuna's trials into typed values that reports and pages draw.

The attributes read here are those that the study writes on every trial and on itself; a study of another program, or
of a newer format, is refused by name instead of being drawn half empty.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import optuna
from optuna.trial import FrozenTrial
from pydantic import TypeAdapter, ValidationError

from dse.design import Design
from dse.errors import StorageError, UsageError
from dse.front import pareto_front
from dse.goal import Goal
from dse.measures import ACCURACY, LATENCY
from dse.results import STOPPED, StudyResults, TrialAttributes, TrialResult, losses_of
from dse.second_look import RefinedAccuracy, read_second_look
from dse.storage import check_format
from dse.twins import Twin


def read_results(study: optuna.Study) -> StudyResults:
    """Read every trial of `study`; raises as `StudyReader.read`."""
    return StudyReader(study).read()


class StudyReader:
    """A study that is read again and again while it grows; a finished trial, which nothing changes any more, once."""

    def __init__(self, study: optuna.Study) -> None:
        self.study = study
        self._finished: dict[int, tuple[datetime | None, TrialResult]] = {}

    def read(self) -> StudyResults:
        """Return the study as it is now.

        Raises:
            UsageError: It is not one that this version of dse reads.
            StorageError: The attributes of a trial or of a second look are damaged.

        """
        check_format(self.study)
        attributes = self.study.user_attrs
        look = read_second_look(self.study)
        spec = _mapping(attributes.get("spec"))
        goal = _goal(self.study.study_name, spec)
        trials = self._read_trials(goal, look.accuracies)
        complete = [trial for trial in trials if trial.complete]
        conventional = attributes.get("conventional")
        space = _mapping(attributes.get("space"))
        return StudyResults(
            name=self.study.study_name,
            network=_text(spec.get("network")),
            dataset=_text(spec.get("dataset")),
            core=_text(spec.get("core")),
            overrides=_mapping(spec.get("overrides")),
            clock_hz=_finite(spec.get("clock_hz")),
            budget=spec.get("trials") if isinstance(spec.get("trials"), int) else None,
            trials=trials,
            front=tuple(pareto_front((trial for trial in complete if trial.feasible), losses_of(goal))),
            conventional=next((trial for trial in complete if trial.attributes.design == conventional), None),
            goal=goal,
            widest=_largest(space.get("widths")),
            deepest=_largest(space.get("depths")),
            chance=_finite(attributes.get("chance_accuracy")) or 0.0,
            stopped=None if attributes.get(STOPPED) is None else _text(attributes[STOPPED]),
            look=look.plan,
            recipe=_mapping(spec.get("recipe")),
            seed=spec.get("seed") if isinstance(spec.get("seed"), int) else None,
            digests=_mapping(attributes.get("digests")),
        )

    def _read_trials(self, goal: Goal, refined: Mapping[int, RefinedAccuracy]) -> tuple[TrialResult, ...]:
        found = sorted(self.study.get_trials(deepcopy=False), key=lambda trial: trial.number)
        trials = (self._read_trial(trial, goal) for trial in found)
        return tuple(
            replace(trial, refined=refined[trial.number]) if trial.number in refined else trial for trial in trials
        )

    def _read_trial(self, trial: FrozenTrial, goal: Goal) -> TrialResult:
        # The time tells a trial from one of the same number in a study that was deleted and made anew.
        completed, known = self._finished.get(trial.number, (None, None))
        if known is not None and completed == trial.datetime_complete:
            return known
        result = _read_trial(trial, self.study.study_name, goal)
        if trial.state.is_finished():
            self._finished[trial.number] = trial.datetime_complete, result
        return result


_attributes_adapter = TypeAdapter(TrialAttributes)


def _read_trial(trial: FrozenTrial, study_name: str, goal: Goal) -> TrialResult:
    try:
        attributes = _attributes_adapter.validate_python(trial.user_attrs)
        design = None if attributes.design is None else Design.from_dict(attributes.design)
        twins = tuple(Twin(Design.from_dict(twin.design), twin.measures) for twin in attributes.stands_for)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise StorageError(f"study {study_name!r}, trial {trial.number}: damaged {where}: {first['msg']}") from error
    except UsageError as error:
        raise StorageError(f"study {study_name!r}, trial {trial.number}: {error}") from error
    values = tuple(map(_finite, trial.values or ()))
    known = tuple(value for value in values if value is not None)
    by_name = dict(zip(map(str, goal.objectives), values, strict=False)) | dict(attributes.measures)
    return TrialResult(
        number=trial.number,
        state=trial.state,
        latency_ms=_finite(by_name.get(str(LATENCY))),
        accuracy=_finite(by_name.get(str(ACCURACY))),
        design=design,
        attributes=attributes,
        values=known if len(known) == len(goal.objectives) else None,
        broken=tuple(name for name, violation in trial.constraints.items() if violation > 0),
        stands_for=twins,
    )


def _goal(study_name: str, spec: Mapping[str, Any]) -> Goal:
    try:
        return Goal.of_spec(spec)
    except (TypeError, AttributeError) as error:
        raise StorageError(f"study {study_name!r}: damaged objectives or constraints in its spec: {error}") from error


def _largest(values: Any) -> float:
    """Return the largest of a range of multipliers, 1 where there is none."""
    numbers = map(_finite, values if isinstance(values, (list, tuple)) else ())
    return max((number for number in numbers if number is not None), default=1.0)


def _finite(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None


def _mapping(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "unknown"

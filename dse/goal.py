"""What a study is after: its objectives, and the constraints that a design must keep."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dse.constraints import Constraint
from dse.errors import UsageError
from dse.measures import ACCURACY, LATENCY, Measure

DEFAULT_OBJECTIVES = (str(LATENCY), str(ACCURACY))


@dataclass(frozen=True, slots=True)
class Goal:
    """Objectives, of which charts draw the first two, and constraints.

    Raises UsageError for fewer than two objectives or one that comes twice.
    """

    objectives: tuple[Measure, ...] = (LATENCY, ACCURACY)
    constraints: tuple[Constraint, ...] = ()

    def __post_init__(self) -> None:
        if len(self.objectives) < 2 or len(set(self.objectives)) < len(self.objectives):
            names = ", ".join(map(str, self.objectives)) or "none"
            raise UsageError(f"objectives {names}: give at least two, each once")

    @classmethod
    def parse(cls, objectives: Iterable[str], constraints: Iterable[str]) -> Goal:
        """Read the texts of objectives and constraints; raises UsageError for the first malformed one."""
        return cls(tuple(map(Measure.parse, objectives)), tuple(map(Constraint.parse, constraints)))

    @classmethod
    def of_spec(cls, spec: Mapping[str, Any]) -> Goal:
        """Return the goal that a stored spec names; without one, the default."""
        return cls.parse(spec.get("objectives", DEFAULT_OBJECTIVES), spec.get("constraints", ()))

    @property
    def measures(self) -> tuple[Measure, ...]:
        """Everything to measure of a design, once each; latency and accuracy always, as every table shows them."""
        limited = (constraint.measure for constraint in self.constraints)
        return tuple(dict.fromkeys([LATENCY, ACCURACY, *self.objectives, *limited]))

    @property
    def further_cores(self) -> tuple[str, ...]:
        """Cores besides the study's own on which latency is measured."""
        return tuple(dict.fromkeys(measure.core for measure in self.measures if measure.core is not None))

    def values(self, measured: Mapping[str, float]) -> tuple[float, ...]:
        """Return the objectives of a design of which everything is measured."""
        return tuple(measured[str(objective)] for objective in self.objectives)

    def losses(self, values: Sequence[float]) -> tuple[float, ...]:
        """Return objectives as numbers of which less is better."""
        return tuple(objective.loss(value) for objective, value in zip(self.objectives, values, strict=True))

    def violations(self, measured: Mapping[str, float]) -> dict[str, float]:
        """Return by text the violation of each constraint whose measure is known; zero or less where it is kept."""
        return {
            str(constraint): constraint.violation(measured[str(constraint.measure)])
            for constraint in self.constraints
            if str(constraint.measure) in measured
        }

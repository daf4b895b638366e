"""Designs that compute the same, and so are equally accurate: what is known before a training tells which are best."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from dse.design import Design
from dse.goal import Goal
from dse.measures import ACCURACY

STANDS_FOR: Final = "stands_for"
"""Trial attribute of a trial that is trained: the designs that it stands for, each as `Twin.to_dict`."""

KnownOf = Callable[[Design], Mapping[str, float] | None]
"""Returns a design's measures but accuracy, by name; None where it cannot be measured."""


@dataclass(frozen=True, slots=True)
class Twin:
    """A design that computes the same as one that is trained, whose accuracy is its own, and that is better in nothing.

    Attributes:
        design: The design.
        measures: Everything that the goal names but the accuracy, by name.

    """

    design: Design
    measures: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return {"design": self.design.to_dict(), "measures": dict(self.measures)}


class Twins:
    """The designs of a study by what they compute.

    Args:
        relatives: Returns designs worth evaluating that may compute the same as one, perhaps itself among them.
        key: Returns the digest of what a design computes.
        goal: What makes a design better.
        rank: Returns what puts designs in an order: of equally good ones, the first stands for the others.

    """

    def __init__(
        self,
        relatives: Callable[[Design], Iterable[Design]],
        key: Callable[[Design], str],
        goal: Goal,
        rank: Callable[[Design], tuple[int, ...]],
    ) -> None:
        self._relatives = relatives
        self._key = cache(key)
        self._goal = goal
        self._rank = rank
        self._objectives: Final = tuple(objective for objective in goal.objectives if objective != ACCURACY)

    def better(self, design: Design, known: Mapping[str, float], known_of: KnownOf) -> Design | None:
        """Return the best design that computes the same and is worse in nothing, or None where that is the one given.

        Args:
            design: The design.
            known: Its measures but accuracy, by name.
            known_of: Measures the others.

        """
        best = own = self._standing(design, known)
        while (better := self._best_relative(best, known_of)) is not None:
            best = better  # where relatives differ in one layer, there may be better ones of that one
        return None if best is own else best.design

    def worse(self, design: Design, known: Mapping[str, float], known_of: KnownOf) -> list[Twin]:
        """Return the relatives that compute the same as a design and are better in nothing; arguments as for `better`.

        Where relatives differ in one layer, there may be more such designs.
        """
        own = self._standing(design, known)
        measured = self._measured_twins(design, known_of)
        return [Twin(twin, known) for twin, known in measured if own.replaces(self._standing(twin, known))]

    def _best_relative(self, standing: _Standing, known_of: KnownOf) -> _Standing | None:
        found = (self._standing(twin, known) for twin, known in self._measured_twins(standing.design, known_of))
        better = (one for one in found if one.replaces(standing))
        return min(better, key=lambda one: (one.costs, one.rank), default=None)

    def _standing(self, design: Design, known: Mapping[str, float]) -> _Standing:
        return _Standing(self._costs(known), self._rank(design), design)

    def _measured_twins(self, design: Design, known_of: KnownOf) -> Iterator[tuple[Design, Mapping[str, float]]]:
        key = self._key(design)
        for twin in self._relatives(design):
            if twin != design and self._key(twin) == key and (measures := known_of(twin)) is not None:
                yield twin, measures

    def _costs(self, known: Mapping[str, float]) -> tuple[float, ...]:
        """Return everything in which a design can be worse than another, less being better: objectives first."""
        losses = (objective.loss(known[str(objective)]) for objective in self._objectives)
        return (*losses, *(max(violation, 0.0) for violation in self._goal.violations(known).values()))


@dataclass(frozen=True, slots=True)
class _Standing:
    """A design with what it costs and where it stands among equals."""

    costs: tuple[float, ...]
    rank: tuple[int, ...]
    design: Design

    def replaces(self, other: _Standing) -> bool:
        """Whether this one, which computes the same, is worse in nothing and better in something, or before it."""
        is_nowhere_worse = all(mine <= its for mine, its in zip(self.costs, other.costs, strict=True))
        return is_nowhere_worse and (self.costs, self.rank) < (other.costs, other.rank)

"""Designs that compute the same, and so are equally accurate: what is known before a training tells which are best."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from dse.design import Design
from dse.goal import Goal
from dse.measures import ACCURACY

KnownOf = Callable[[Design], Mapping[str, float] | None]
"""Returns a design's measures but accuracy, by name; None where it cannot be measured."""


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
        best = own = _Standing(self._costs(known), self._rank(design), design)
        while (better := self._best_relative(best, known_of)) is not None:
            best = better  # where relatives differ in one layer, there may be better ones of that one
        return None if best is own else best.design

    def _best_relative(self, standing: _Standing, known_of: KnownOf) -> _Standing | None:
        found = (self._standing(twin, known_of) for twin in self._twins(standing.design))
        better = [one for one in found if one is not None and one.replaces(standing)]
        return min(better, key=lambda one: (one.costs, one.rank), default=None)

    def _standing(self, design: Design, known_of: KnownOf) -> _Standing | None:
        known = known_of(design)
        return None if known is None else _Standing(self._costs(known), self._rank(design), design)

    def _twins(self, design: Design) -> Iterator[Design]:
        key = self._key(design)
        return (twin for twin in self._relatives(design) if twin != design and self._key(twin) == key)

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

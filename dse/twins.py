"""Designs that compute the same, and so are equally accurate: what is known before a training tells which are best."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from dse.design import Design
from dse.goal import Goal
from dse.measures import ACCURACY
from dse.networks import FeatureMaps

KnownOf = Callable[[Design], Mapping[str, float] | None]
"""Returns a design's measures but accuracy, by name; None where it cannot be measured."""


class Twins:
    """The designs of a study by what they compute.

    Args:
        designs: Returns those that are worth evaluating.
        key: Returns the digest of what a design computes.
        goal: What makes a design better.

    """

    def __init__(self, designs: Callable[[], Iterable[Design]], key: Callable[[Design], str], goal: Goal) -> None:
        self._designs = designs
        self._key = key
        self._goal = goal
        self._objectives: Final = tuple(objective for objective in goal.objectives if objective != ACCURACY)
        self._groups: dict[tuple[float, FeatureMaps], dict[str, list[Design]]] = {}

    def better(self, design: Design, known: Mapping[str, float], known_of: KnownOf) -> Design | None:
        """Return the best twin of a design that is better than it in something known and worse in nothing, or None.

        Args:
            design: The design.
            known: Its measures but accuracy, by name.
            known_of: Measures the twins.

        """
        better: list[tuple[tuple[float, ...], Design]] = []
        for twin in self._twins(design):
            of_twin = None if twin == design else known_of(twin)
            if of_twin is not None and self._is_better(of_twin, known):
                better.append((self._losses(of_twin), twin))
        return min(better, key=lambda found: found[0])[1] if better else None

    def _twins(self, design: Design) -> list[Design]:
        place = (design.width_multiplier, design.maps)  # designs apart in these compute different things
        if place not in self._groups:
            groups: dict[str, list[Design]] = defaultdict(list)
            for other in self._designs():
                if (other.width_multiplier, other.maps) == place:
                    groups[self._key(other)].append(other)
            self._groups[place] = groups
        return self._groups[place].get(self._key(design), [])

    def _is_better(self, one: Mapping[str, float], other: Mapping[str, float]) -> bool:
        """Whether one of two equally accurate designs is nowhere worse, breaks no constraint by more and is better."""
        losses = list(zip(self._losses(one), self._losses(other), strict=True))
        violations = zip(self._violations(one), self._violations(other), strict=True)
        is_nowhere_worse = all(mine <= its for mine, its in (*losses, *violations))
        return is_nowhere_worse and any(mine < its for mine, its in losses)

    def _losses(self, known: Mapping[str, float]) -> tuple[float, ...]:
        return tuple(objective.loss(known[str(objective)]) for objective in self._objectives)

    def _violations(self, known: Mapping[str, float]) -> list[float]:
        return [max(violation, 0.0) for violation in self._goal.violations(known).values()]

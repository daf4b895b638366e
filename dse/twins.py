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
        designs: Returns those that are worth evaluating; of equally good ones, the first stands for the others.
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
        """Return the best twin of a design that is worse than it in nothing, or None where that is the design itself.

        Args:
            design: The design.
            known: Its measures but accuracy, by name.
            known_of: Measures the twins.

        """
        twins = self._twins(design)
        own = self._costs(known), twins.index(design) if design in twins else len(twins)
        better: list[tuple[tuple[float, ...], int]] = []
        for number, twin in enumerate(twins):
            of_twin = None if twin == design else known_of(twin)
            if of_twin is None:
                continue
            costs = self._costs(of_twin)
            if (costs, number) < own and all(mine <= its for mine, its in zip(costs, own[0], strict=True)):
                better.append((costs, number))
        return twins[min(better)[1]] if better else None

    def _twins(self, design: Design) -> list[Design]:
        place = (design.width_multiplier, design.maps)  # designs apart in these compute different things
        if place not in self._groups:
            groups: dict[str, list[Design]] = defaultdict(list)
            for other in dict.fromkeys(self._designs()):
                if (other.width_multiplier, other.maps) == place:
                    groups[self._key(other)].append(other)
            self._groups[place] = groups
        return self._groups[place].get(self._key(design), [])

    def _costs(self, known: Mapping[str, float]) -> tuple[float, ...]:
        """Return everything in which a design can be worse than another, less being better: objectives first."""
        losses = (objective.loss(known[str(objective)]) for objective in self._objectives)
        return (*losses, *(max(violation, 0.0) for violation in self._goal.violations(known).values()))

"""The designs that a study may still propose: legal ones that it has not tried."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final, Protocol

from optuna.distributions import IntDistribution

from dse.design import Design, Sums
from dse.legality import Legality
from dse.space import SearchSpace

CHANGES: Final = 100
"""Changes of one layer after which a design per layer that is still tried already gives way to the first open one."""


class Candidates(Protocol):
    """What a sampler asks; the answers change as the study goes on."""

    def is_open(self, design: Design) -> bool:
        """Return whether a design is legal and was not tried."""

    def untried(self) -> Iterator[Design]:
        """Yield all such designs in a fixed order."""

    def draw(self, chance: random.Random) -> Design:
        """Return one of them, each with the same probability or nearly so; there must be one."""

    def nearest(self, wanted: Design, chance: random.Random) -> Design:
        """Return one that differs little from a design, one at random of several; there must be one."""


class ListedCandidates:
    """Candidates of a space that is small enough to look at all designs.

    Args:
        space: The space.
        is_open: Returns whether a design is legal and was not tried.
        untried: Yields all such designs in a fixed order.

    """

    def __init__(
        self, space: SearchSpace, is_open: Callable[[Design], bool], untried: Callable[[], Iterator[Design]]
    ) -> None:
        self._space = space
        self.is_open = is_open
        self.untried = untried

    def draw(self, chance: random.Random) -> Design:
        """See `Candidates`."""
        return chance.choice(list(self.untried()))

    def nearest(self, wanted: Design, chance: random.Random) -> Design:
        """See `Candidates`: of all that differ least."""
        distance = _distance(self._space, wanted)
        nearest: list[Design] = []
        least = math.inf
        for design in self.untried():
            between = distance(design)
            if between < least:
                nearest, least = [], between
            if between == least:
                nearest.append(design)
        return chance.choice(nearest)


class LayeredCandidates:
    """Candidates of a space that chooses the sums of each layer: far too many to look at all.

    Whether sums are legal in a layer does not depend on the other layers', so that designs are made layer by layer.

    Args:
        space: The space.
        legality: Tells which sums a layer can have.
        is_open: Returns whether a design is legal and was not tried.

    """

    def __init__(self, space: SearchSpace, legality: Legality, is_open: Callable[[Design], bool]) -> None:
        self._space = space
        self._once = replace(space, layer_counts=())
        self._legality = legality
        self.is_open = is_open

    def untried(self) -> Iterator[Design]:
        """See `Candidates`."""
        return filter(self.is_open, self._legality.designs(self._space))

    def draw(self, chance: random.Random) -> Design:
        """See `Candidates`."""
        networks = list(self._space.networks())
        for _ in range(CHANGES):
            network = chance.choice(networks)
            legal = self._legality.legal_sums(network, self._space.sums)
            if legal and all(legal):
                design = Design(network, tuple(map(chance.choice, legal)))
                if self.is_open(design):
                    return design
        return next(self.untried())

    def nearest(self, wanted: Design, chance: random.Random) -> Design:
        """See `Candidates`: each layer's sums give way to the nearest legal ones, and then one layer's to any others.

        Where no design of that network is legal, another one is drawn.
        """
        legal = self._legality.legal_sums(wanted.network, self._space.sums)
        if not (legal and all(legal)):
            return self.draw(chance)
        layers = zip(wanted.layer_sums(len(legal)), legal, strict=True)
        sums = [self._nearest_sums(wanted, one, possible, chance) for one, possible in layers]
        for _ in range(CHANGES):
            design = Design(wanted.network, tuple(sums))
            if self.is_open(design):
                return design
            changed = chance.randrange(len(sums))
            sums[changed] = chance.choice(legal[changed])
        return self.draw(chance)

    def _nearest_sums(self, wanted: Design, sums: Sums, possible: tuple[Sums, ...], chance: random.Random) -> Sums:
        choices = (Design(wanted.network, (one,)) for one in possible)
        listed = ListedCandidates(self._once, self.is_open, lambda: choices)
        return listed.nearest(Design(wanted.network, (sums,)), chance).sums[0]


def _distance(space: SearchSpace, wanted: Design) -> Callable[[Design], float]:
    """Return how far designs are from one: another category is as far as the whole range of an ordered parameter."""
    ordered = {name: one for name, one in space.distributions().items() if isinstance(one, IntDistribution)}
    spans = {name: one.high - one.low for name, one in ordered.items()}
    origin = space.parameters(wanted)

    def distance(design: Design) -> float:
        values = space.parameters(design)
        steps: float = sum(abs(values[name] - origin[name]) / span for name, span in spans.items() if span > 0)
        changes = sum(1 for name in values.keys() - spans.keys() if values[name] != origin[name])
        return steps + changes

    return distance

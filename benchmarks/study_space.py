"""The space that searches are compared on: small enough to evaluate all of it, so that its true front is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Final

from benchmarks.study_accuracy import stand_in_accuracy
from dse.accuracy import NetworkTrainer
from dse.cache import EvaluationCache
from dse.chosen_network import network_builder
from dse.data import load_dataset
from dse.design import Design
from dse.evaluation import Evaluator
from dse.goal import Goal
from dse.hypervolume import MARGIN, Share, reference_values, share
from dse.known_designs import known_designs
from dse.latency import EmulatedTimer
from dse.legality import Legality, NetworkOf
from dse.measures import ACCURACY, LATENCY
from dse.networks import DEFAULT_NETWORK
from dse.space import SearchSpace
from dse.tile_candidates import tile_family
from dse.tile_search import TileSearch
from dse.training.recipe import Recipe
from dse.twins import Twins
from isa_models import load_core

CORE: Final = "cortex-a72"
DATASET: Final = "fashion-mnist-small"
OBJECTIVES: Final = (LATENCY, ACCURACY)
CHANCE: Final = 0.1
"""Accuracy of guessing one of ten classes."""
SPACE: Final = SearchSpace(
    width_multipliers=(0.25, 0.5, 0.75, 1.0, 1.25),
    clips=(0, 127, 119, 111, 103, 95, 87, 79, 71, 63, 55, 47, 39, 31, 27, 23, 19, 17, 15, 13, 11, 9, 7, 6, 5, 4, 3, 2),
)
"""Widths of which each has other channel counts; clips to bytes share their searches, and so cost few simulations."""


@dataclass(frozen=True)
class Bench:
    """What evaluates the space's designs.

    Attributes:
        evaluator: Gives latencies.
        legality: Tells which designs have kernels.
        network_of: Builds the network.

    """

    evaluator: Evaluator
    legality: Legality
    network_of: NetworkOf

    def designs(self, space: SearchSpace = SPACE) -> tuple[Design, ...]:
        """Return the space's legal designs in its order."""
        return tuple(self.legality.designs(space))

    def accuracy(self, design: Design) -> float:
        """Return the stand-in for a design's accuracy."""
        network = self.network_of(design.network)
        functions = design.functions_in(network)
        return stand_in_accuracy(network.width_multiplier, network.maps, network.binary_layers, functions)


@dataclass(frozen=True)
class Truth:
    """The evaluated space.

    Shares of the hypervolume's cube are taken between the best and the worst values of the true front, a tenth beyond
    the worst: so that both objectives count alike and all of the front is needed. A study's own reference is wider, as
    it must be fixed before anything is known: a few designs have nearly all of the volume there.

    Attributes:
        values: Latency in milliseconds and accuracy of every legal design, in the space's order.
        first: The designs that every study begins with.
        instead: Of designs that compute the same, the fastest and first, for each of the others.
        stands_for: For each design, those that compute the same and are no better.

    """

    values: Mapping[Design, tuple[float, float]]
    first: tuple[Design, ...]
    instead: Mapping[Design, Design] = field(default_factory=dict)
    stands_for: Mapping[Design, Sequence[Design]] = field(default_factory=dict)

    @cached_property
    def front(self) -> tuple[tuple[float, float], ...]:
        """Values of the designs that no other one dominates, fastest first."""
        found: list[tuple[float, float]] = []
        for latency, accuracy in sorted(self.values.values(), key=lambda value: (value[0], -value[1])):
            if not found or accuracy > found[-1][1]:
                found.append((latency, accuracy))
        return tuple(found)

    def share(self, design: Design) -> Share:
        """Return a design's objectives between the reference, 0, and the front's best, 1."""
        best, worst = (self.front[0][0], self.front[-1][1]), (self.front[-1][0], self.front[0][1])
        return tuple(
            1 - (value - ideal) / ((far - ideal) * MARGIN)
            for value, ideal, far in zip(self.values[design], best, worst, strict=True)
        )

    def study_share(self, design: Design) -> Share:
        """Return the same as a study of this space has it."""
        conventional = dict(zip(map(str, OBJECTIVES), self.values[self.first[0]], strict=True))
        reference = reference_values(OBJECTIVES, conventional, max(SPACE.width_multipliers), CHANCE)
        return share(OBJECTIVES, self.values[design], reference)


def open_bench(cache: Path) -> Bench:
    """Return what evaluates designs, with the evaluation cache in this folder."""
    core, dataset = load_core(CORE, {}), load_dataset(DATASET, None)
    network_of = lru_cache(None)(network_builder(DEFAULT_NETWORK, dataset))
    family = tile_family(core)
    evaluations = EvaluationCache(cache)
    trainer = NetworkTrainer(dataset, Recipe(), seed=0, cache=evaluations)  # never asked: accuracies are stand-ins
    evaluator = Evaluator(
        network_of, TileSearch(EmulatedTimer(core), evaluations, family), trainer, core.clock_hz, evaluations
    )
    return Bench(evaluator, Legality(network_of, family), network_of)


def evaluate_space(bench: Bench, tell: Callable[[str], None]) -> Truth:
    """Return every design's values; `tell` is told how far it is. Kernels that the cache lacks are simulated."""
    values: dict[Design, tuple[float, float]] = {}
    for design in bench.designs():
        if (len(values) + 1) % 500 == 0:
            tell(f"{len(values) + 1} designs evaluated")
        values[design] = (bench.evaluator.latency(design, lambda _what: None).milliseconds, bench.accuracy(design))
    first = tuple(design for design in known_designs(bench.legality) if design in values)
    rank = {design: (number,) for number, design in enumerate(dict.fromkeys((*first, *values)))}
    relatives = partial(bench.legality.relatives, SPACE)
    twins = Twins(relatives, bench.evaluator.accuracy_key, Goal(), rank.__getitem__)
    known = {design: {str(LATENCY): latency} for design, (latency, _) in values.items()}
    instead = {design: twins.better(design, known[design], known.get) for design in values}
    worse = {design: [twin.design for twin in twins.worse(design, known[design], known.get)] for design in values}
    return Truth(values, first, {design: twin for design, twin in instead.items() if twin is not None}, worse)

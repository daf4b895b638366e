"""How many of its designs a study trains, and whether those that it does not would have been on its front.

Real latencies of the default space, and accuracies that are a stand-in: as in `benchmarks.study_space`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from optuna.trial import FrozenTrial

from benchmarks.study_accuracy import NOISE, stand_in_accuracy
from benchmarks.study_space import CHANCE, CORE, DATASET, OBJECTIVES
from dse.accuracy_bounds import NestedBound
from dse.cache import EvaluationCache, Record
from dse.chosen_network import network_builder
from dse.data import load_dataset
from dse.design import Design
from dse.evaluation import Activity, Evaluator, Judge
from dse.front import pareto_front
from dse.goal import Goal
from dse.known_designs import known_designs
from dse.latency import EmulatedTimer
from dse.layer_functions import function_values
from dse.legality import Legality, legal_space
from dse.networks import DEFAULT_NETWORK, Network
from dse.results import StudyResults
from dse.space import WIDTH_MULTIPLIERS
from dse.spec import SamplerKind, StudySpec
from dse.storage import StudyStorage
from dse.study import StudyRunner
from dse.study_reader import read_results
from dse.tile_candidates import tile_family
from dse.tile_search import TileSearch
from dse.uncertainty import standard_error
from isa_models import load_core
from kernels_asm import LayerFunction

TARGET: Final = 0.60
"""Target: of the designs, at least this share is not trained."""

DEFAULT_BUDGET: Final = StudySpec().trials


@dataclass(frozen=True)
class Trainings:
    """What a study trained.

    Attributes:
        study: What it is called.
        proposed: Designs that the sampler proposed.
        designs: Designs that were timed: those, and those that compute the same as one that was evaluated.
        trained: Designs that were trained.
        twins: Designs for which one that computes the same stands.
        shared: Evaluated designs whose accuracy was another one's, which computes the same.
        spared: Designs that could not reach the front, as the bounds have it.
        same_front: Whether the front is that of all the designs, all of them trained.

    """

    study: str
    proposed: int
    designs: int
    trained: int
    twins: int
    shared: int
    spared: int
    same_front: bool

    @property
    def avoided(self) -> float:
        """Share of the designs that were not trained, 0 to 1."""
        return 1 - self.trained / self.designs


class StandIn:
    """A `dse.evaluation.Trainer` of made-up accuracies, the same for what computes the same."""

    def __init__(self, validation: int) -> None:
        self._validation = validation

    def key(self, network: Network, functions: tuple[LayerFunction, ...]) -> Mapping[str, Any]:
        """Return what the accuracy depends on."""
        return {"network": network.digest, "functions": list(map(function_values, functions)), "noise": NOISE}

    def train(
        self,
        network: Network,
        functions: tuple[LayerFunction, ...],
        activity: Activity,
        judge: Judge | None = None,  # noqa: ARG002 - there is no epoch to ask after
    ) -> tuple[Record, bytes]:
        """Return the stand-in with the error that so many validation images have."""
        activity("standing in")
        accuracy = stand_in_accuracy(network.width_multiplier, network.maps, network.binary_layers, functions)
        error = standard_error([accuracy], self._validation)
        record = {"accuracy": accuracy, "standard_error": error, "test_accuracy": accuracy, "train_seconds": 0.0}
        return record | {"history": []}, b""

    def stored(self, network: Network, functions: tuple[LayerFunction, ...]) -> None:
        """Do nothing: there is nothing to go on from."""


class _Silent:
    """A `dse.progress.StudyProgress` that shows nothing."""

    def begin(self, finished: list[FrozenTrial], budget: int) -> None:
        pass

    def begin_trial(self, number: int, design: Design) -> None:
        pass

    def activity(self, what: str) -> None:
        pass

    def end_trial(self, trial: FrozenTrial) -> None:
        pass

    def end_elsewhere(self, trial: FrozenTrial) -> None:
        pass

    def end(self, note: str | None) -> None:
        pass


def measure(kind: SamplerKind, budget: int | None, seed: int, cache: Path) -> Trainings:
    """Run a study of the default space and return what it trained.

    Args:
        kind: Its sampler.
        budget: Its trials; None: as many as there are designs.
        seed: Of the search.
        cache: Folder with the evaluation cache of the latencies.

    """
    core, dataset = load_core(CORE, {}), load_dataset(DATASET, None)
    network_of, family = network_builder(DEFAULT_NETWORK, dataset), tile_family(core)
    legality = Legality(network_of, family)
    space = legal_space(legality, WIDTH_MULTIPLIERS)
    first = known_designs(legality)
    search = TileSearch(EmulatedTimer(core), EvaluationCache(cache), family)
    with TemporaryDirectory() as folder:
        trainer = StandIn(len(dataset.validation))
        evaluator = Evaluator(network_of, search, trainer, core.clock_hz, EvaluationCache(Path(folder, "cache")))
        storage = StudyStorage(f"journal:{Path(folder, 'study.log')}")
        attributes = {
            "spec": {},
            "space": space.to_dict(),
            "conventional": first[0].to_dict(),
            "chance_accuracy": CHANCE,
        }
        study = storage.create("study", attributes, OBJECTIVES)
        StudyRunner(
            study,
            space,
            first,
            evaluator,
            legality,
            seed,
            _Silent(),
            kind,
            bounds=(NestedBound(network_of),),
            screens=True,
            lock=storage.lock("study"),
        ).run(budget or len(list(legality.designs(space))))
        name = f"{kind}, {'the whole space' if budget is None else f'{budget} trials, seed {seed}'}"
        return _counted(name, read_results(study), evaluator)


def _counted(name: str, results: StudyResults, evaluator: Evaluator) -> Trainings:
    proposed = {trial.design for trial in results.trials if trial.attributes.cycles is not None and trial.design}
    designs = proposed | results.twins
    shared = sum(trial.attributes.accuracy_cached is True for trial in results.complete)
    return Trainings(
        study=name,
        proposed=len(proposed),
        designs=len(designs),
        trained=len(results.complete) - shared,
        twins=len(results.twins),
        shared=shared,
        spared=len(results.spared),
        same_front={trial.values for trial in results.front} == _front_of(designs, evaluator),
    )


def _front_of(designs: Iterable[Design], evaluator: Evaluator) -> set[tuple[float, ...]]:
    """Return the values of the front of all the designs, each of them evaluated."""

    def values(design: Design) -> tuple[float, ...]:
        latency, accuracy = evaluator.latency(design, _ignore), evaluator.accuracy(design, _ignore)
        return latency.milliseconds, accuracy.value

    return set(pareto_front(map(values, designs), Goal().losses))


def _ignore(what: str) -> None:
    """Take an activity and show nothing."""

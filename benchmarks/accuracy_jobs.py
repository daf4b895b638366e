"""Trainings of the accuracy benchmark, each kept as a record of the evaluation cache and so done once."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import safetensors.torch

from dse.cache import EvaluationCache, Record
from dse.data import Dataset
from dse.networks import Network
from dse.nn.model import BinaryModel
from dse.training.evaluation import evaluate
from dse.training.fast_step import FastStep, step_name
from dse.training.quick_recipe import QuickRecipe
from dse.training.quick_run import QuickRun, State
from kernels_asm import EndValue

KIND = "accuracy-benchmark"
WEIGHTS = "accuracy-benchmark-weights"
METHOD = 1
"""Version of what a recipe means: a change of the training code that moves results raises it."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A design after one training.

    Attributes:
        accuracy: On the validation images alone, 0 to 1: what a search sees.
        all_accuracy: On validation and test images: what judges the truth.
        seconds: CPU seconds of training and validation.

    """

    accuracy: float
    all_accuracy: float
    seconds: float


@dataclass(frozen=True, slots=True)
class SharedStart:
    """What the designs of a recipe have in common: weights of the parent, None without one, and its CPU seconds."""

    state: State | None
    seconds: float


class Trainings:
    """Trainings of one network on one data set; the compiled step is shared by all.

    Args:
        network: What to train.
        dataset: On what.
        cache: Where the records are kept.
        say: Told of each training that is done.

    """

    def __init__(self, network: Network, dataset: Dataset, cache: EvaluationCache, say: Callable[[str], None]) -> None:
        self._network = network
        self._dataset = dataset
        self._cache = cache
        self._say = say
        self._compiled: FastStep | None = None
        self._starts: dict[tuple[str, int], SharedStart] = {}

    def design(self, name: str, recipe: QuickRecipe, end_values: tuple[EndValue, ...], seed: int) -> Trained:
        """Return the design's record, trained now if there is none; `name` is for messages."""
        key = self._key(recipe, seed) | {"end_values": [list(asdict(end).values()) for end in end_values]}
        record = self._cache.load(KIND, key)
        if record is None:
            record = self._cache.store(KIND, key, self._train(recipe, end_values, seed))
            self._say(f"{name}, seed {seed}: {record['accuracy']:.2%} in {record['seconds']:.1f} s")
        return Trained(record["accuracy"], record["all_accuracy"], record["seconds"])

    def start(self, recipe: QuickRecipe, seed: int) -> SharedStart:
        """Return what the designs of the recipe start from, trained now if it is not stored."""
        place = (recipe.parent_digest, seed)
        if place not in self._starts:
            self._starts[place] = self._start(recipe, seed)
        return self._starts[place]

    def _start(self, recipe: QuickRecipe, seed: int) -> SharedStart:
        if recipe.parent_phase is None:
            return SharedStart(None, 0.0)
        key = self._base(seed) | {"parent": recipe.parent_digest}
        record = self._cache.load(KIND, key)
        if record is None:
            trained = self._run(recipe, seed).train_parent(recipe.parent_phase)
            weights = safetensors.torch.save({name: t.contiguous() for name, t in trained.state.items()})
            name = self._cache.store_file(WEIGHTS, weights, ".safetensors")
            record = self._cache.store(KIND, key, {"seconds": trained.cpu_seconds, "weights": name})
            self._say(f"{recipe.parent} parent, seed {seed}: {record['seconds']:.0f} s")
        state = safetensors.torch.load(self._cache.load_file(WEIGHTS, record["weights"]))
        return SharedStart(state, record["seconds"])

    def _train(self, recipe: QuickRecipe, end_values: tuple[EndValue, ...], seed: int) -> Record:
        parent = self.start(recipe, seed).state
        trained = self._run(recipe, seed).train_design(end_values, parent)
        model = BinaryModel(self._network, end_values)
        model.load_state_dict(trained.state)
        start = time.process_time()
        validation = evaluate(model, self._dataset.validation)
        seconds = trained.cpu_seconds + time.process_time() - start
        held_out = (self._dataset.validation, self._dataset.test)
        right = validation * len(held_out[0]) + evaluate(model, held_out[1]) * len(held_out[1])
        return {
            "accuracy": validation,
            "all_accuracy": right / sum(map(len, held_out)),
            "seconds": seconds,
            "losses": list(trained.losses),
        }

    def _run(self, recipe: QuickRecipe, seed: int) -> QuickRun:
        if self._compiled is None:
            self._compiled = FastStep(self._network)
        return QuickRun(self._network, self._dataset, recipe, seed, self._compiled)

    def _key(self, recipe: QuickRecipe, seed: int) -> dict[str, Any]:
        return self._base(seed) | {"recipe": recipe.digest}

    def _base(self, seed: int) -> dict[str, Any]:
        return {
            "method": METHOD,
            "network": self._network.digest,
            "dataset": self._dataset.digest,
            "seed": seed,
            "step": step_name(),
        }

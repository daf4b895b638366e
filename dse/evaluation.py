"""Evaluates a design: latency of its binary layers on the core first, then the accuracy of its network.

Both are looked up in the evaluation cache before anything runs. A layer's fastest kernel depends on its shape, its
arithmetic and the core alone (`dse.tile_search`), and a training on the function that each layer computes, so designs
share kernels and trainings: 16 and 32 bits are one arithmetic wherever nothing overflows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from dse.cache import EvaluationCache, Record, content_key
from dse.claims import obtain
from dse.design import Design, NetworkChoice
from dse.layer_solution import LayerSolution, solve_layers
from dse.networks import Network
from dse.tile_search import TileSearch
from kernels_asm import LayerFunction

ACCURACY = "accuracy"
"""Kind of the trainings' records in the cache."""

WEIGHTS = "weights"
"""Kind of the trained weights in the cache."""

LATENCY_SCOPE = "binary layers: convolution, batch norm, shortcut and signs"
"""What latency counts: stem, pooling, projections of shortcuts and classifier run in float and are not timed."""

Activity = Callable[[str], None]
"""Told in a few words what an evaluation does now."""

Judge = Callable[[int, float], None]
"""Told the epoch that a training has finished, from 1, and the accuracy after it; may raise StoppedTrainingError."""


class Trainer(Protocol):
    """Trains a network for the functions that its binary layers compute."""

    def key(self, network: Network, functions: tuple[LayerFunction, ...]) -> Mapping[str, Any]:
        """Return everything that the accuracy depends on, as JSON values."""

    def train(
        self, network: Network, functions: tuple[LayerFunction, ...], activity: Activity, judge: Judge | None = None
    ) -> tuple[Record, bytes]:
        """Return a record and the trained weights as safetensors; ask the judge after each epoch but the last.

        The record holds accuracy, standard_error and test_accuracy (0..1), train_seconds, history (a list of dicts),
        and test_standard_error where the trainer knows it.
        """

    def stored(self, network: Network, functions: tuple[LayerFunction, ...]) -> None:
        """Receive that record and weights of this training are in the cache, so that nothing else of it is needed."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Latency of a design.

    Attributes:
        cycles: Cycles of all binary layers.
        milliseconds: The same at the core's clock.
        layers: One dict a layer: see `_layer_record`.
        keys: Names of the cache records of its kernels.
        cached: Whether no layer had to be timed.

    """

    cycles: int
    milliseconds: float
    layers: tuple[Record, ...]
    keys: tuple[str, ...]
    cached: bool


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Accuracy of a design: the `Trainer`'s record, its name in the cache, and whether it was there already."""

    record: Record
    key: str
    cached: bool

    @property
    def value(self) -> float:
        """Accuracy on the validation split, 0..1."""
        return float(self.record["accuracy"])

    @property
    def weights(self) -> str:
        """File of the trained weights in the cache."""
        return str(self.record["weights"])


class Evaluator:
    """Evaluates the designs of one study.

    Args:
        network_of: Builds the network.
        search: Finds the fastest kernels on the core.
        trainer: Trains networks.
        clock_hz: Clock of the core.
        cache: Where timings and trainings are kept.

    """

    def __init__(
        self,
        network_of: Callable[[NetworkChoice], Network],
        search: TileSearch,
        trainer: Trainer,
        clock_hz: float,
        cache: EvaluationCache,
    ) -> None:
        self._network_of = network_of
        self._search = search
        self._trainer = trainer
        self._clock_hz = clock_hz
        self._cache = cache

    def latency(self, design: Design, activity: Activity) -> Latency:
        """Return the latency of the design's binary layers; `activity` is told what it does now.

        Raises KernelError or IsaModelError if the design cannot be timed, CacheError if the cache cannot be used.
        """
        network = self._network_of(design.network)
        solved = solve_layers(design, network, self._search, lambda done: activity(f"timing kernel {done}"))
        records = tuple(map(_layer_record, solved))
        keys = tuple(timed.key for one in solved for timed in one.kernels)
        is_cached = not any(one.timings for one in solved)
        cycles = sum(record["cycles"] for record in records)
        return Latency(cycles, cycles / self._clock_hz * 1e3, records, keys, cached=is_cached)

    def accuracy(self, design: Design, activity: Activity, judge: Judge | None = None) -> Accuracy:
        """Return the accuracy of the network trained for the design's arithmetic.

        Raises TrainingError if the training diverges, StoppedTrainingError if the judge ends it, CacheError if the
        cache cannot be used.
        """
        return obtain_accuracy(self._trainer, self._cache, *self._computed(design), activity, judge)

    def accuracy_key(self, design: Design) -> str:
        """Return the name of the design's training in the cache: designs that compute the same have the same."""
        return content_key(self._trainer.key(*self._computed(design)))

    def _computed(self, design: Design) -> tuple[Network, tuple[LayerFunction, ...]]:
        network = self._network_of(design.network)
        return network, design.functions_in(network)


def obtain_accuracy(
    trainer: Trainer,
    cache: EvaluationCache,
    network: Network,
    functions: tuple[LayerFunction, ...],
    activity: Activity,
    judge: Judge | None = None,
) -> Accuracy:
    """Return the accuracy of a network under these functions: from the cache, or trained and then kept there.

    One whose weights have gone from the cache could not be verified any more, and is trained again.

    Raises as `Evaluator.accuracy`.
    """
    content = trainer.key(network, functions)
    known = cache.load(ACCURACY, content)
    if known is not None and not cache.file_path(WEIGHTS, known["weights"]).exists():
        cache.forget(ACCURACY, content)

    def trained() -> Record:
        record, weights = trainer.train(network, functions, activity, judge)
        # The weights come first: a record whose weights are missing could not be verified.
        named = {**record, "weights": cache.store_file(WEIGHTS, weights, ".safetensors")}
        record = cache.store(ACCURACY, content, named)
        trainer.stored(network, functions)
        return record

    record, trained_now = obtain(cache, ACCURACY, content, trained, activity)
    return Accuracy(record, content_key(content), cached=not trained_now)


def _layer_record(solved: LayerSolution) -> Record:
    """Return what a layer takes, its kernels together, and each kernel.

    The first kernel is the convolution; products a cycle are its own, so that they compare with the core's bound, and
    so is `bound`. Busy shares of ports are means over the cycles of all kernels.
    """
    layer, solution, kernels, cycles = solved.layer, solved.solution, solved.kernels, solved.cycles
    records = [timed.record for timed in kernels]
    return {
        "name": layer.name,
        "shape": str(layer.shape),
        "tile": str(solution.kernel.variant.tile),
        "variant": str(solution.kernel.variant),
        "tried": len(solution.tried),
        "cycles": cycles,
        "instructions": sum(record["instructions"] for record in records),
        "products": layer.shape.products,
        "products_per_cycle": layer.shape.products / solution.timed.cycles,
        "bound": solution.timed.record["bound"],
        "stalls": _sums([record["stalls"] for record in records]),
        "ports": {
            port: share / cycles
            for port, share in _sums(
                [{port: share * record["cycles"] for port, share in record["ports"].items()} for record in records]
            ).items()
        },
        "kernels": [{"kernel": str(timed.work), "cycles": timed.cycles} for timed in kernels],
    }


def _sums(parts: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Return for each name the sum of what the parts have of it."""
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: sum(part.get(name, 0) for part in parts) for name in names}

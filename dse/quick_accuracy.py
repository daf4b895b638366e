"""Accuracy of a network under given arithmetics by the quick run: a shared start, then a few honest epochs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dse.cache import EvaluationCache, Record
from dse.claims import obtain
from dse.data import Dataset
from dse.data.resizing import fitted
from dse.evaluation import WEIGHTS, Activity, Judge
from dse.layer_functions import function_values
from dse.networks import Network
from dse.training.quick_recipe import QuickRecipe
from dse.uncertainty import standard_error
from kernels_asm import LayerFunction

if TYPE_CHECKING:
    # PyTorch takes seconds to import, and a study whose trainings are all cached needs none of it.
    from dse.training.quick_run import QuickRun, State

PARENT = "parent"
"""Kind of the cache's records of shared starts."""


class QuickTrainer:
    """A `dse.evaluation.Trainer` that runs the quick run.

    The start that designs of one network share is trained when the first of them is, and kept in the cache: a record
    with its seconds and the name of its weights.

    Args:
        dataset: Trained on its train split, judged on its validation split, its images made as small as networks take
            them.
        recipe: How.
        seed: Decides initial weights, order of images and augmentation.
        cache: Where the shared starts are kept.

    """

    def __init__(self, dataset: Dataset, recipe: QuickRecipe, seed: int, cache: EvaluationCache) -> None:
        self._dataset = dataset
        self._recipe = recipe
        self._seed = seed
        self._cache = cache
        self._runs: dict[str, QuickRun] = {}
        self._parents: dict[str, State | None] = {}

    def key(self, network: Network, functions: tuple[LayerFunction, ...]) -> Mapping[str, Any]:
        """Return what the accuracy depends on: network, arithmetic, data, recipe, seed and the training's own code."""
        return self._base(network) | {
            "functions": list(map(function_values, functions)),
            "recipe": self._recipe.digest,
        }

    def train(
        self,
        network: Network,
        functions: tuple[LayerFunction, ...],
        activity: Activity,
        judge: Judge | None = None,  # noqa: ARG002 - there is no epoch to ask after
    ) -> tuple[Record, bytes]:
        """Train the design from the shared start on; return accuracies, time and history, and the weights.

        Raises TrainingError if the training diverges.
        """
        from dse.nn.model import BinaryModel
        from dse.training.evaluation import evaluate
        from dse.training.fast_step import step_name
        from dse.training.trained import EpochResult, TrainedNetwork
        from dse.training.weights import weights_bytes

        parent = self._parent(network, activity)
        activity("training")
        start = time.perf_counter()
        result = self._run(network).train_design(functions, parent)
        model = BinaryModel(network, functions)
        model.load_state_dict(result.state)
        dataset = fitted(self._dataset, network.input_shape)
        splits = dataset.validation, dataset.test
        accuracy, test_accuracy = (evaluate(model, split) for split in splits)
        trained = TrainedNetwork(
            network=network,
            functions=functions,
            accuracy=accuracy,
            standard_error=standard_error([accuracy], len(splits[0])),
            test_accuracy=test_accuracy,
            test_standard_error=standard_error([test_accuracy], len(splits[1])),
            seconds=time.perf_counter() - start,
            history=(EpochResult(1, result.losses[-1], accuracy),) if result.losses else (),
            state_dict=result.state,
            recipe=self._recipe.of_design(len(dataset.train)),
            seed=self._seed,
        )
        record = trained.record() | {"recipe": self._recipe.to_dict(), "step": step_name()}
        return record, weights_bytes(trained)

    def stored(self, network: Network, functions: tuple[LayerFunction, ...]) -> None:
        """Do nothing: a quick run is too short to keep anything to go on from."""

    def _parent(self, network: Network, activity: Activity) -> State | None:
        if network.digest not in self._parents:
            self._parents[network.digest] = self._stored_parent(network, activity)
        return self._parents[network.digest]

    def _stored_parent(self, network: Network, activity: Activity) -> State | None:
        import safetensors.torch

        phase = self._recipe.parent_phase
        if phase is None:
            return None
        mix = [list(map(function_values, functions)) for functions in self._recipe.parent_mix(network)]
        key = self._base(network) | {"parent": self._recipe.parent_digest, "mix": mix}

        def trained() -> Record:
            parent = self._run(network).train_parent(
                phase, lambda share: activity(f"training the shared start {share:.0%}")
            )
            weights = safetensors.torch.save({name: tensor.contiguous() for name, tensor in parent.state.items()})
            name = self._cache.store_file(WEIGHTS, weights, ".safetensors")
            return self._cache.store(PARENT, key, {"weights": name, "cpu_seconds": parent.cpu_seconds})

        record, _ = obtain(self._cache, PARENT, key, trained, activity)
        state: State = safetensors.torch.load(self._cache.load_file(WEIGHTS, record["weights"]))
        return state

    def _run(self, network: Network) -> QuickRun:
        from dse.training.quick_run import QuickRun

        if network.digest not in self._runs:
            self._runs[network.digest] = QuickRun(
                network, fitted(self._dataset, network.input_shape), self._recipe, self._seed
            )
        return self._runs[network.digest]

    def _base(self, network: Network) -> dict[str, Any]:
        from dse.training.digest import training_digest

        return {
            "network": network.digest,
            "dataset": fitted(self._dataset, network.input_shape).digest,
            "seed": self._seed,
            "training": training_digest(),
        }

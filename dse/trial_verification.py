"""Verifies a finished trial: finds its trained weights and the kernels of its layers, and runs them in the emulator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.trial import FrozenTrial

from dse.cache import EvaluationCache
from dse.chosen_network import network_builder
from dse.data import Dataset
from dse.data.resizing import fitted
from dse.design import Design
from dse.errors import UsageError
from dse.evaluation import WEIGHTS
from dse.legality import NetworkOf
from dse.nn.model import BinaryModel
from dse.study_dataset import study_dataset
from dse.training.trained import TrainedNetwork
from dse.training.weights import load_weights, parse_weights
from dse.trial_lookup import complete_trial
from dse.verification import VerificationReport, verify_model
from kernels_asm.any_variant import AnyVariant, parse_variant


def verify_trial(
    study: optuna.Study,
    number: int,
    images: int,
    data_dir: Path | None,
    cache: EvaluationCache,
    progress: Callable[[int], None] | None = None,
    weights: Path | None = None,
) -> VerificationReport:
    """Run the first test images through the emulated kernels and compare with the trained network.

    Args:
        study: The study.
        number: Number of a complete trial.
        images: How many test images, at least 1.
        data_dir: Folder of the data set's files, where it needs one.
        cache: Holds the trained weights.
        progress: Told how many images are done.
        weights: File of the trial's design trained anew; None: as the search trained it.

    Raises:
        UsageError: There is no such complete trial, the data set is not the study's, or the weights are of another
            design.
        CacheError: The trained weights are not in the cache, or damaged.
        WeightsError: The trained weights are of another version, or cannot be read.

    """
    found = trained_trial(study, number, data_dir, cache, weights)
    return verify_model(found.model(), found.variants, found.test_images(images), progress)


@dataclass(frozen=True, eq=False)
class TrainedTrial:
    """A complete trial with the kernel of each binary layer, its trained network and the data set of its study."""

    trial: FrozenTrial
    variants: tuple[AnyVariant, ...]
    trained: TrainedNetwork
    dataset: Dataset

    def model(self) -> BinaryModel:
        """Return the trained model, in evaluation mode."""
        return self.trained.model()

    def test_images(self, count: int) -> NDArray[np.uint8]:
        """Return the first test images, uint8 (count, C, H, W); raises UsageError if there are not so many."""
        available = len(self.dataset.test)
        if count > available:
            raise UsageError(f"{count} images: {self.dataset.name} has {available} test images, give fewer")
        return self.dataset.test.images[:count]


def trained_trial(
    study: optuna.Study, number: int, data_dir: Path | None, cache: EvaluationCache, weights: Path | None = None
) -> TrainedTrial:
    """Return a complete trial with what belongs to it; arguments and errors as of `verify_trial`."""
    trial = complete_trial(study, number)
    trained = _searched_weights(trial, cache) if weights is None else load_weights(weights)
    dataset = study_dataset(study, data_dir)
    if weights is not None:
        _require_design_of(trial, network_builder(study.user_attrs["spec"]["network"], dataset), trained, weights)
    variants = tuple(parse_variant(layer["variant"]) for layer in trial.user_attrs["layers"])
    return TrainedTrial(trial, variants, trained, fitted(dataset, trained.network.input_shape))


def _searched_weights(trial: FrozenTrial, cache: EvaluationCache) -> TrainedNetwork:
    """Return what the search trained for a trial."""
    name = trial.user_attrs.get("weights")
    if name is None:
        raise UsageError(f"trial {trial.number} names no trained weights: run its design again in a new study")
    where = f"trial {trial.number}, {cache.file_path(WEIGHTS, name)}"
    return parse_weights(cache.load_file(WEIGHTS, name), where)


def _require_design_of(trial: FrozenTrial, network_of: NetworkOf, trained: TrainedNetwork, file: Path) -> None:
    """Raise UsageError unless what is in a file of weights computes the same as the design of a trial."""
    design = Design.from_dict(trial.user_attrs["design"])
    network = network_of(design.network)
    if (trained.network.digest, trained.functions) != (network.digest, design.functions_in(network)):
        raise UsageError(
            f"{file}: these weights compute something else than trial {trial.number}, {design}: make them with "
            f"dse train --trial {trial.number} --save FILE"
        )

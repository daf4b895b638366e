"""Verifies a finished trial: finds its trained weights and the kernels of its layers, and runs them in the emulator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.trial import FrozenTrial, TrialState

from dse.cache import EvaluationCache
from dse.data import Dataset
from dse.data.resizing import fitted
from dse.errors import UsageError
from dse.evaluation import WEIGHTS
from dse.nn.model import BinaryModel
from dse.study_dataset import study_dataset
from dse.training.trained import TrainedNetwork
from dse.training.weights import parse_weights
from dse.verification import VerificationReport, verify_model
from kernels_asm.any_variant import AnyVariant, parse_variant


def verify_trial(
    study: optuna.Study,
    number: int,
    images: int,
    data_dir: Path | None,
    cache: EvaluationCache,
    progress: Callable[[int], None] | None = None,
) -> VerificationReport:
    """Run the first test images through the emulated kernels and compare with the trained network.

    Args:
        study: The study.
        number: Number of a complete trial.
        images: How many test images, at least 1.
        data_dir: Folder of the data set's files, where it needs one.
        cache: Holds the trained weights.
        progress: Told how many images are done.

    Raises:
        UsageError: There is no such complete trial, or the data set is not the study's.
        CacheError: The trained weights are not in the cache, or damaged.
        WeightsError: The trained weights are of another version.

    """
    found = trained_trial(study, number, data_dir, cache)
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


def trained_trial(study: optuna.Study, number: int, data_dir: Path | None, cache: EvaluationCache) -> TrainedTrial:
    """Return a complete trial with what belongs to it; raises as `verify_trial`."""
    trial = complete_trial(study, number)
    weights = trial.user_attrs.get("weights")
    if weights is None:
        raise UsageError(f"trial {number} names no trained weights: run its design again in a new study")
    dataset = study_dataset(study, data_dir)
    trained = parse_weights(cache.load_file(WEIGHTS, weights), f"trial {number}, {cache.file_path(WEIGHTS, weights)}")
    variants = tuple(parse_variant(layer["variant"]) for layer in trial.user_attrs["layers"])
    return TrainedTrial(trial, variants, trained, fitted(dataset, trained.network.input_shape))


def complete_trial(study: optuna.Study, number: int) -> FrozenTrial:
    """Return the complete trial of that number; raises UsageError, with what there is, if there is none."""
    trials = study.get_trials(deepcopy=False)
    if number >= len(trials):
        raise UsageError(f"study {study.study_name!r} has no trial {number}: it has {len(trials)} trials, from 0")
    trial = trials[number]
    if trial.state is not TrialState.COMPLETE:
        raise UsageError(f"trial {number} is {trial.state.name.lower()}, not complete: choose another one")
    return trial

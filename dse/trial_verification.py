"""Verifies a finished trial: finds its trained weights and the kernels of its layers, and runs them in the emulator."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial, TrialState

from dse.cache import EvaluationCache
from dse.data import load_dataset
from dse.errors import UsageError
from dse.evaluation import WEIGHTS
from dse.training.weights import parse_weights
from dse.verification import VerificationReport, verify_model
from kernels_asm.any_variant import parse_variant


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
    trial = complete_trial(study, number)
    name = study.user_attrs["spec"]["dataset"]
    dataset = load_dataset(name, data_dir)
    if dataset.digest != study.user_attrs["digests"]["dataset"]:
        raise UsageError(f"dataset {name} is not the one that study {study.study_name!r} was made with")
    if images > len(dataset.test):
        raise UsageError(f"{images} images: {name} has {len(dataset.test)} test images, give fewer")
    weights = trial.user_attrs["weights"]
    trained = parse_weights(cache.load_file(WEIGHTS, weights), f"trial {number}, {cache.file_path(WEIGHTS, weights)}")
    variants = [parse_variant(layer["variant"]) for layer in trial.user_attrs["layers"]]
    return verify_model(trained.model(), variants, dataset.test.images[:images], progress)


def complete_trial(study: optuna.Study, number: int) -> FrozenTrial:
    """Return the complete trial of that number; raises UsageError, with what there is, if there is none."""
    trials = study.get_trials(deepcopy=False)
    if number >= len(trials):
        raise UsageError(f"study {study.study_name!r} has no trial {number}: it has {len(trials)} trials, from 0")
    trial = trials[number]
    if trial.state is not TrialState.COMPLETE:
        raise UsageError(f"trial {number} is {trial.state.name.lower()}, not complete: choose another one")
    return trial

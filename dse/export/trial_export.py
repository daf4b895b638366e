"""Exports the design of a finished trial: finds its trained weights, kernels and predicted cycles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache as memoised
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial

from dse.cache import EvaluationCache
from dse.design import Design
from dse.errors import UsageError
from dse.export.folder import CANDIDATES, DesignToExport, ExportReport, export_design, require_empty
from dse.export.layer_kernels import PixelsAtOnce, works_of
from dse.export.readme import Prediction
from dse.normalisation_pass import NormalisationPass, fastest_pixels
from dse.training.trained import TrainedNetwork
from dse.trial_verification import trained_trial
from dse.uncertainty import MeasuredAccuracy
from isa_models import Core, load_core


def export_trial(
    study: optuna.Study,
    number: int,
    folder: Path,
    images: int,
    data_dir: Path | None,
    cache: EvaluationCache,
    progress: Callable[[int], None] | None = None,
    weights: Path | None = None,
) -> ExportReport:
    """Write the design of a complete trial to an empty folder; arguments as of `dse.trial_verification.verify_trial`.

    Raises:
        UsageError: There is no such complete trial, the folder is not empty, the data set is not the study's, or there
            are not so many images, or the weights are of another design.
        CacheError: The trained weights are not in the cache, or damaged.
        WeightsError: The trained weights are of another version.
        ExportError: The folder cannot be written.

    """
    require_empty(folder)
    found = trained_trial(study, number, data_dir, cache, weights)
    found.test_images(images)
    spec = study.user_attrs["spec"]
    core = load_core(spec["core"], dict(spec.get("overrides", {})))
    exported = DesignToExport(
        title=f"Design {number} of study {study.study_name}: {Design.from_dict(found.trial.user_attrs['design'])}",
        model=found.model(),
        works=works_of(found.trained.network, found.variants),
        images=found.dataset.test.images[: CANDIDATES * images],
        wanted=images,
        prediction=_prediction(found.trial, spec),
        training=_training(found.trained, weights),
        pixels_at_once=_fastest_on(core),
    )
    return export_design(folder, exported, progress)


def _training(trained: TrainedNetwork, file: Path | None) -> str:
    """Say in a line where the weights come from and how good they are."""
    validation = MeasuredAccuracy(trained.accuracy, trained.standard_error).percent
    test = MeasuredAccuracy(trained.test_accuracy, trained.test_standard_error).percent
    source = "as the search trained them" if file is None else f"of {file.name}"
    return f"{source}: {validation} % of validation images right, {test} % of test images"


def _fastest_on(core: Core) -> PixelsAtOnce:
    @memoised
    def pixels(work: NormalisationPass) -> int:
        return fastest_pixels(work, core)

    return pixels


def _prediction(trial: FrozenTrial, spec: Mapping[str, Any]) -> Prediction:
    layers = trial.user_attrs.get("layers")
    if not layers:
        raise UsageError(f"trial {trial.number} says nothing of its layers: run its design again in a new study")
    overrides = ", ".join(f"{name}={value}" for name, value in spec.get("overrides", {}).items())
    core = f"{spec['core']} ({overrides})" if overrides else spec["core"]
    return Prediction(core, float(spec["clock_hz"]), {layer["name"]: layer["cycles"] for layer in layers})

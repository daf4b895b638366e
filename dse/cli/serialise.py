"""Study results as JSON and CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from typing import Any, TextIO

from dse.evaluation import LATENCY_SCOPE
from dse.results import StudyResults, TrialResult

FIELDS = (
    "trial",
    "state",
    "latency_ms",
    "accuracy",
    "accuracy_standard_error",
    "test_accuracy",
    "width_multiplier",
    "accumulator",
    "overflow",
    "clip",
    "tile",
    "cycles",
    "speedup",
    "accuracy_gain",
    "reason",
)


def trial_fields(trial: TrialResult, conventional: TrialResult | None) -> dict[str, Any]:
    """Return one trial as `FIELDS`; accuracies are 0..1, None stands for what is not known."""
    attributes = trial.attributes
    design = trial.design.to_dict() if trial.design is not None else {}
    compared = trial.complete and conventional is not None
    return {
        "trial": trial.number,
        "state": trial.state.name.lower(),
        "latency_ms": trial.latency_ms,
        "accuracy": trial.accuracy,
        "accuracy_standard_error": attributes.accuracy_standard_error,
        "test_accuracy": attributes.test_accuracy,
        **{name: design.get(name) for name in ("width_multiplier", "accumulator", "overflow", "clip", "tile")},
        "cycles": attributes.cycles,
        "speedup": conventional.point[0] / trial.point[0] if compared and conventional else None,
        "accuracy_gain": trial.point[1] - conventional.point[1] if compared and conventional else None,
        "reason": trial.reason,
    }


def results_json(results: StudyResults, trials: Iterable[TrialResult]) -> str:
    """Return the study and the given trials as an indented JSON object."""
    return json.dumps(
        {
            "study": results.name,
            "network": results.network,
            "dataset": results.dataset,
            "core": results.core,
            "clock_hz": results.clock_hz,
            "latency_scope": LATENCY_SCOPE,
            "finished": len(results.complete),
            "budget": results.budget,
            "trials": [trial_fields(trial, results.conventional) for trial in trials],
        },
        indent=2,
    )


def write_csv(results: StudyResults, trials: Iterable[TrialResult], file: TextIO) -> None:
    """Write the given trials as CSV with a header line."""
    writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(trial_fields(trial, results.conventional) for trial in trials)

"""Study results as JSON and CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from typing import Any, TextIO

from dse.accuracy_claims import front_mark, is_distinguishable
from dse.design import DESIGN_FIELDS
from dse.evaluation import LATENCY_SCOPE
from dse.hypervolume import stalled_for
from dse.results import LayerResult, StudyResults, TrialResult
from dse.second_look_claims import refined_fields
from dse.uncertainty import differ

FIELDS = (
    "trial",
    "state",
    "latency_ms",
    "accuracy",
    "accuracy_standard_error",
    "test_accuracy",
    "test_accuracy_standard_error",
    "distinguishable",
    "front_mark",
    *DESIGN_FIELDS,
    "tiles",
    "cycles",
    "speedup",
    "accuracy_gain",
    "accuracy_differs",
    "feasible",
    "reason",
    "refined_accuracy",
    "refined_accuracy_standard_error",
    "refined_test_accuracy",
    "refined_test_accuracy_standard_error",
    "refined_distinguishable",
    "refined_front_mark",
)
"""Of every study; what its goal measures besides latency and accuracy follows by name."""


def trial_fields(results: StudyResults, trial: TrialResult) -> dict[str, Any]:
    """Return one trial as `FIELDS`; accuracies are 0..1, None stands for what is not known.

    `tiles` are those of the layers, in order.

    `distinguishable` and `front_mark` speak of trials on the front alone (`dse.front.not_shown_above`). `speedup` and
    `accuracy_gain` compare with the conventional design; the gain is the difference of the two figures, and
    `accuracy_differs` tells whether it is more than their errors explain. What begins with `refined` is from a second
    look (`dse.second_look`).
    """
    attributes = trial.attributes
    design = trial.design.flat_dict() if trial.design is not None else {}
    conventional = results.conventional if trial.complete else None
    return {
        "trial": trial.number,
        "state": trial.state.name.lower(),
        "latency_ms": trial.latency_ms,
        "accuracy": trial.accuracy,
        "accuracy_standard_error": attributes.accuracy_standard_error,
        "test_accuracy": attributes.test_accuracy,
        "test_accuracy_standard_error": attributes.test_accuracy_standard_error,
        "distinguishable": is_distinguishable(results, trial),
        "front_mark": front_mark(results, trial),
        **{name: design.get(name) for name in DESIGN_FIELDS},
        "tiles": " ".join(layer.tile for layer in attributes.layers) or None,
        "cycles": attributes.cycles,
        "speedup": conventional.point[0] / trial.point[0] if conventional else None,
        "accuracy_gain": trial.point[1] - conventional.point[1] if conventional else None,
        "accuracy_differs": differ(trial.measured, conventional.measured) if conventional else None,
        "feasible": trial.feasible if trial.complete else None,
        "reason": trial.reason,
        **refined_fields(results, trial),
        **{str(measure): trial.attributes.measures.get(str(measure)) for measure in results.further_measures},
    }


def results_json(results: StudyResults, trials: Iterable[TrialResult]) -> str:
    """Return the study and the given trials as an indented JSON object."""
    return json.dumps(
        {
            "study": results.name,
            "network": results.network,
            "dataset": results.dataset,
            "core": results.core,
            "overrides": dict(results.overrides),
            "clock_hz": results.clock_hz,
            "recipe": dict(results.recipe),
            "seed": results.seed,
            "digests": dict(results.digests),
            "latency_scope": LATENCY_SCOPE,
            "finished": len(results.complete) + len(results.spared),
            "pruned_before_training": len(results.spared),
            "timed_only_as_another_computes_the_same": len(results.twins),
            "budget": results.budget,
            "objectives": list(map(str, results.goal.objectives)),
            "constraints": list(map(str, results.goal.constraints)),
            "hypervolume": _hypervolume_fields(results),
            "stopped": results.stopped,
            "second_look": _look_fields(results),
            "front": {"designs": len(results.front), "distinguishable": len(results.distinguishable)},
            "trials": [trial_fields(results, trial) for trial in trials],
        },
        indent=2,
    )


def _look_fields(results: StudyResults) -> dict[str, Any] | None:
    """Return how designs were trained longer and what their front has then; None where none was."""
    if results.look is None:
        return None
    again = results.refined
    return {
        "recipe": results.look.recipe,
        "seeds": list(results.look.seeds),
        "designs": len(again.trials) if again else 0,
        "front": len(again.front) if again else 0,
        "distinguishable": len(again.distinguishable) if again else 0,
    }


def _hypervolume_fields(results: StudyResults) -> dict[str, Any] | None:
    """Return the reference by objective, and the hypervolume after each complete trial; None before there is one."""
    if results.reference is None:
        return None
    return {
        "reference": dict(zip(map(str, results.goal.objectives), results.reference, strict=True)),
        "trials": [trial.number for trial in results.complete],
        "values": list(results.hypervolumes),
        "stalled_for": stalled_for(results.hypervolumes),
    }


def write_csv(results: StudyResults, trials: Iterable[TrialResult], file: TextIO) -> None:
    """Write the given trials as CSV with a header line."""
    fields = [*FIELDS, *map(str, results.further_measures)]
    writer = csv.DictWriter(file, fields, lineterminator="\n")
    writer.writeheader()
    writer.writerows(trial_fields(results, trial) for trial in trials)


LAYER_FIELDS = ("name", "shape", "tile", "cycles", "products_per_cycle", "bound", "instructions", "products")


def layers_json(trial: TrialResult) -> str:
    """Return the layers of a trial, and the designs that compute the same and are no better, as a JSON object."""
    fields = {
        "trial": trial.number,
        "layers": list(map(_layer_fields, trial.attributes.layers)),
        "stands_for": [twin.to_dict() for twin in trial.stands_for],
    }
    return json.dumps(fields, indent=2)


def write_layers_csv(trial: TrialResult, file: TextIO) -> None:
    """Write the layers of a trial as CSV with a header line."""
    writer = csv.DictWriter(file, LAYER_FIELDS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(_layer_fields, trial.attributes.layers))


def _layer_fields(layer: LayerResult) -> dict[str, Any]:
    return {name: getattr(layer, name) for name in LAYER_FIELDS}

"""An Optuna study in SQLite with the attributes that `dse study run` writes, made up and quick to build."""

from __future__ import annotations

import itertools
import random
import warnings
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import TrialState, create_trial

from dse.evaluation import LATENCY_SCOPE
from dse.second_look import LookPlan, RefinedAccuracy, write_accuracy, write_plan
from dse.storage import FORMAT
from dse.training.recipe import Recipe

BUDGET = 40
STUDY_NAME = "tiny on cortex-a72"
CLOCK_HZ = 1.5e9
DISTRIBUTIONS: dict[str, BaseDistribution] = {
    "width_multiplier": CategoricalDistribution((0.5, 0.75, 1.0, 1.5)),
    "accumulator": CategoricalDistribution((8, 16, 32)),
    "overflow": CategoricalDistribution(("exact", "saturate", "wrap")),
    "clip": CategoricalDistribution((0, 31, 15, 7, 3)),
    "maps": CategoricalDistribution(("float32", "int8")),
}
CONVENTIONAL = {"width_multiplier": 1.0, "accumulator": 32, "clip": 0, "maps": "float32"}
NARROW = {**CONVENTIONAL, "clip": 15}
KERNEL_TILE = "4x2"
"""Of every kernel, since it fits every arithmetic."""
TILE = "tree4x4r2c3.ooo.pixels.u3"
CYCLES_PER_PRODUCT = {8: 1 / 58, 16: 1 / 47, 32: 1 / 38}
STALL_SHARES = {
    "port F1": 0.42,
    "dependence on v28": 0.17,
    "dependence on v0": 0.11,
    "front end": 0.09,
    "port L": 0.06,
    "results per cycle": 0.05,
    "dependence on x4": 0.04,
    "dependence on flags": 0.02,
    "L1 miss": 0.02,
    "window full": 0.01,
}
REMAINING_STALL = "branch misprediction"
"""Takes what the shares leave: the timing engines charge every cycle to a reason."""

CLIP_COST = {0: 0.0, 31: 0.001, 15: 0.009, 7: 0.03, 3: 0.055}
OVERFLOW_COST = {"exact": 0.0, "saturate": 0.002, "wrap": 0.012}


def create_study(path: Path, name: str = STUDY_NAME) -> optuna.Study:
    """Create an empty study in a new or existing SQLite file."""
    study = optuna.create_study(
        storage=f"sqlite:///{path}", study_name=name, directions=["minimize", "maximize"], load_if_exists=False
    )
    with warnings.catch_warnings(action="ignore"):
        study.set_metric_names(["latency_ms", "accuracy"])
    study.set_user_attr("conventional", _attributes(CONVENTIONAL, [])["design"])
    study.set_user_attr("format", FORMAT)
    study.set_user_attr("latency_scope", LATENCY_SCOPE)
    study.set_user_attr(
        "spec",
        {
            "network": "tiny",
            "dataset": "fashion-mnist-small",
            "core": "cortex-a72",
            "clock_hz": CLOCK_HZ,
            "recipe": {"epochs": 3},
            "seed": 1,
            "trials": BUDGET,
            "widths": [0.5, 0.75, 1.0, 1.5],
        },
    )
    return study


def add_complete(study: optuna.Study, params: dict[str, Any], layer_count: int = 4) -> None:
    """Add a finished trial of these parameters."""
    layers = _layers(params, layer_count)
    cycles = sum(layer["cycles"] for layer in layers)
    accuracy = _accuracy(params)
    attributes = _attributes(params, layers) | {
        "accuracy_standard_error": (accuracy * (1 - accuracy) / 4000) ** 0.5,
        "test_accuracy": accuracy - 0.004,
        "train_seconds": 21.5,
        "history": [{"epoch": epoch, "loss": 0.9 / epoch, "accuracy": accuracy - 0.02 / epoch} for epoch in (1, 2, 3)],
        "accuracy_key": "a" * 64,
        "latency_cached": True,
        "accuracy_cached": False,
        "stands_for": _twins(params, 1000 * cycles / CLOCK_HZ),
    }
    study.add_trial(_trial(TrialState.COMPLETE, params, attributes, [1000 * cycles / CLOCK_HZ, accuracy]))


def add_measured(
    study: optuna.Study,
    latency_ms: float,
    accuracy: float,
    error: float | None,
    params: dict[str, Any] = CONVENTIONAL,
    design: dict[str, Any] | None = None,
) -> None:
    """Add a finished trial at a given point of the plane, with a given standard error; None leaves that out.

    `design` changes fields of its design.
    """
    attributes = _attributes(params, _layers(params)) | {"test_accuracy": accuracy}
    attributes["design"] |= design or {}
    if error is not None:
        attributes |= {"accuracy_standard_error": error}
    study.add_trial(_trial(TrialState.COMPLETE, params, attributes, [latency_ms, accuracy]))


def add_infeasible(study: optuna.Study, constraint: str, accuracy: float) -> None:
    """Add a finished trial that breaks a constraint of the study."""
    layers = _layers(CONVENTIONAL)
    measures = {"latency_ms": 2.0, "accuracy": accuracy, constraint.split()[0]: 9000}
    attributes = _attributes(CONVENTIONAL, layers) | {"accuracy_standard_error": 0.006, "measures": measures}
    trial = _trial(TrialState.COMPLETE, CONVENTIONAL, attributes, [2.0, accuracy])
    trial.set_constraint(constraint, 1.0)
    study.add_trial(trial)


def build_marked_study(path: Path) -> optuna.Study:
    """Build a study whose front is trials 1, 2, 3, 4 and the conventional trial 0; 1 and 4 are distinguishable."""
    study = create_study(path)
    add_measured(study, 2.0, 0.862, 0.006)
    for latency_ms, accuracy in ((0.5, 0.800), (0.6, 0.810), (0.8, 0.816), (1.0, 0.860)):
        add_measured(study, latency_ms, accuracy, 0.006, NARROW)
    return study


LOOK = LookPlan(Recipe(epochs=5).to_dict(), (1, 2), "digest of the training")
AGAIN = {0: 0.880, 1: 0.830, 2: 0.870, 3: 0.865, 4: 0.871}
"""Accuracies of the marked study's designs, trained longer: 3 falls behind 2, and 4 and 0 are not shown above it."""


def found_again(accuracy: float, error: float = 0.005) -> RefinedAccuracy:
    """Return what a second look found of a design."""
    return RefinedAccuracy(accuracy, error, accuracy - 0.01, error, (accuracy, accuracy))


def add_second_look(study: optuna.Study, accuracies: dict[int, float] = AGAIN, plan: LookPlan = LOOK) -> None:
    """Add what a second look found of these trials."""
    for number, accuracy in accuracies.items():
        write_accuracy(study, plan, number, found_again(accuracy))
    write_plan(study, plan)


def add_pruned(study: optuna.Study, params: dict[str, Any]) -> None:
    """Add a trial that was given up after its latency was known."""
    reason = "cannot reach the front even at the best possible accuracy"
    study.add_trial(_trial(TrialState.PRUNED, params, _attributes(params, _layers(params)) | {"pruned": reason}))


def add_failed(study: optuna.Study, params: dict[str, Any]) -> None:
    """Add a trial that ended in an error."""
    attributes = _attributes(params, _layers(params)) | {"error": "training diverged: loss is NaN in epoch 2"}
    study.add_trial(_trial(TrialState.FAIL, params, attributes))


def build_study(path: Path, name: str = STUDY_NAME, complete: int = 24) -> optuna.Study:
    """Build a study with the conventional design as trial 0 and trials in every state."""
    study = create_study(path, name)
    add_complete(study, CONVENTIONAL)
    for index, params in enumerate(_designs(complete + 4)):
        if index in (3, 8, 15):
            add_pruned(study, params)
        elif index == 11:
            add_failed(study, params)
        else:
            add_complete(study, params)
    study.ask(DISTRIBUTIONS)
    return study


def _designs(count: int) -> list[dict[str, Any]]:
    names = list(DISTRIBUTIONS)
    choices = [DISTRIBUTIONS[name].choices for name in names]  # type: ignore[attr-defined]
    designs = [dict(zip(names, values, strict=True)) for values in itertools.product(*choices)]
    for design in designs:
        if design["accumulator"] == 32:
            del design["overflow"]
    return random.Random(33).sample(designs, count)  # noqa: S311


def _layers(params: dict[str, Any], count: int = 4) -> list[dict[str, Any]]:
    """Make up the first half of the layers at 14x14 pixels, the others at 7x7 with twice the channels."""
    first_half = (count + 1) // 2
    return [
        _layer(f"block{number + 1}.conv", *((14, 32) if number < first_half else (7, 64)), params)
        for number in range(count)
    ]


def _layer(name: str, size: int, channels: int, params: dict[str, Any]) -> dict[str, Any]:
    maps_factor = {"float32": 1.22, "int8": 1.0}[params["maps"]]
    width = int(channels * params["width_multiplier"])
    products = size * size * 9 * width * width
    cycles = int(products * CYCLES_PER_PRODUCT[params["accumulator"]] * maps_factor) + 900
    stalls = {reason: int(share * cycles) for reason, share in STALL_SHARES.items()}
    return {
        "name": name,
        "shape": f"{size}x{size}x{width}x{width} k3x3 s1 p1",
        "tile": TILE,
        "variant": f"acc{params['accumulator']}-exact-clipnone-int32-{TILE}",
        "cycles": cycles,
        "instructions": int(1.7 * cycles),
        "products": products,
        "products_per_cycle": products / cycles,
        "bound": f"{'port F1' if params['accumulator'] == 8 else 'results per cycle'}, {0.9 * cycles:.0f} cycles",
        "stalls": {**stalls, REMAINING_STALL: cycles - sum(stalls.values())},
        "ports": {"F0": 0.71, "F1": 0.93, "L": 0.44},
        "kernels": [
            {
                "kernel": f"convolution {size}x{size}x{width}x{width} k3x3 s1 p1 {_variant(params)}",
                "cycles": cycles - 80,
            },
            {"kernel": f"float32 batch norm of int8 {size}x{size}x{width} + shortcut", "cycles": 80},
        ],
    }


def _variant(params: dict[str, Any]) -> str:
    clip = f"clip{params['clip']}-int8" if params["clip"] else f"clipnone-int{max(params['accumulator'], 16)}"
    return f"acc{params['accumulator']}-{params.get('overflow', 'exact')}-{clip}-{KERNEL_TILE}"


def _accuracy(params: dict[str, Any]) -> float:
    width = {0.5: -0.028, 0.75: -0.011, 1.0: 0.0, 1.5: 0.007}[params["width_multiplier"]]
    return 0.868 + width - CLIP_COST[params["clip"]] - OVERFLOW_COST[params.get("overflow", "exact")]


def _attributes(params: dict[str, Any], layers: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "design": {**params, "overflow": params.get("overflow", "exact"), "clip": params["clip"] or None},
        "cycles": sum(layer["cycles"] for layer in layers),
        "layers": layers,
        "latency_keys": ["b" * 64] * len(layers),
    }


def _twins(params: dict[str, Any], latency_ms: float) -> list[dict[str, Any]]:
    """Return the designs of wider sums that compute the same as one of exact 8-bit sums."""
    if (params["accumulator"], params.get("overflow", "exact")) != (8, "exact"):
        return []
    return [
        {
            "design": _attributes({**params, "accumulator": wider}, [])["design"],
            "measures": {"latency_ms": latency_ms * CYCLES_PER_PRODUCT[wider] / CYCLES_PER_PRODUCT[8]},
        }
        for wider in (32, 16)
    ]


def _trial(
    state: TrialState, params: dict[str, Any], attributes: dict[str, Any], values: list[float] | None = None
) -> optuna.trial.FrozenTrial:
    distributions = {name: DISTRIBUTIONS[name] for name in params}
    return create_trial(state=state, values=values, params=params, distributions=distributions, user_attrs=attributes)


GOAL: dict[str, Any] = {"objectives": ["memory_bytes", "accuracy", "latency_ms"], "constraints": ["code_bytes <= 4096"]}


def build_study_of_another_goal(path: Path, objectives: tuple[str, ...] = tuple(GOAL["objectives"])) -> optuna.Study:
    """Build a study of other objectives, with a constraint that trial 2 breaks; trial 0 is the conventional one."""
    directions = ["maximize" if name == "accuracy" else "minimize" for name in objectives]
    study = optuna.create_study(storage=f"sqlite:///{path}", study_name="goal", directions=directions)
    made = create_study(path, "usual")
    for name, value in made.user_attrs.items():
        study.set_user_attr(name, value)
    study.set_user_attr("spec", {**made.user_attrs["spec"], **GOAL, "objectives": list(objectives)})
    study.set_user_attr("chance_accuracy", 0.1)
    optuna.delete_study(study_name="usual", storage=f"sqlite:///{path}")
    points = ((2.0, 0.86, 8192, 3000), (1.0, 0.80, 4096, 4000), (0.5, 0.90, 2048, 5000), (1.5, 0.81, 2048, 3500))
    for number, (latency, accuracy, memory, code) in enumerate(points):
        measures = {"latency_ms": latency, "accuracy": accuracy, "memory_bytes": memory, "code_bytes": code}
        params = CONVENTIONAL if number == 0 else NARROW
        attributes = _attributes(params, _layers(params)) | {"accuracy_standard_error": 0.006, "measures": measures}
        trial = _trial(TrialState.COMPLETE, params, attributes, [measures[name] for name in objectives])
        trial.set_constraint(GOAL["constraints"][0], code / 4096 - 1)
        study.add_trial(trial)
    return study

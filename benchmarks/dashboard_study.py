"""A made-up study of many trials for the benchmark of the dashboard: its points lie as a search's do."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from dse.evaluation import LATENCY_SCOPE
from dse.journal import open_journal
from dse.storage import FORMAT

NAME: Final = "made up"
SPACE: Final[Mapping[str, tuple[Any, ...]]] = {
    "width_multiplier": tuple(number / 4 for number in range(1, 11)),
    "accumulator": (8, 16, 32),
    "overflow": ("exact", "saturate", "wrap"),
    "clip": (None, 63, 31, 21, 15, 10, 7, 5, 3),
    "maps": ("float32", "int8"),
}
CONVENTIONAL: Final[Mapping[str, Any]] = {
    "width_multiplier": 1.0,
    "accumulator": 32,
    "overflow": "exact",
    "clip": None,
    "maps": "float32",
}
LAYERS: Final = 4
STALLS: Final = ("port F1", "dependence on v28", "front end", "port L", "L1 miss", "window full")
PRUNED_EVERY: Final = 9
"""One trial in so many was given up."""


def make_study(path: Path, trials: int) -> str:
    """Write a study of so many trials to a journal, the conventional design first; return where the storage is."""
    study = optuna.create_study(
        storage=open_journal(path), study_name=NAME, directions=["minimize", "maximize"], load_if_exists=False
    )
    spec = {"network": "tiny", "dataset": "fashion-mnist-small", "core": "cortex-a72", "clock_hz": 1.5e9}
    for name, value in (
        ("conventional", dict(CONVENTIONAL)),
        ("format", FORMAT),
        ("latency_scope", LATENCY_SCOPE),
        ("spec", {**spec, "recipe": {"epochs": 3}, "seed": 1, "trials": trials}),
    ):
        study.set_user_attr(name, value)
    draw = random.Random(0)  # noqa: S311 - no secret depends on it
    study.add_trial(_trial(CONVENTIONAL, draw))
    for number in range(1, trials):
        study.add_trial(_trial(_design(draw), draw, is_pruned=number % PRUNED_EVERY == 0))
    return f"journal:{path}"


def _design(draw: random.Random) -> dict[str, Any]:
    design = {name: draw.choice(values) for name, values in SPACE.items()}
    return design | {"overflow": "exact"} if design["accumulator"] == 32 else design


def _trial(design: Mapping[str, Any], draw: random.Random, *, is_pruned: bool = False) -> FrozenTrial:
    layers = [_layer(number, design, draw) for number in range(1, LAYERS + 1)]
    cycles = sum(layer["cycles"] for layer in layers)
    accuracy = 0.88 - 0.05 / design["width_multiplier"] - 0.06 / (design["clip"] or 200) + draw.gauss(0, 0.006)
    attributes = {"design": dict(design), "cycles": cycles, "layers": layers, "latency_keys": ["b" * 64] * LAYERS}
    outcome: dict[str, Any] = {"pruned": "cannot reach the front even at the best possible accuracy"}
    if not is_pruned:
        outcome = {"accuracy_standard_error": 0.0055, "test_accuracy": accuracy - 0.004, "train_seconds": 20.0}
    return create_trial(
        state=TrialState.PRUNED if is_pruned else TrialState.COMPLETE,
        values=None if is_pruned else [cycles / 1.5e6, accuracy],
        params=dict(design),
        distributions={name: CategoricalDistribution(values) for name, values in SPACE.items()},
        user_attrs=attributes | outcome,
    )


def _layer(number: int, design: Mapping[str, Any], draw: random.Random) -> dict[str, Any]:
    channels = int(32 * number * design["width_multiplier"])
    products = 14 * 14 * 9 * channels * channels
    cycles = int(products / (20 + 320 / design["accumulator"]) * draw.uniform(0.9, 1.3)) + 900
    share = cycles // (2 * len(STALLS))
    return {
        "name": f"block{number}.conv",
        "shape": f"14x14x{channels}x{channels} k3x3 s1 p1",
        "tile": "tree4x4r2c3.ooo.pixels.u3",
        "cycles": cycles,
        "instructions": 2 * cycles,
        "products": products,
        "products_per_cycle": products / cycles,
        "bound": f"port F1, {0.9 * cycles:.0f} cycles",
        "stalls": dict.fromkeys(STALLS, share) | {"branch misprediction": cycles - share * len(STALLS)},
        "ports": {"F0": 0.71, "F1": 0.93, "L": 0.44},
        "kernels": [{"kernel": "convolution", "cycles": cycles}],
    }

"""How long a study of many trials takes to be opened again, until its sampler has proposed the next design."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import optuna
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState, create_trial

from benchmarks.study_space import OBJECTIVES
from dse.candidates import ListedCandidates
from dse.design import Design
from dse.sampler import DistinctSampler
from dse.space import SearchSpace
from dse.spec import SamplerKind

TRIALS: Final = 10_000
WIDE: Final = SearchSpace(tuple(number / 4 for number in range(1, 25)), clips=tuple(range(32)))
"""A space of more designs than `TRIALS`."""

STORAGES: Final[Mapping[str, Callable[[Path], BaseStorage]]] = {
    "SQLite": lambda path: RDBStorage(f"sqlite:///{path}"),
    "journal": lambda path: JournalStorage(JournalFileBackend(str(path))),
}

_LAYER: Final[Mapping[str, Any]] = {
    "shape": "14x14x32x32 k3x3 s1 p1",
    "tile": "tree4x4r2c3.ooo.pixels.u3",
    "tried": 14,
    "cycles": 52_000,
    "instructions": 90_000,
    "products": 1_806_336,
    "products_per_cycle": 34.7,
    "bound": "port F1, 50,000 cycles",
    "stalls": {f"reason {number}": 1000.5 for number in range(10)},
    "ports": {f"port {number}": 0.5 for number in range(8)},
    "kernels": [{"kernel": "convolution", "cycles": 40_000}, {"kernel": "batch norm", "cycles": 12_000}],
}


@dataclass(frozen=True)
class Resume:
    """Seconds of one storage.

    Attributes:
        storage: Its kind.
        trials: Trials that the study holds.
        wall: Seconds until its trials are read and the next design is proposed.
        cpu: CPU seconds of the same.
        proposal: CPU seconds of the proposal alone.

    """

    storage: str
    trials: int
    wall: float
    cpu: float
    proposal: float


def fill(storage: BaseStorage, trials: int) -> None:
    """Make a study of so many complete trials, each with the attributes that a study writes."""
    study = optuna.create_study(
        storage=storage, study_name="study", directions=[objective.direction for objective in OBJECTIVES]
    )
    designs = random.Random(0).sample(list(WIDE.designs()), trials)  # noqa: S311 - no secret depends on it
    for number, design in enumerate(designs):
        study.add_trial(_trial(number, design))


def measure(kind: str, path: Path, trials: int) -> Resume:
    """Return how long a process that has not seen the storage takes to resume its study; `fill` made it."""
    begin, cpu = time.monotonic(), time.process_time()
    study = optuna.load_study(study_name="study", storage=STORAGES[kind](path))
    tried = {WIDE.design(trial.params) for trial in study.get_trials(deepcopy=False)}
    designs = [design for design in WIDE.designs() if design not in tried]
    candidates = ListedCandidates(WIDE, lambda design: design not in tried, lambda: iter(designs))
    study.sampler = DistinctSampler(SamplerKind.TPE, WIDE, 0, (len(tried), len(tried)), candidates)
    read = time.process_time()
    WIDE.suggest(study.ask())
    end = time.process_time()
    return Resume(kind, trials, time.monotonic() - begin, end - cpu, end - read)


def _trial(number: int, design: Design) -> FrozenTrial:
    return create_trial(
        state=TrialState.COMPLETE,
        values=[design.network.width_multiplier**2 + number * 1e-6, 0.9 - 0.1 / design.network.width_multiplier],
        params=WIDE.parameters(design),
        distributions=WIDE.distributions(),
        user_attrs=_attributes(number, design),
    )


def _attributes(number: int, design: Design) -> dict[str, Any]:
    layers: Sequence[Mapping[str, Any]] = [{**_LAYER, "name": f"block{block}"} for block in range(1, 5)]
    return {
        "worker": {"host": "host", "pid": number, "started": number},
        "design": design.to_dict(),
        "cycles": 208_000,
        "layers": layers,
        "latency_keys": [f"{number:064x}"] * 8,
        "latency_cached": False,
        "accuracy_standard_error": 0.004,
        "test_accuracy": 0.87,
        "test_accuracy_standard_error": 0.003,
        "train_seconds": 3.0,
        "history": [{"epoch": 1, "loss": 0.5, "accuracy": 0.87}],
        "weights": f"{number:064x}.safetensors",
        "accuracy_key": f"{number:064x}",
        "accuracy_cached": False,
        "measures": {"latency_ms": 0.1, "accuracy": 0.87},
    }

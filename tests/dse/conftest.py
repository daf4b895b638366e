"""Fast stand-ins for emulation and training, and studies over them in real SQLite storages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial

from dse.cache import EvaluationCache, Record
from dse.design import Design, uniform_design
from dse.evaluation import Activity, Evaluator, Judge
from dse.goal import Goal
from dse.layer_work import LayerWork
from dse.legality import Legality
from dse.networks import Network
from dse.normalisation_pass import NormalisationPass
from dse.space import SearchSpace
from dse.storage import StudyStorage
from dse.study import StudyRunner
from dse.tile_search import TileSearch
from kernels_asm import LayerFunction, Overflow
from tests.sample_kernels import FAMILY, tiny_network

CONVENTIONAL = uniform_design(1.0, 32, Overflow.EXACT, None)


class FakeTimer:
    """Cycles that grow with the accumulator's width and shrink with the tile."""

    def __init__(self) -> None:
        self.timed: list[str] = []

    def key(self, work: LayerWork) -> dict[str, Any]:
        return {"work": str(work)}

    def prepare(self, works: Sequence[LayerWork]) -> None:
        """Need nothing."""

    def time(self, work: LayerWork) -> Record:
        self.timed.append(str(work))
        if isinstance(work, NormalisationPass):
            cycles = work.height * work.width * work.channels // (2 if work.in_int8 else 1)
        else:
            accumulator, channels = work.variant.arithmetic.accumulator, work.variant.tile.channels
            cycles = work.shape.products * accumulator // (512 * channels) + 1
        return {
            "cycles": cycles,
            "instructions": 2 * cycles,
            "bound": "port F0",
            "stalls": {},
            "ports": {"F0": 1.0},
        }


class FakeTrainer:
    """Accuracy that grows with the width and with the range of the outputs; `before` may interfere with a training.

    `epochs` has the accuracies after all epochs but the last.
    """

    def __init__(self) -> None:
        self.trained: list[tuple[str, tuple[LayerFunction, ...]]] = []
        self.before: Callable[[], None] = lambda: None
        self.error = 0.004
        self.epochs: Callable[[float], tuple[float, ...]] = lambda _accuracy: ()

    def key(self, network: Network, functions: tuple[LayerFunction, ...]) -> dict[str, Any]:
        return {"network": network.digest, "functions": list(map(str, functions))}

    def train(
        self, network: Network, functions: tuple[LayerFunction, ...], activity: Activity, judge: Judge | None = None
    ) -> tuple[Record, bytes]:
        activity("training epoch 1/1")
        self.before()
        self.trained.append((network.digest, functions))
        accuracy = 0.9 - 0.1 / network.width_multiplier - 0.2 / min(value.hi - value.lo for value in functions)
        for epoch, reached in enumerate(self.epochs(accuracy), start=1):
            if judge:
                judge(epoch, reached)
        record: Record = {
            "accuracy": accuracy,
            "standard_error": self.error,
            "test_accuracy": accuracy - 0.01,
            "train_seconds": 1.0,
            "history": [
                {"epoch": epoch, "loss": 1.0, "accuracy": reached}
                for epoch, reached in enumerate((*self.epochs(accuracy), accuracy), start=1)
            ],
        }
        return record, f"weights of {network.digest} {functions}".encode()

    def stored(self, network: Network, functions: tuple[LayerFunction, ...]) -> None:
        pass


class RecordedProgress:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.ended: list[FrozenTrial] = []
        self.elsewhere: list[FrozenTrial] = []
        self.note: str | None = None

    def begin(self, finished: list[FrozenTrial], budget: int) -> None:
        self.begun = (len(finished), budget)

    def begin_trial(self, number: int, design: Design) -> None:
        pass

    def activity(self, what: str) -> None:
        pass

    def end_trial(self, trial: FrozenTrial) -> None:
        self.ended.append(trial)

    def end_elsewhere(self, trial: FrozenTrial) -> None:
        self.elsewhere.append(trial)

    def end(self, note: str | None) -> None:
        self.note = note


@dataclass
class FakeStudy:
    """A study whose evaluations take microseconds; `run` again resumes it.

    It is in a journal, which takes a tenth of the time that SQLite takes for a study this quick, or elsewhere.
    """

    folder: Path
    space: SearchSpace = field(default_factory=SearchSpace)
    timer: FakeTimer = field(default_factory=FakeTimer)
    trainer: FakeTrainer = field(default_factory=FakeTrainer)
    progress: RecordedProgress = field(default_factory=RecordedProgress)
    spec: dict[str, Any] = field(default_factory=dict)
    location: str | None = None

    def __post_init__(self) -> None:
        self.legality = Legality(tiny_network, FAMILY)
        cache = EvaluationCache(self.folder / "cache")
        self.evaluator = Evaluator(tiny_network, TileSearch(self.timer, cache, FAMILY), self.trainer, 1e9, cache)

    @property
    def storage(self) -> StudyStorage:
        return StudyStorage(self.location or f"journal:{self.folder / 'study.log'}")

    def load(self) -> optuna.Study:
        return self.storage.find("study") or self.storage.create(
            "study", self.attributes, Goal.of_spec(self.attributes["spec"]).objectives
        )

    @property
    def attributes(self) -> dict[str, Any]:
        return {"spec": self.spec, "space": self.space.to_dict(), "conventional": CONVENTIONAL.to_dict()}

    def run(self, budget: int, seed: int = 0, first: tuple[Design, ...] = (), **options: Any) -> optuna.Study:
        study = self.load()
        first = (CONVENTIONAL, *first)
        runner = StudyRunner(
            study,
            self.space,
            first,
            self.evaluator,
            self.legality,
            seed,
            self.progress,
            lock=self.storage.lock("study"),
            **options,
        )
        runner.run(budget)
        return self.load()


@pytest.fixture(autouse=True)
def _quiet_optuna() -> Iterator[None]:
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    yield
    optuna.logging.set_verbosity(level)


@pytest.fixture
def fake_study(tmp_path: Path) -> FakeStudy:
    return FakeStudy(tmp_path)


@pytest.fixture
def make_fake_study(tmp_path: Path) -> Callable[..., FakeStudy]:
    return lambda folder=tmp_path, **options: FakeStudy(folder, **options)

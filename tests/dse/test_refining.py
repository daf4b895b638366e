"""`refine_study` over a study in a journal, with made-up trainings."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest

from dse.cache import EvaluationCache, Record
from dse.chosen_network import network_builder
from dse.claims import take_claim
from dse.data import load_dataset
from dse.design import uniform_design
from dse.errors import InterruptedTrainingError, TrainingError, UsageError
from dse.evaluation import ACCURACY, Activity, Judge
from dse.liveness import Watch
from dse.networks import Network
from dse.refining import RefineSettings, longer_recipe, looked_at, refine_study
from dse.second_look import PLAN, read_second_look
from dse.spec import StudySpec
from dse.study_reader import read_results
from dse.training.quick_recipe import HONEST, QuickRecipe
from dse.training.recipe import Recipe
from dse.trainings import JobResult
from dse.uncertainty import standard_error
from kernels_asm import LayerFunction, Overflow
from tests.dse.conftest import CONVENTIONAL, FakeStudy, FakeTrainer

WIDE = uniform_design(2.0, 32, Overflow.EXACT, None)
SAME = uniform_design(1.0, 16, Overflow.EXACT, None)
"""Computes what the conventional design does."""
HALF = uniform_design(0.5, 8, Overflow.EXACT, 31)


class SeedTrainer(FakeTrainer):
    """`NetworkTrainer` without trainings: accuracies depend on the seed too, and the trainings of all are listed."""

    trainings: list[tuple[float, int, int]]
    at: Callable[[int], None]

    def __init__(self, _dataset: object, recipe: Recipe, seed: int, **_options: object) -> None:
        super().__init__()
        self._recipe = recipe
        self._seed = seed

    def key(self, network: Network, functions: tuple[LayerFunction, ...]) -> dict[str, Any]:
        return super().key(network, functions) | {"seed": self._seed, "recipe": self._recipe.digest}

    def train(
        self, network: Network, functions: tuple[LayerFunction, ...], activity: Activity, judge: Judge | None = None
    ) -> tuple[Record, bytes]:
        self.trainings.append((network.width_multiplier, self._seed, self._recipe.epochs))
        self.at(len(self.trainings))
        record, weights = super().train(network, functions, activity, judge)
        return record | {"accuracy": record["accuracy"] + 0.01 * self._seed}, weights


class Heard:
    """Keeps the labels of the trainings."""

    def __init__(self) -> None:
        self.labels: list[str] = []

    def begin(self, _number: int, _total: int, label: str) -> None:
        self.labels.append(label)

    def activity(self, what: str) -> None:
        pass

    def step(self, _progress: object) -> None:
        pass

    def end(self, result: JobResult) -> None:
        pass


@pytest.fixture
def trainer(monkeypatch: pytest.MonkeyPatch) -> type[SeedTrainer]:
    monkeypatch.setattr("dse.trainings.NetworkTrainer", SeedTrainer)
    monkeypatch.setattr(SeedTrainer, "trainings", [], raising=False)
    monkeypatch.setattr(SeedTrainer, "at", staticmethod(lambda _number: None), raising=False)
    return SeedTrainer


@pytest.fixture
def fake(tmp_path: Path, trainer: type[SeedTrainer]) -> FakeStudy:
    """A study whose front is the design of half the width, and one that computes what the conventional does faster."""
    fake = FakeStudy(tmp_path, spec=StudySpec(seed=3).record(1e9))
    study = fake.run(3, first=(HALF, SAME))
    study.set_user_attr("digests", {"dataset": load_dataset().digest})
    return fake


def settings(fake: FakeStudy, **changes: Any) -> RefineSettings:
    asked = RefineSettings(f"journal:{fake.folder / 'study.log'}", None, seeds=2, cache=fake.folder / "cache")
    return replace(asked, **changes)


def refined(study: optuna.Study) -> Mapping[int, tuple[float, ...]]:
    return {number: found.accuracies for number, found in read_second_look(study).accuracies.items()}


def test_trains_the_front_and_the_conventional_design_each_computation_once(
    fake: FakeStudy, trainer: type[SeedTrainer]
) -> None:
    heard = Heard()
    results = read_results(refine_study(settings(fake), heard))
    numbers = [trial.number for trial in looked_at(results)]
    designs = {trial.number: trial.design for trial in looked_at(results)}
    assert designs == {0: CONVENTIONAL, 1: HALF, 2: SAME}
    assert numbers[0] == 0
    assert heard.labels == [f"{trials}, seed {seed}" for trials in ("trials 0, 2", "trial 1") for seed in (4, 5)]
    assert trainer.trainings == [(width, seed, 5) for width in (1.0, 0.5) for seed in (4, 5)]
    for trial in results.trials:
        assert trial.refined is not None
        assert trial.accuracy is not None
        accuracies = (trial.accuracy + 0.04, trial.accuracy + 0.05)
        assert trial.refined.accuracies == pytest.approx(accuracies)
        assert trial.refined.accuracy == pytest.approx(trial.accuracy + 0.045)
        assert trial.refined.standard_error == pytest.approx(standard_error(accuracies, 3500))
        assert trial.refined.test_accuracy == pytest.approx(trial.accuracy - 0.01)


def test_again_trains_nothing_and_another_plan_comes_before_the_first(
    fake: FakeStudy, trainer: type[SeedTrainer]
) -> None:
    first = refined(refine_study(settings(fake), Heard()))
    trainer.trainings.clear()
    heard = Heard()
    assert refined(refine_study(settings(fake), heard)) == first
    assert heard.labels == []

    one = refined(refine_study(settings(fake, seeds=1, changes={"epochs": 7}), Heard()))
    assert trainer.trainings == [(1.0, 4, 7), (0.5, 4, 7)]
    assert {number: accuracies[:1] for number, accuracies in first.items()} == one
    trainer.trainings.clear()
    refined(refine_study(settings(fake, first_seed=5, recipe=Recipe(epochs=5, batch_size=32)), Heard()))
    assert trainer.trainings == [(1.0, 6, 5), (0.5, 6, 5)]  # seed 5 of this recipe is in the cache
    trainer.trainings.clear()
    assert refined(refine_study(settings(fake), Heard())) == first
    assert trainer.trainings == []


def test_stopped_look_keeps_what_it_finished_and_goes_on(
    fake: FakeStudy, trainer: type[SeedTrainer], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(number: int) -> None:
        if number == 3:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(trainer, "at", staticmethod(stop))
    with pytest.raises(InterruptedTrainingError, match=r"interrupted: 2 of 4 trainings finished"):
        refine_study(settings(fake), Heard())
    study = fake.load()
    assert refined(study).keys() == {0, 2}
    monkeypatch.setattr(trainer, "at", staticmethod(lambda _number: None))
    heard = Heard()
    assert refined(refine_study(settings(fake), heard)).keys() == {0, 1, 2}
    assert heard.labels == ["trial 1, seed 4", "trial 1, seed 5"]
    assert [seed for _, seed, _ in trainer.trainings] == [4, 5, 4, 4, 5]


def test_is_stopped_while_another_process_trains_the_same(fake: FakeStudy, trainer: type[SeedTrainer]) -> None:
    class Stopping(Heard):
        def activity(self, what: str) -> None:
            if what.startswith("waiting for process"):
                os.kill(os.getpid(), signal.SIGINT)

    network = network_builder("tiny", load_dataset())(CONVENTIONAL.network)
    functions = CONVENTIONAL.layer_functions(layer.shape for layer in network.binary_layers)
    key = trainer(None, longer_recipe(QuickRecipe(), 10_000), 4).key(network, functions)
    record = EvaluationCache(fake.folder / "cache").record_path(ACCURACY, key)
    record.parent.mkdir(parents=True)
    take_claim(record, Watch(), lambda _what: None)
    with pytest.raises(InterruptedTrainingError, match="interrupted: 0 of 4 trainings"):
        refine_study(settings(fake), Stopping())
    assert trainer.trainings == []


def test_look_that_finds_nothing_leaves_the_earlier_one(
    fake: FakeStudy, trainer: type[SeedTrainer], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = read_second_look(refine_study(settings(fake), Heard()))

    def diverge(_number: int) -> None:
        raise TrainingError("training diverged: the loss is nan")

    monkeypatch.setattr(trainer, "at", staticmethod(diverge))
    with pytest.raises(TrainingError, match=r"no design has a figure, an earlier look stays$"):
        refine_study(settings(fake, first_seed=77), Heard())
    assert read_second_look(fake.load()) == before


def test_training_that_diverges_leaves_the_other_designs_their_figures(
    fake: FakeStudy, trainer: type[SeedTrainer], monkeypatch: pytest.MonkeyPatch
) -> None:
    def diverge(number: int) -> None:
        if number == 2:
            raise TrainingError("training diverged: the loss is nan")

    monkeypatch.setattr(trainer, "at", staticmethod(diverge))
    with pytest.raises(TrainingError, match=r"^trials 0, 2, seed 5: training diverged: the loss is nan; the other"):
        refine_study(settings(fake), Heard())
    assert refined(fake.load()).keys() == {1}
    assert refined(refine_study(settings(fake), Heard())).keys() == {0, 1, 2}


def test_designs_that_come_onto_the_front_later_are_all_that_is_left_to_train(
    fake: FakeStudy, trainer: type[SeedTrainer]
) -> None:
    refine_study(settings(fake), Heard())
    fake.run(4, first=(HALF, SAME, WIDE))
    trainer.trainings.clear()
    results = read_results(refine_study(settings(fake), Heard()))
    assert [trial.design for trial in results.trials][3] == WIDE
    assert 3 in results.front_numbers
    assert all(trial.refined for trial in looked_at(results))
    assert trainer.trainings == [(2.0, 4, 5), (2.0, 5, 5)]


def test_what_cannot_be_looked_at_is_refused_before_anything_is_trained(
    fake: FakeStudy, trainer: type[SeedTrainer], tmp_path: Path
) -> None:
    study = fake.load()
    study.set_user_attr("digests", {"dataset": "another"})
    with pytest.raises(UsageError, match=r"dataset fashion-mnist-small is not the one that study 'study' was made"):
        refine_study(settings(fake), Heard())
    study.set_user_attr("digests", {"dataset": load_dataset().digest})
    for changes, message in (
        ({"epochs": 0}, "epochs is 0"),
        ({"stages": "real"}, "stages"),
        (
            {"epochs": 1},
            r"look at 10,000 images, those of the search at 16,000: .*give more --epochs or --train-images",
        ),
        ({"epochs": 5, "train_images": 3_000}, "look at 15,000 images"),
    ):
        with pytest.raises(UsageError, match=message):
            refine_study(settings(fake, changes=changes), Heard())
    with pytest.raises(UsageError, match="there is no storage"):
        refine_study(settings(fake, storage=str(tmp_path / "missing.db")), Heard())
    empty = FakeStudy(tmp_path / "empty", location=f"journal:{tmp_path / 'empty.log'}", spec=fake.spec)
    empty.load()
    with pytest.raises(UsageError, match="has no design on its front yet"):
        refine_study(settings(fake, storage=empty.location), Heard())
    assert trainer.trainings == []
    assert PLAN not in fake.load().user_attrs


@pytest.mark.parametrize(
    ("recipe", "images", "epochs", "batch_size"),
    [
        (QuickRecipe(), 10_000, 5, 32),
        (QuickRecipe(), 45_000, 2, 32),
        (QuickRecipe(train_images=2_000), 45_000, 24, 32),
        (QuickRecipe(replace(HONEST, images=0)), 10_000, 1, 32),
        (Recipe(epochs=4, batch_size=16), 10_000, 12, 16),
    ],
)
def test_by_default_trains_three_times_as_long_as_the_search(
    recipe: Recipe | QuickRecipe, images: int, epochs: int, batch_size: int
) -> None:
    longer = longer_recipe(recipe, images)
    assert (longer.epochs, longer.batch_size, longer.train_images) == (epochs, batch_size, recipe.train_images)

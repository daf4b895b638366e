"""The trainer of studies and of `dse train`: what its keys hold, where teachers and trainings under way live."""

from dataclasses import replace

import pytest
import torch

from dse.accuracy import CHECKPOINTS, NetworkTrainer
from dse.cache import CacheError, EvaluationCache, content_key
from dse.errors import StoppedTrainingError, TrainingError, UsageError
from dse.evaluation import ACCURACY, WEIGHTS, obtain_accuracy
from dse.training.recipe import Distillation
from dse.training.schedules import Schedule
from dse.training.weights import parse_weights
from tests.dse.training.small_training import FUNCTIONS, NETWORK, RECIPES, SMALL

torch.set_num_threads(1)


@pytest.fixture
def cache(tmp_path):
    return EvaluationCache(tmp_path)


def files(cache, kind):
    return [path for path in cache.files() if kind in path.parts]


def stop_at(step):
    def watch(progress):
        if progress.step == step:
            raise KeyboardInterrupt

    return watch


def obtain(cache, recipe, watch=None, activities=None):
    trainer = NetworkTrainer(SMALL, recipe, 1, cache=cache, watch=watch)
    tell = (lambda _: None) if activities is None else activities.append
    return obtain_accuracy(trainer, cache, NETWORK, FUNCTIONS, tell)


def test_a_training_is_kept_under_its_key_until_it_is_stored(cache):
    recipe = RECIPES["adam"]
    with pytest.raises(KeyboardInterrupt):
        obtain(cache, recipe, stop_at(7))
    key = NetworkTrainer(SMALL, recipe, 1, cache=cache).key(NETWORK, FUNCTIONS)
    assert [path.stem for path in files(cache, CHECKPOINTS)] == [content_key(key)]
    assert files(cache, ACCURACY) == []
    steps = []
    found = obtain(cache, recipe, lambda progress: steps.append(progress.step))
    assert steps[0] == 8
    assert files(cache, CHECKPOINTS) == []
    assert not found.cached
    assert obtain(cache, recipe).cached


def test_an_accuracy_whose_weights_are_gone_is_trained_again(cache):
    recipe = RECIPES["adam"]
    first = obtain(cache, recipe)
    (weights,) = files(cache, WEIGHTS)
    weights.unlink()
    again = obtain(cache, recipe)
    assert not again.cached
    assert again.record["accuracy"] == first.record["accuracy"]
    assert [path.name for path in files(cache, WEIGHTS)] == [again.weights]
    assert obtain(cache, recipe).cached


def test_a_full_disk_at_the_end_loses_no_training(cache, monkeypatch):
    recipe = RECIPES["adam"]
    with monkeypatch.context() as patch:
        patch.setattr(EvaluationCache, "store_file", lambda *_: (_ for _ in ()).throw(CacheError("no room")))
        with pytest.raises(CacheError, match="no room"):
            obtain(cache, recipe)
    steps = []
    obtain(cache, recipe, lambda progress: steps.append(progress.step))
    assert steps == [15]  # only the test images are judged again


def test_what_diverged_leaves_nothing_to_go_on_from(cache):
    recipe = replace(RECIPES["adam"], learning_rate=1e38, schedule=Schedule.CONSTANT)
    with pytest.raises(TrainingError):
        obtain(cache, recipe)
    assert list(cache.files()) == []


def test_a_teacher_is_trained_once_and_kept(cache):
    activities = []
    recipe = RECIPES["distillation"]
    obtain(cache, recipe, activities=activities)
    assert any(activity.startswith("teacher: training") for activity in activities)
    assert len(files(cache, ACCURACY)) == 2
    taught = {parse_weights(path.read_bytes(), path.name).recipe.deployable for path in files(cache, WEIGHTS)}
    assert taught == {True, False}
    activities.clear()
    obtain(cache, replace(recipe, distillation=Distillation(weight=0.9)), activities=activities)
    assert not any(activity.startswith("teacher: training epoch") for activity in activities)
    assert len(files(cache, ACCURACY)) == 3


def test_an_interrupted_teacher_goes_on(cache):
    recipe = RECIPES["distillation"]
    with pytest.raises(KeyboardInterrupt):
        obtain(cache, recipe, stop_at(4))
    assert files(cache, ACCURACY) == []
    seen = []
    through = obtain(cache, recipe, lambda progress: seen.append(progress.step))
    assert seen[0] == 5
    assert through.value == obtain(EvaluationCache(cache.directory / "other"), recipe).value


def test_a_named_teacher_must_be_given(cache):
    recipe = replace(RECIPES["adam"], distillation=Distillation(teacher="0" * 64))
    with pytest.raises(UsageError, match="names a teacher that is not given"):
        obtain(cache, recipe)


def test_keys_follow_all_that_a_training_depends_on(cache):
    recipe, others = RECIPES["adam"], [RECIPES["sgd"], RECIPES["distillation"]]
    keys = [NetworkTrainer(SMALL, of, 1, cache=cache).key(NETWORK, FUNCTIONS) for of in (recipe, *others)]
    keys.append(NetworkTrainer(SMALL, recipe, 2, cache=cache).key(NETWORK, FUNCTIONS))
    keys.append(NetworkTrainer(SMALL, recipe, 1, cache=cache).key(NETWORK, FUNCTIONS[:1] * len(FUNCTIONS)))
    assert len({content_key(key) for key in keys}) == 5
    assert NetworkTrainer(SMALL, recipe, 1).key(NETWORK, FUNCTIONS) == keys[0]


def test_what_a_judge_ends_is_gone_on_from_and_it_is_not_asked_after_the_last_epoch(cache, tmp_path):
    recipe = replace(RECIPES["adam"], epochs=3)
    asked: list[int] = []

    def judge(epoch: int, accuracy: float) -> None:
        assert 0 <= accuracy <= 1
        asked.append(epoch)
        if asked == [1, 2]:
            raise StoppedTrainingError("cannot reach the front")

    def train(kept: EvaluationCache, *judges):
        return NetworkTrainer(SMALL, recipe, 1, cache=kept).train(NETWORK, FUNCTIONS, lambda _what: None, *judges)

    with pytest.raises(StoppedTrainingError):
        train(cache, judge)
    assert files(cache, CHECKPOINTS)
    gone_on, weights = train(cache, judge)
    assert asked == [1, 2, 2]  # the second time from after the second epoch
    through, same = train(EvaluationCache(tmp_path / "other"))
    assert gone_on["accuracy"] == through["accuracy"]
    assert parse_weights(weights, "here").state_dict.keys() == parse_weights(same, "here").state_dict.keys()

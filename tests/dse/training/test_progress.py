"""The time left of a training, in a world where steps and evaluations take given times."""

import pytest
import torch

from dse.training import training_run
from dse.training.loop import train
from dse.training.progress import Pace
from dse.training.recipe import Recipe
from dse.training.stages import TWO_STAGE
from tests.dse.training.small_training import FUNCTIONS, NETWORK, SMALL

torch.set_num_threads(1)


def test_the_first_step_is_left_out_once_there_is_another():
    pace = Pace(batch_size=10)
    assert pace.seconds_left(steps=5, images=50) == 0
    pace.add_step(9.0)
    assert pace.seconds_left(steps=2, images=0) == 18
    pace.add_step(1.0)
    pace.add_step(3.0)
    assert pace.seconds_left(steps=2, images=0) == 4


def test_evaluations_are_estimated_until_they_are_measured():
    pace = Pace(batch_size=10)
    pace.add_step(3.0)
    assert pace.seconds_left(steps=0, images=100) == pytest.approx(100 * 3.0 / 10 / 3)
    pace.add_evaluation(100, 50.0)
    assert pace.seconds_left(steps=1, images=100) == 53


def test_another_stage_has_another_pace():
    pace = Pace(batch_size=10)
    pace.add_step(1.0)
    pace.begin_stage()
    pace.add_step(5.0)
    assert pace.seconds_left(steps=2, images=0) == 10


def test_time_left_is_right_with_stages_and_evaluations(monkeypatch):
    """A clock that runs 1 s a step of the first stage, 2 s of the second, 10 ms an evaluated image, and else stands."""
    clock = [0.0]
    run_step = training_run.TrainingRun._run_step
    evaluate = training_run.evaluate

    def step(self, images, labels):
        clock[0] += 1 + self._stage
        return run_step(self, images, labels)

    def judge(model, split):
        clock[0] += 0.01 * len(split)
        return evaluate(model, split)

    monkeypatch.setattr(training_run.TrainingRun, "_run_step", step)
    monkeypatch.setattr(training_run, "evaluate", judge)
    monkeypatch.setattr(training_run.time, "perf_counter", lambda: clock[0])
    seen = []
    recipe = Recipe(epochs=4, batch_size=32, stages=TWO_STAGE)
    trained = train(NETWORK, FUNCTIONS, SMALL, recipe, progress=seen.append)
    total = 10 * 1 + 10 * 2 + 5 * 2.5  # steps of both stages, four validations and the test, 250 images each
    assert trained.seconds == pytest.approx(total)
    in_second = [progress for progress in seen if progress.stage == 2 and progress.step > 10]
    assert len(in_second) == 10 + 3
    for progress in in_second:
        assert progress.seconds + progress.seconds_left == pytest.approx(total)
    after_first_epoch = [progress for progress in seen if progress.stage == 1 and progress.judged == 1]
    for progress in after_first_epoch:  # the second stage's slower steps cannot be known yet
        assert progress.seconds + progress.seconds_left == pytest.approx(total - 10)
    assert seen[-1].seconds_left == 0

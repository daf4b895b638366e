"""What is shown of running trainings: the time left of all of them, and a display for a terminal."""

import io

import pytest
from rich.console import Console
from rich.live import Live

from dse.cli import train_progress
from dse.cli.train_progress import LiveTrainings, TrainingLines, TrainingsTally
from dse.evaluation import Accuracy
from dse.training.progress import TrainingProgress
from dse.trainings import JobResult


def at(step, seconds_left=30.0, judged=0, stages=1, accuracy=None):
    return TrainingProgress(
        step=step,
        steps=20,
        epoch=1 + judged,
        epochs=2,
        stage=1,
        stages=stages,
        judged=judged,
        loss=0.5,
        accuracy=accuracy,
        seconds=10.0,
        seconds_left=seconds_left,
    )


@pytest.fixture
def frozen(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(train_progress.time, "monotonic", lambda: clock[0])
    return clock


def test_time_left_is_that_of_all_trainings(frozen):
    tally = TrainingsTally()
    tally.begin(2, 5, "seed 1")
    assert tally.seconds_left is None
    tally.step(at(3))
    assert tally.seconds_left == 30 + 3 * 40
    frozen[0] += 10  # a step that takes long: the clock goes on between two reports
    assert tally.seconds_left == 20 + 3 * 40
    tally.activity("teacher: training epoch 1/2")
    assert tally.seconds_left == 20 + 4 * 40


def shown(display):
    console = Console(width=110, file=io.StringIO(), force_terminal=False)
    console.print(display)
    return console.file.getvalue()


def test_live_display_shows_job_bar_results_and_time():
    output = io.StringIO()
    with Live(console=Console(file=output, width=110), auto_refresh=False) as live:
        display = LiveTrainings("tiny on small", live)
        assert "preparing" in shown(display)
        display.begin(1, 2, "seed 0")
        display.activity("training")
        assert "[1/2] seed 0" in shown(display)
        display.step(at(12, judged=1, stages=2, accuracy=0.8125))
        text = shown(display)
        assert all(
            part in text for part in ("[1/2] seed 0", "stage 1/2, epoch 2/2", "validation 81.25 %", "time left 1:10")
        ), text
        display.end(JobResult(None, Accuracy({"accuracy": 0.8125}, "", cached=False)))
        display.end(JobResult(None, None, "training diverged: the loss is nan"))
    assert "[1/2] seed 0: validation accuracy 81.25 %" in output.getvalue()
    assert "failed: training diverged" in output.getvalue()


def lines_of(progresses):
    output = io.StringIO()
    lines = TrainingLines("title", Console(file=output, width=40))
    lines.begin(1, 1, "seed 0")
    for activity, progress in progresses:
        lines.activity(activity)
        lines.step(progress)
    return output.getvalue().splitlines()


def test_a_line_an_epoch_for_teacher_and_student():
    of_teacher, of_student = "teacher: training epoch", "training epoch"
    lines = lines_of(
        [
            (of_teacher, at(1)),
            (of_teacher, at(10)),
            (of_teacher, at(10, judged=1, accuracy=0.5)),
            (of_teacher, at(20, judged=2, accuracy=0.6)),
            (of_student, at(1)),
            (of_student, at(10, judged=1, accuracy=0.7)),
            (of_student, at(11, judged=1, accuracy=0.7)),
        ]
    )
    assert [line.partition(", loss")[0] for line in lines] == [
        "title",
        "seed 0, teacher: epoch 1/2",
        "seed 0, teacher: epoch 2/2",
        "seed 0: epoch 1/2",
    ]


def test_a_training_that_goes_on_says_where():
    assert lines_of([("training", at(12, judged=1)), ("training", at(13, judged=1))])[1:] == [
        "seed 0: goes on behind step 11 of 20"
    ]


@pytest.mark.parametrize("terminal", [True, False])
def test_the_stream_decides(monkeypatch, terminal):
    console = Console(file=io.StringIO(), force_terminal=terminal, width=80)
    monkeypatch.setattr("dse.cli.progress.Console", lambda stderr: console)
    with train_progress.trainings_progress("title", to_stderr=True) as progress:
        assert isinstance(progress, LiveTrainings if terminal else TrainingLines)

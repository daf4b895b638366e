from __future__ import annotations

import io

import pytest
from optuna.trial import TrialState, create_trial
from rich.console import Console
from rich.live import Live

from dse.cli import progress as progress_module
from dse.cli.progress import LineProgress, LiveProgress, StudyTally, duration
from dse.design import uniform_design
from dse.uncertainty import MeasuredAccuracy
from kernels_asm import Overflow

DESIGN = uniform_design(1.5, 8, Overflow.WRAP, 31)


def trial(state, number=0, **attributes):
    values = (1.25, 0.87) if state is TrialState.COMPLETE else None
    if values is not None:
        attributes |= {"measures": dict(zip(("latency_ms", "accuracy"), values, strict=True))}
    made = create_trial(state=state, values=values, user_attrs=attributes)
    made.number = number
    return made


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test sets; the display reads no other."""
    now = [0.0]
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: now[0])
    return now


def test_time_left_counts_this_runs_trials_only(clock):
    tally = StudyTally()
    tally.begin([trial(TrialState.COMPLETE)] * 4, budget=10)
    assert tally.seconds_left is None
    clock[0] = 20.0
    tally.add(trial(TrialState.COMPLETE))
    tally.add(trial(TrialState.PRUNED))
    tally.add(trial(TrialState.COMPLETE))
    assert tally.seconds_left == 10.0 * 4


def test_best_so_far_is_the_least_latency_and_the_highest_accuracy():
    tally = StudyTally()
    assert tally.best == "no design evaluated yet"
    points = ((1.0, 0.8), (2.0, 0.9), (2.5, 0.901), (3.0, 0.7))
    tally.complete = [(latency, MeasuredAccuracy(accuracy, 0.004)) for latency, accuracy in points]
    best, highest, front = tally.best.split("   ")
    assert best == "best latency 1.0000 ms"
    assert highest == "highest accuracy 90.10 ± 0.40 %"
    assert front == "3 designs on the front, 2 of them distinguishable"


def test_lines_tell_result_and_reason():
    stream = io.StringIO()
    shown = LineProgress("study", Console(file=stream))
    shown.begin([], 2)
    shown.begin_trial(0, DESIGN)
    shown.activity("training epoch 1/3")
    shown.end_trial(trial(TrialState.COMPLETE, accuracy_standard_error=0.006))
    shown.begin_trial(1, DESIGN)
    shown.end_trial(trial(TrialState.PRUNED, 1, pruned="no registers [left]"))
    shown.end(None)
    first, complete, pruned = stream.getvalue().splitlines()
    assert first == "study: 0 of 2 trials finished"
    assert "1.2500 ms, 87.00 ± 0.60 %" in complete
    assert "width 1.5, 8-bit wrap, clip 31:" in complete
    assert pruned.endswith("pruned: no registers [left]")


def test_live_display_shows_counts_best_time_left_and_activity(clock):
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    shown = LiveProgress("study", Live(console=console))
    shown.begin([], 3)
    shown.begin_trial(7, DESIGN)
    clock[0] = 60.0
    shown.end_trial(trial(TrialState.COMPLETE, 7))
    shown.begin_trial(8, DESIGN)
    shown.activity("training epoch 1/3")
    page = Console(file=io.StringIO(), width=120)
    page.print(shown)
    text = page.file.getvalue()
    for part in ("study", "1/3 trials", "time left 2:00", "best latency 1.2500 ms", "training epoch 1/3", "trial 8"):
        assert part in text


def test_trials_of_several_workers_are_told_apart():
    stream = io.StringIO()
    lines, live = LineProgress("study", Console(file=stream)), LiveProgress("study", Live(console=Console(file=stream)))
    for shown in (lines, live):
        shown.begin([], 3)
        shown.begin_trial(0, DESIGN)
        shown.begin_trial(1, uniform_design(1.5, 8, Overflow.WRAP, 7))
    lines.end_trial(trial(TrialState.COMPLETE))
    assert "width 1.5, 8-bit wrap, clip 31:" in stream.getvalue().splitlines()[-1]
    page = Console(file=io.StringIO(), width=120)
    page.print(live)
    assert [line.split(" (")[0] for line in page.file.getvalue().splitlines()[-2:]] == ["trial 0", "trial 1"]


@pytest.mark.parametrize(("seconds", "text"), [(5, "0:05"), (65, "1:05"), (7265, "2:01:05")])
def test_duration(seconds, text):
    assert duration(seconds) == text

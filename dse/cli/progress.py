"""Shows a running study: a live display on a terminal, a line a trial elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from optuna.trial import FrozenTrial, TrialState
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from dse.accuracy_claims import front_counts
from dse.design import Design
from dse.front import not_shown_above, pareto_front
from dse.measures import ACCURACY, LATENCY
from dse.progress import StudyProgress
from dse.results import MEASURES
from dse.staging import is_spared
from dse.uncertainty import MeasuredAccuracy, differ

Shown = TypeVar("Shown")
"""What receives the events of a run and shows them."""


@dataclass
class StudyTally:
    """What is known of a run: counts, the best so far, and the time that is left.

    Attributes:
        budget: Complete trials to reach.
        complete: Milliseconds and accuracy of the complete trials.
        spared: Designs of the trials that were pruned before their training and not evaluated after all.
        pruned: Trials without a kernel.
        failed: Trials that failed.

    """

    budget: int = 0
    complete: list[tuple[float, MeasuredAccuracy]] = field(default_factory=list)
    spared: list[Any] = field(default_factory=list)
    pruned: int = 0
    failed: int = 0
    _inherited: int = 0
    _is_plane: bool = True
    _started: float = field(default_factory=time.monotonic)

    def begin(self, finished: list[FrozenTrial], budget: int) -> None:
        """Start the clock with the trials that earlier runs finished."""
        self.budget = budget
        complete = [trial for trial in finished if not is_spared(trial)]
        self.spared = [trial.user_attrs["design"] for trial in finished if is_spared(trial)]
        self.complete = [(_latency(trial), _measured(trial)) for trial in complete]
        self._is_plane = all(map(_is_plane, complete))
        self._inherited = self.finished
        self._started = time.monotonic()

    def add(self, trial: FrozenTrial) -> None:
        """Count a trial that ended."""
        design = trial.user_attrs.get("design")
        if trial.state is TrialState.COMPLETE:
            self.complete.append((_latency(trial), _measured(trial)))
            self._is_plane &= _is_plane(trial)
            self.spared = [spared for spared in self.spared if spared != design]
        elif is_spared(trial):
            self.spared.append(design)
        elif trial.state is TrialState.PRUNED:
            self.pruned += 1
        else:
            self.failed += 1

    @property
    def finished(self) -> int:
        """Trials that count towards the budget."""
        return len(self.complete) + len(self.spared)

    @property
    def seconds_left(self) -> float | None:
        """Estimate from this run's mean time a complete trial; None before the first."""
        done = self.finished - self._inherited
        if done < 1:
            return None
        return (time.monotonic() - self._started) / done * max(0, self.budget - self.finished)

    @property
    def best(self) -> str:
        """The least latency, the highest accuracy and, where these are all that counts, the size of the front."""
        if not self.complete:
            return "no design evaluated yet"
        latency = min(latency for latency, _ in self.complete)
        highest = max((accuracy for _, accuracy in self.complete), key=lambda accuracy: accuracy.value)
        best = f"best latency {latency:.4f} ms   highest accuracy {highest.percent} %"
        if not self._is_plane:
            return best
        front = pareto_front(self.complete, lambda point: (point[0], -point[1].value))
        distinguishable = not_shown_above(front, lambda one, other: differ(one[1], other[1])).count(None)
        designs = front_counts(len(front), distinguishable)
        return f"{best}   {designs}"


class LiveProgress:
    """A display of four lines, or more with several workers, that is drawn over itself."""

    def __init__(self, title: str, live: Live) -> None:
        self._title = title
        self._live = live
        self._tally = StudyTally()
        self._trials: dict[int, Design] = {}
        self._activity = "preparing"

    def __rich__(self) -> Group:
        """Draw the display; the live display calls this several times a second, so that the clock runs."""
        tally = self._tally
        title = Text(self._title, style="bold")
        if tally.budget == 0:
            return Group(title, Text(self._activity, style="dim"))
        bar = Table.grid(padding=(0, 2))
        left = "" if tally.seconds_left is None else f"time left {duration(tally.seconds_left)}"
        rest = f"{len(tally.spared)} untrained  {tally.pruned} pruned  {tally.failed} failed"
        bar.add_row(
            ProgressBar(total=tally.budget, completed=tally.finished, width=40),
            f"{tally.finished}/{tally.budget} trials",
            rest,
            left,
        )
        return Group(title, bar, Text(tally.best), *(Text(line, style="dim") for line in self._under_way()))

    def _under_way(self) -> list[str]:
        """Return what happens now: the trial with what it does, or the trials of several workers, a line each."""
        trials = [f"trial {number} ({design})" for number, design in self._trials.items()]
        if len(trials) > 1:
            return trials
        return [f"{trials[0]}: {self._activity}" if trials else self._activity]

    def begin(self, finished: list[FrozenTrial], budget: int) -> None:
        """Show what is finished."""
        self._tally.begin(finished, budget)

    def begin_trial(self, number: int, design: Design) -> None:
        """Show the design."""
        self._trials[number] = design
        self._activity = "under way"

    def activity(self, what: str) -> None:
        """Show what the trial does."""
        self._activity = what

    def end_trial(self, trial: FrozenTrial) -> None:
        """Count the trial; a failure stays on the screen above the display."""
        self._tally.add(trial)
        self._trials.pop(trial.number, None)
        self._activity = "choosing the next design"
        if trial.state is TrialState.FAIL:
            self._live.console.print(Text(f"trial {trial.number} failed: {trial.user_attrs.get('error')}"))

    def end_elsewhere(self, trial: FrozenTrial) -> None:
        """Count the trial."""
        self._tally.add(trial)

    def end(self, note: str | None) -> None:
        """Show why the run ended early."""
        self._trials.clear()
        self._activity = note or "done"


class LineProgress:
    """One line a trial, for logs and pipes."""

    def __init__(self, title: str, console: Console) -> None:
        self._console = console
        self._tally = StudyTally()
        self._designs: dict[int, Design] = {}
        self._title = title

    def begin(self, finished: list[FrozenTrial], budget: int) -> None:
        """Print how much is finished."""
        self._tally.begin(finished, budget)
        self._print(f"{self._title}: {len(finished)} of {budget} trials finished")

    def begin_trial(self, number: int, design: Design) -> None:
        """Keep the design for the line at the trial's end."""
        self._designs[number] = design

    def activity(self, _what: str) -> None:
        """Print nothing: a log needs no epochs."""

    def end_trial(self, trial: FrozenTrial) -> None:
        """Print the trial's result."""
        self._tally.add(trial)
        design = self._designs.pop(trial.number, "begun by another run")
        head = f"[{self._tally.finished}/{self._tally.budget}] trial {trial.number}: {design}"
        if trial.state is TrialState.COMPLETE:
            left = self._tally.seconds_left
            time_left = "" if left is None else f", time left {duration(left)}"
            self._print(f"{head}: {_latency(trial):.4f} ms, {_measured(trial).percent} %{time_left}")
            return
        reason = trial.user_attrs.get("pruned") or trial.user_attrs.get("error")
        self._print(f"{head}: {trial.state.name.lower()}: {reason}")

    def end_elsewhere(self, trial: FrozenTrial) -> None:
        """Count the trial."""
        self._tally.add(trial)

    def end(self, note: str | None) -> None:
        """Print why the run ended early."""
        if note is not None:
            self._print(note)

    def _print(self, line: str) -> None:
        print_line(self._console, line)


def study_progress(title: str, *, to_stderr: bool) -> AbstractContextManager[StudyProgress]:
    """Return the context of the progress that suits the stream: live on a terminal, lines otherwise.

    Args:
        title: What is searched, shown above the display.
        to_stderr: Keep standard output free for the result.

    """
    return lines_or_live(title, LineProgress, LiveProgress, to_stderr=to_stderr)


@contextmanager
def lines_or_live(
    title: str, lines: Callable[[str, Console], Shown], live: Callable[[str, Live], Shown], *, to_stderr: bool
) -> Iterator[Shown]:
    """Yield a display that suits the stream: `live`, which rich can render, on a terminal, `lines` otherwise."""
    console = Console(stderr=to_stderr)
    if not console.is_terminal:
        yield lines(title, console)
        return
    with Live(console=console, refresh_per_second=4, transient=True) as region:
        display = live(title, region)
        region.update(display)  # type: ignore[arg-type]  # what is shown live has __rich__
        yield display


def print_line(console: Console, line: str) -> None:
    """Print a line as it is, for logs and pipes."""
    console.print(line, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def count_status(title: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Show a spinner with the count that was last told, and of how many, on standard error if that is a terminal."""
    of = "" if total is None else f"/{total}"
    with Console(stderr=True).status(title) as status:
        yield lambda done: status.update(f"{title}: {done}{of}")


def _latency(trial: FrozenTrial) -> float:
    return float(trial.user_attrs[MEASURES][str(LATENCY)])


def _is_plane(trial: FrozenTrial) -> bool:
    """Whether a trial is a point of the plane of latency and accuracy, and nothing else counts."""
    return trial.values == [_latency(trial), _measured(trial).value] and not trial.constraints


def _measured(trial: FrozenTrial) -> MeasuredAccuracy:
    return MeasuredAccuracy(trial.user_attrs[MEASURES][str(ACCURACY)], trial.user_attrs.get("accuracy_standard_error"))


def duration(seconds: float) -> str:
    """Return a duration as "1:05" or "2:01:05"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"

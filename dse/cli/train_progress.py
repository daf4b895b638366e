"""Shows running trainings: a live display on a terminal, a line an epoch elsewhere."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from dse.accuracy import TEACHER
from dse.cli.progress import duration, lines_or_live, print_line
from dse.trainings import JobResult, TrainingsProgress

if TYPE_CHECKING:
    from dse.training.progress import TrainingProgress


class TrainingsTally:
    """How far a list of trainings is, and the time that is left of all of them."""

    def __init__(self) -> None:
        self.number = 0
        self.total = 0
        self.label = ""
        self.latest: TrainingProgress | None = None
        self.of_teacher = False
        self._told = time.monotonic()

    def begin(self, number: int, total: int, label: str) -> None:
        """Count a job."""
        self.number, self.total, self.label, self.latest = number, total, label, None
        self.of_teacher = False

    def activity(self, what: str) -> None:
        """Tell from what a job does whether it is training its teacher."""
        self.of_teacher = what.startswith(TEACHER)

    def step(self, progress: TrainingProgress) -> None:
        """Take over where the job stands."""
        self.latest, self._told = progress, time.monotonic()

    @property
    def seconds_left(self) -> float | None:
        """Estimate for this training and as long for each that follows; None before the first step."""
        if self.latest is None:
            return None
        of_this = max(0.0, self.latest.seconds_left - (time.monotonic() - self._told))
        following = self.total - self.number + self.of_teacher
        return of_this + following * (self.latest.seconds + self.latest.seconds_left)

    @property
    def head(self) -> str:
        """Which job it is, in words."""
        number = f"[{self.number}/{self.total}] " if self.total > 1 else ""
        return f"{number}{self.label}{', teacher' if self.of_teacher else ''}"


class LiveTrainings:
    """A display of three lines that is drawn over itself."""

    def __init__(self, title: str, live: Live) -> None:
        self._title = title
        self._live = live
        self._tally = TrainingsTally()
        self._activity = "preparing"

    def __rich__(self) -> Group:
        """Draw the display; the live display calls this several times a second, so that the clock runs."""
        title = Text(self._title, style="bold")
        head = Text(self._tally.head or self._activity, style="dim")
        latest = self._tally.latest
        if latest is None:
            return Group(title, head, Text(self._activity, style="dim"))
        bar = Table.grid(padding=(0, 2))
        bar.add_row(
            ProgressBar(total=latest.steps, completed=latest.step, width=40),
            _position(latest),
            _results(latest),
            f"time left {duration(self._tally.seconds_left or 0.0)}",
        )
        return Group(title, head, bar)

    def begin(self, number: int, total: int, label: str) -> None:
        """Show the job."""
        self._tally.begin(number, total, label)

    def activity(self, what: str) -> None:
        """Show what it does before its first step."""
        self._tally.activity(what)
        self._activity = what

    def step(self, progress: TrainingProgress) -> None:
        """Show how far it is."""
        self._tally.step(progress)

    def end(self, result: JobResult) -> None:
        """Leave a line above the display."""
        self._tally.activity("")
        self._live.console.print(Text(f"{self._tally.head}: {result_text(result)}"))


class TrainingLines:
    """A line an epoch and a line a job, for logs and pipes."""

    def __init__(self, title: str, console: Console) -> None:
        self._console = console
        self._tally = TrainingsTally()
        self._training: tuple[int, bool] | None = None  # number of the job, and whether it trains its teacher
        self._judged = 0  # epochs of that training that have a line
        self._print(title)

    def begin(self, number: int, total: int, label: str) -> None:
        """Keep the job for its lines."""
        self._tally.begin(number, total, label)

    def activity(self, what: str) -> None:
        """Print nothing: a log needs no steps."""
        self._tally.activity(what)

    def step(self, progress: TrainingProgress) -> None:
        """Print the end of an epoch, or where a training goes on."""
        self._tally.step(progress)
        training = (self._tally.number, self._tally.of_teacher)
        if training != self._training:
            self._training, self._judged = training, progress.judged if progress.step > 1 else 0
            if progress.step > 1:
                self._print(f"{self._tally.head}: goes on behind step {progress.step - 1} of {progress.steps}")
        if progress.judged > self._judged:
            self._judged = progress.judged
            left = f"time left {duration(self._tally.seconds_left or 0.0)}"
            at = f"epoch {progress.judged}/{progress.epochs}"
            self._print(f"{self._tally.head}: {at}, {_results(progress)}, {left}")

    def end(self, result: JobResult) -> None:
        """Print what became of the job."""
        self._tally.activity("")
        self._print(f"{self._tally.head}: {result_text(result)}")

    def _print(self, line: str) -> None:
        print_line(self._console, line)


def result_text(result: JobResult) -> str:
    """Return what became of a job in a few words."""
    if result.accuracy is None:
        return f"failed: {result.error}"
    known = " (trained before)" if result.accuracy.cached else ""
    return f"validation accuracy {100 * result.accuracy.value:.2f} %{known}"


def trainings_progress(title: str, *, to_stderr: bool) -> AbstractContextManager[TrainingsProgress]:
    """Return the context of the progress that suits the stream: live on a terminal, lines otherwise.

    Args:
        title: What is trained, shown above the display.
        to_stderr: Keep standard output free for the result.

    """
    return lines_or_live(title, TrainingLines, LiveTrainings, to_stderr=to_stderr)


def _position(progress: TrainingProgress) -> str:
    stage = f"stage {progress.stage}/{progress.stages}, " if progress.stages > 1 else ""
    return f"{stage}epoch {progress.epoch}/{progress.epochs}"


def _results(progress: TrainingProgress) -> str:
    accuracy = "" if progress.accuracy is None else f", validation {100 * progress.accuracy:.2f} %"
    return f"loss {progress.loss:.3f}{accuracy}"

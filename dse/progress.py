"""What a running study tells whoever watches it."""

from __future__ import annotations

from typing import Protocol

from optuna.trial import FrozenTrial

from dse.design import Design


class StudyProgress(Protocol):
    """Receives the events of one run, in the order below; displays and logs implement it."""

    def begin(self, finished: list[FrozenTrial], budget: int) -> None:
        """Receive the start of the run: these trials are finished already, of `budget`."""

    def begin_trial(self, number: int, design: Design) -> None:
        """Receive the start of a trial on `design`."""

    def activity(self, what: str) -> None:
        """Receive what the current trial does now, for example "training epoch 1/3"."""

    def end_trial(self, trial: FrozenTrial) -> None:
        """Receive a trial that ended: complete, pruned or failed, as its state says."""

    def end_elsewhere(self, trial: FrozenTrial) -> None:
        """Receive a trial that another worker has ended; any number of them may come before each `end_trial`."""

    def end(self, note: str | None) -> None:
        """Receive the end of the run; `note` says why where the budget was not reached."""

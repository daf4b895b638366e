"""Writes down what a second look finds: a design is in the storage as soon as its last seed is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

import optuna

from dse.data import Dataset
from dse.evaluation import Accuracy
from dse.second_look import LookPlan, RefinedAccuracy, write_accuracy, write_plan
from dse.study_lock import StudyLock, held
from dse.trainings import JobResult, TrainingJob, TrainingsProgress
from dse.uncertainty import standard_error

if TYPE_CHECKING:
    from dse.training.progress import TrainingProgress


@dataclass(frozen=True)
class DesignToTrain:
    """What designs that compute the same are trained as: their trials, and a job for each seed."""

    trials: tuple[int, ...]
    jobs: tuple[TrainingJob, ...]


class LookRecord:
    """Passes the events of the trainings on, and writes the accuracy of each design down behind its last one.

    Args:
        study: Gets the accuracies.
        plan: Of the look.
        lock: Held while something is written: two processes may take the same look.
        looks: Designs whose jobs run in this order.
        dataset: Tells on how many images accuracies were measured.
        progress: Told what happens.

    """

    def __init__(
        self,
        study: optuna.Study,
        plan: LookPlan,
        lock: StudyLock,
        looks: Sequence[DesignToTrain],
        dataset: Dataset,
        progress: TrainingsProgress,
    ) -> None:
        self._study = study
        self._plan = plan
        self._lock = lock
        self._waiting = list(looks)
        self._images = (len(dataset.validation), len(dataset.test))
        self._progress = progress
        self._results: list[JobResult] = []
        self.failures: list[str] = []

    def begin(self, number: int, total: int, label: str) -> None:
        """Pass it on."""
        self._progress.begin(number, total, label)

    def activity(self, what: str) -> None:
        """Pass it on."""
        self._progress.activity(what)

    def step(self, progress: TrainingProgress) -> None:
        """Pass it on."""
        self._progress.step(progress)

    def end(self, result: JobResult) -> None:
        """Pass it on, and write the design down if this was its last training."""
        self._progress.end(result)
        self._results.append(result)
        if len(self._results) == len(self._waiting[0].jobs):
            self._keep(self._waiting.pop(0).trials, self._results)
            self._results = []

    def show(self) -> None:
        """Make this look the one whose accuracies are shown."""
        with held(self._lock):
            write_plan(self._study, self._plan)

    def _keep(self, trials: Sequence[int], results: Sequence[JobResult]) -> None:
        failed = [f"{result.job.label}: {result.error}" for result in results if result.accuracy is None]
        if failed:
            self.failures += failed
            return
        found = refined_accuracy([result.accuracy for result in results if result.accuracy is not None], self._images)
        with held(self._lock):
            for trial in trials:
                write_accuracy(self._study, self._plan, trial, found)
            write_plan(self._study, self._plan)


def refined_accuracy(trainings: Sequence[Accuracy], images: tuple[int, int]) -> RefinedAccuracy:
    """Return the means of trainings by several seeds; `images` are those of the validation and of the test split."""
    accuracies = tuple(training.value for training in trainings)
    tested = tuple(float(training.record["test_accuracy"]) for training in trainings)
    return RefinedAccuracy(
        accuracy=fmean(accuracies),
        standard_error=standard_error(accuracies, images[0]),
        test_accuracy=fmean(tested),
        test_standard_error=standard_error(tested, images[1]),
        accuracies=accuracies,
    )

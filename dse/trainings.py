"""Several trainings one after the other, each looked up in the evaluation cache first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Protocol

from dse.accuracy import NetworkTrainer
from dse.cache import EvaluationCache
from dse.data import Dataset
from dse.errors import InterruptedTrainingError, TrainingError, one_line
from dse.evaluation import Accuracy, obtain_accuracy
from dse.interruption import Interruption
from dse.networks import Network
from dse.training.device import Device
from dse.training.recipe import Recipe
from dse.uncertainty import MeasuredAccuracy, standard_error
from kernels_asm import LayerFunction

if TYPE_CHECKING:
    from dse.training.progress import TrainingProgress
    from dse.training.trained import TrainedNetwork


@dataclass(frozen=True)
class TrainingJob:
    """One network to train.

    Attributes:
        label: What to call it.
        network: What to train.
        functions: The arithmetic of each binary layer.
        recipe: How.
        seed: Of the training.
        checkpoints: Folder for the training under way; None: the cache.

    """

    label: str
    network: Network
    functions: tuple[LayerFunction, ...]
    recipe: Recipe
    seed: int
    checkpoints: Path | None = None


@dataclass(frozen=True, slots=True)
class JobResult:
    """What became of a job: its accuracy, or why it has none."""

    job: TrainingJob
    accuracy: Accuracy | None
    error: str | None = None


class TrainingsProgress(Protocol):
    """Receives the events of `run_trainings`, in this order for each job."""

    def begin(self, number: int, total: int, label: str) -> None:
        """Receive the start of job `number`, from 1, of `total`."""

    def activity(self, what: str) -> None:
        """Receive what the job does now."""

    def step(self, progress: TrainingProgress) -> None:
        """Receive where its training stands."""

    def end(self, result: JobResult) -> None:
        """Receive what became of it."""


class TrainingRunner:
    """Trains jobs on one data set.

    Args:
        dataset: Trained on its train split, judged on the others.
        cache: Keeps every training.
        progress: Told what happens.
        teacher: For recipes that name one.
        restart: Delete what is left of trainings that were interrupted instead of going on from it.
        device: Where to train.

    """

    def __init__(
        self,
        dataset: Dataset,
        cache: EvaluationCache,
        progress: TrainingsProgress,
        *,
        teacher: TrainedNetwork | None = None,
        restart: bool = False,
        device: Device = Device.CPU,
    ) -> None:
        self._dataset = dataset
        self._cache = cache
        self._progress = progress
        self._teacher = teacher
        self._restart = restart
        self._device = device

    def run(self, jobs: Sequence[TrainingJob]) -> list[JobResult]:
        """Train every job that the cache does not know; one that diverges has an error, and the others go on.

        Raises:
            InterruptedTrainingError: After SIGINT, SIGTERM or SIGHUP; the training under way goes on from where it was
                when the same jobs are run again.
            CacheError: Cache or checkpoint cannot be used.

        """
        results: list[JobResult] = []
        try:
            with Interruption() as interruption:
                for number, job in enumerate(jobs, start=1):
                    interruption.check()
                    self._progress.begin(number, len(jobs), job.label)
                    results.append(self._run_job(job, interruption))
                    self._progress.end(results[-1])
        except KeyboardInterrupt:
            raise InterruptedTrainingError(
                f"interrupted: {len(results)} of {len(jobs)} trainings finished, what the next has learned is kept: "
                "run the same command to continue"
            ) from None
        return results

    def _run_job(self, job: TrainingJob, interruption: Interruption) -> JobResult:
        def watch(progress: TrainingProgress) -> None:
            self._progress.step(progress)
            interruption.check()

        def tell(what: str) -> None:
            self._progress.activity(what)
            interruption.check()  # also while another process trains the same and this one waits for it

        trainer = NetworkTrainer(
            self._dataset,
            job.recipe,
            job.seed,
            cache=self._cache,
            teacher=self._teacher,
            watch=watch,
            checkpoints=job.checkpoints,
            restart=self._restart,
            device=self._device,
        )
        try:
            found = obtain_accuracy(trainer, self._cache, job.network, job.functions, tell)
        except TrainingError as error:
            return JobResult(job, None, one_line(error))
        return JobResult(job, found)


def mean_accuracy(accuracies: Iterable[float], images: int) -> MeasuredAccuracy:
    """Return the mean over seeds, and its standard error from the number of images and the spread of the seeds."""
    values = list(accuracies)
    return MeasuredAccuracy(fmean(values), standard_error(values, images))

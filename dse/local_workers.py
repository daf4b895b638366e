"""Runs a study in several processes of this machine, each a `dse worker`, and shows what they do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

import optuna
from optuna.trial import TrialState

from dse.design import Design
from dse.errors import DseError, InterruptedStudyError
from dse.interruption import Interruption
from dse.progress import StudyProgress
from dse.results import STOPPED
from dse.study import finished_trials

PAUSE: Final = 0.3
"""Seconds between two looks at the study and the workers."""

PATIENCE: Final = 3.0
"""Seconds after which a worker that has been asked to end is asked again."""

THREADS: Final = "OMP_NUM_THREADS"
"""Environment variable that limits the threads of a training."""


def worker_command(storage: str, name: str, cache: Path, data_dir: str) -> list[str]:
    """Return the command of a worker."""
    program = [sys.executable, "-c", "from dse.cli.main import main; main()", "worker", storage, name]
    folder = ["--data-dir", data_dir] if data_dir else []
    return [*program, "--cache", str(cache), *folder]


class LocalWorkers:
    """The workers of one run; they share this machine's processors.

    Args:
        study: What they work on.
        command: Of a worker.
        jobs: How many.
        progress: Told of the trials of all of them.

    """

    def __init__(self, study: optuna.Study, command: Sequence[str], jobs: int, progress: StudyProgress) -> None:
        self._study = study
        self._command = command
        self._jobs = jobs
        self._progress = progress
        self._begun: set[int] = set()
        self._ended: set[int] = set()

    def run(self, budget: int) -> None:
        """Start the workers and wait until all have ended.

        Raises:
            InterruptedStudyError: After SIGINT, SIGTERM or SIGHUP, once the workers have put their trials back.
            DseError: A worker ended with an error, which stops the others, or all of them were killed.

        """
        trials = self._study.get_trials(deepcopy=False)
        self._begun = {trial.number for trial in trials if trial.state is not TrialState.WAITING}
        self._ended = {trial.number for trial in trials if trial.state.is_finished()}
        self._progress.begin(finished_trials(self._study), budget)
        workers: list[_Worker] = []
        try:
            with Interruption() as interruption:
                try:
                    for _ in range(self._jobs):
                        workers.append(_Worker(self._command, worker_environment(self._jobs)))
                    self._watch(workers, interruption)
                finally:
                    for worker in workers:
                        worker.stop()
                    for worker in workers:
                        worker.wait()
                    self._tell_news()
        except KeyboardInterrupt:
            finished = len(finished_trials(self._study))
            raise InterruptedStudyError(
                f"interrupted: {finished} trials finished, run the same command to continue"
            ) from None
        finally:
            self._progress.end(self._study.user_attrs.get(STOPPED))

    def _watch(self, workers: Sequence[_Worker], interruption: Interruption) -> None:
        while any(worker.is_running for worker in workers):
            for worker in workers:
                worker.raise_error()
            self._tell_news()
            with interruption.deliverable():
                time.sleep(PAUSE)
        for worker in workers:
            worker.raise_error()
        if all(worker.was_killed for worker in workers):
            raise DseError("every worker was killed: if memory ran out, give fewer --jobs; run again to continue")

    def _tell_news(self) -> None:
        """Tell the progress which trials have begun and ended since the last time."""
        for trial in self._study.get_trials(deepcopy=False):
            if "design" in trial.user_attrs and trial.number not in self._begun:
                self._begun.add(trial.number)
                self._progress.begin_trial(trial.number, Design.from_dict(trial.user_attrs["design"]))
            if trial.state.is_finished() and trial.number not in self._ended:
                self._ended.add(trial.number)
                self._progress.end_trial(trial)


class _Worker:
    """A worker's process; of what it prints, its last error counts.

    It has a session of its own, so that Ctrl-C on the terminal reaches it through `stop` alone.
    """

    def __init__(self, command: Sequence[str], environment: dict[str, str]) -> None:
        self._errors: IO[str] = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - `wait` closes it
        self._process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            start_new_session=True,
        )

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    @property
    def was_killed(self) -> bool:
        """Whether a signal ended the process; the other workers then take over its trial."""
        return (self._process.poll() or 0) < 0

    def raise_error(self) -> None:
        """Raise DseError, with what the worker said, if it has ended with an error."""
        code = self._process.poll()
        if code is None or code <= 0:
            return
        self._errors.seek(0)
        lines = self._errors.read().split("\n")
        said = next((line for line in reversed(lines) if line.strip()), f"exit code {code}")
        raise DseError(f"a worker stopped: {said.removeprefix('error: ')}")

    def stop(self) -> None:
        """Ask the process to put its trial back and end."""
        if self.is_running:
            self._process.send_signal(signal.SIGTERM)

    def wait(self) -> None:
        """Wait for the end of the process that `stop` has asked for.

        It is asked again and again: where Python ignores exceptions, as in the callbacks of weak references that
        imports make, the one that a signal raises is lost. A worker that has begun to end takes no harm.
        """
        while True:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(PATIENCE)
                break
            self.stop()
        self._errors.close()


def worker_environment(jobs: int) -> dict[str, str]:
    """Return the environment of one of several workers: its share of the processors.

    How many threads a person has asked for comes first.
    """
    share = max(1, len(os.sched_getaffinity(0)) // jobs)
    return {THREADS: str(share), **os.environ}

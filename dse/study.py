"""Runs a study: proposes designs, evaluates them and records each as an Optuna trial, until the budget is finished."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import optuna
from optuna.trial import FrozenTrial, Trial, TrialState

from dse.accuracy_bounds import AccuracyBound
from dse.design import Design
from dse.errors import DseError, InterruptedStudyError, KernelMismatchError, TrainingError, one_line
from dse.evaluation import Accuracy, Evaluator, Latency
from dse.hypervolume import stalled_for
from dse.interruption import Interruption
from dse.legality import Legality
from dse.measures import ACCURACY
from dse.measuring import Measuring
from dse.progress import StudyProgress
from dse.results import MEASURES, STOPPED, read_results
from dse.sampler import Candidates, DistinctSampler
from dse.space import SearchSpace, design_of, parameters_of
from dse.spec import SamplerKind
from dse.staging import EXCLUSION, KNOWN, STAGE, Exclusion, Stage, Staging, is_spared
from dse.workers import INTERRUPTED, RETRY, WORKER, fail_stale_trials, this_worker
from isa_models.errors import IsaModelError
from kernels_asm import KernelError

DESIGN_ERRORS = (KernelError, IsaModelError, KernelMismatchError, TrainingError)
"""Errors that end a trial and not the study: they belong to its design."""

FAILURES_IN_A_ROW = 3
"""Failed trials in a row after which the study stops: the fault is then not the design's."""


class StudyRunner:
    """One run of a study in this process; any number of runs, one after the other or at once, share a study.

    Args:
        study: The study to continue.
        space: Designs to search.
        first: Designs to evaluate before any other is proposed.
        evaluator: Evaluates designs.
        legality: Tells which designs have kernels.
        seed: Seed of the sampler.
        progress: Told what happens.
        sampler: What proposes designs.
        measuring: Measures what the goal names.
        until_stalled: Stop after so many complete trials without hypervolume gained; 0: never.
        bounds: What is assumed of accuracies, so that trainings can be spared; none: every design is trained, also
            those that earlier runs spared.

    """

    def __init__(
        self,
        study: optuna.Study,
        space: SearchSpace,
        first: Sequence[Design],
        evaluator: Evaluator,
        legality: Legality,
        seed: int,
        progress: StudyProgress,
        sampler: SamplerKind = SamplerKind.TPE,
        measuring: Measuring | None = None,
        until_stalled: int = 0,
        bounds: Sequence[AccuracyBound] = (),
    ) -> None:
        self._study = study
        self._space = space
        self._first = tuple(first)
        self._evaluator = evaluator
        self._legality = legality
        self._seed = seed
        self._progress = progress
        self._sampler = sampler
        self._measuring = measuring or Measuring()
        self._until_stalled = until_stalled
        objectives = self._measuring.goal.objectives
        is_bounded = ACCURACY in objectives  # else a training says nothing of the front
        accuracy = objectives.index(ACCURACY) if is_bounded else 0
        self._staging = Staging(bounds if is_bounded else (), study.directions, accuracy)
        self._tried: set[Design] = set()
        self._failures = 0

    def run(self, budget: int) -> None:
        """Evaluate designs until `budget` trials are complete or no legal design is left.

        Raises:
            InterruptedStudyError: After SIGINT or SIGTERM; every finished trial is kept.
            DseError: `FAILURES_IN_A_ROW` trials failed one after the other.
            CacheError: The evaluation cache cannot be used.

        """
        fail_stale_trials(self._study)
        self._note_tried()
        self._enqueue_unfinished()
        existing = len(self._study.get_trials(deepcopy=False))
        candidates = Candidates(lambda design: self._reason_to_prune(design) is None, self._untried)
        self._study.sampler = DistinctSampler(self._sampler, self._space, self._seed, existing, candidates)
        self._progress.begin(finished_trials(self._study), budget)
        note: str | None = "stopped early"
        try:
            with Interruption() as interruption:
                note = self._run_trials(budget, interruption)
        except KeyboardInterrupt:
            finished = len(finished_trials(self._study))
            raise InterruptedStudyError(
                f"interrupted: {finished} trials finished, run the same command to continue"
            ) from None
        finally:
            self._study.set_user_attr(STOPPED, note)
            self._progress.end(note)

    def _run_trials(self, budget: int, interruption: Interruption) -> str | None:
        """Return None once the budget is reached, or why it was not."""
        while len(finished_trials(self._study)) < budget:
            interruption.check()
            if is_stalled(self._study, self._until_stalled):
                self._reopen(interruption)
                if is_stalled(self._study, self._until_stalled):
                    return f"stalled: no hypervolume gained in {self._until_stalled} complete trials"
            self._note_tried()
            if not self._is_work_left():
                self._reopen(interruption)
                return f"every one of the space's {len(self._tried)} designs has been tried"
            self._run_trial(interruption)
        self._reopen(interruption)
        return None

    def _reopen(self, interruption: Interruption) -> None:
        """Evaluate the designs that were excluded from the front and are not any more, until there are none."""
        while designs := self._staging.to_reopen(self._study.get_trials(deepcopy=False)):
            for design in designs:
                interruption.check()
                self._tried.discard(design)
                self._study.enqueue_trial(parameters_of(design))
                self._run_trial(interruption)

    def _is_work_left(self) -> bool:
        waiting = self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
        return bool(waiting) or next(self._untried(), None) is not None

    def _run_trial(self, interruption: Interruption) -> None:
        trial = self._study.ask()
        trial.set_user_attr(WORKER, this_worker())
        design = self._space.suggest(trial)
        trial.set_user_attr("design", design.to_dict())
        self._progress.begin_trial(trial.number, design)
        reason = self._reason_to_prune(design)
        self._tried.add(design)
        if reason is not None:
            self._prune(trial, Stage.LEGALITY, reason)
            return
        try:
            with interruption.deliverable():
                latency = self._evaluator.latency(design, self._progress.activity)
                record_latency(trial, latency)
                measured = self._measuring.before_training(design, latency, self._progress.activity)
                exclusion = self._exclusion(design, measured)
                accuracy = None if exclusion else self._evaluator.accuracy(design, self._progress.activity)
        except DESIGN_ERRORS as error:
            self._fail(trial, one_line(error))
            self._stop_after_failures(error)
        except BaseException as error:
            trial.set_user_attr(RETRY, True)
            self._fail(trial, INTERRUPTED if isinstance(error, KeyboardInterrupt) else one_line(error))
            raise
        else:
            self._failures = 0
            if accuracy is None:
                trial.set_user_attr(EXCLUSION, exclusion.to_dict() if exclusion else None)
                trial.set_user_attr(KNOWN, {str(number): value for number, value in self._known(measured).items()})
                self._prune(trial, Stage.TRAINING, str(exclusion))
                return
            record_accuracy(trial, accuracy)
            self._complete(trial, measured | {str(ACCURACY): accuracy.value})

    def _complete(self, trial: Trial, measured: Mapping[str, float]) -> None:
        trial.set_user_attr(MEASURES, dict(measured))
        for constraint, violation in self._measuring.goal.violations(measured).items():
            trial.set_constraint(constraint, violation)
        self._end(trial, TrialState.COMPLETE, self._measuring.goal.values(measured))

    def _exclusion(self, design: Design, measured: Mapping[str, float]) -> Exclusion | None:
        """Return why a design is not trained; those that a study begins with are, and others of a known accuracy."""
        if design in self._first:
            return None
        trials = self._study.get_trials(deepcopy=False)
        key = self._evaluator.accuracy_key(design)
        if any(trial.user_attrs.get("accuracy_key") == key for trial in trials if trial.state is TrialState.COMPLETE):
            return None
        return self._staging.exclusion(design, self._known(measured), trials)

    def _known(self, measured: Mapping[str, float]) -> dict[int, float]:
        """Return the objectives that are known before a training, by their number."""
        objectives = enumerate(map(str, self._measuring.goal.objectives))
        return {number: measured[name] for number, name in objectives if name in measured}

    def _prune(self, trial: Trial, stage: Stage, reason: str) -> None:
        trial.set_user_attr(STAGE, stage.value)
        trial.set_user_attr("pruned", reason)
        self._end(trial, TrialState.PRUNED)

    def _reason_to_prune(self, design: Design) -> str | None:
        if design in self._tried:
            return "the study has tried this design already"
        return self._legality.reason(design)

    def _fail(self, trial: Trial, error: str) -> None:
        trial.set_user_attr("error", error)
        self._end(trial, TrialState.FAIL)

    def _end(self, trial: Trial, state: TrialState, values: tuple[float, ...] | None = None) -> None:
        self._progress.end_trial(self._study.tell(trial, values=values, state=state))

    def _stop_after_failures(self, error: BaseException) -> None:
        self._failures += 1
        if self._failures == FAILURES_IN_A_ROW:
            raise DseError(f"{FAILURES_IN_A_ROW} trials failed one after the other, the last with: {one_line(error)}")

    def _note_tried(self) -> None:
        """Learn what other processes that share the study have tried."""
        self._tried.update(design_of(trial.params) for trial in self._tried_trials())

    def _tried_trials(self) -> Iterator[FrozenTrial]:
        """Yield the trials whose design is not worth another trial."""
        for trial in self._study.get_trials(deepcopy=False):
            if "design" in trial.user_attrs and RETRY not in trial.user_attrs:
                yield trial

    def _untried(self) -> Iterator[Design]:
        for design in self._space.designs():
            if design not in self._tried and self._legality.reason(design) is None:
                yield design

    def _enqueue_unfinished(self) -> None:
        """Queue the first designs and those of interrupted trials, unless tried or queued already."""
        trials = self._study.get_trials(deepcopy=False)
        interrupted = [trial for trial in trials if RETRY in trial.user_attrs and "design" in trial.user_attrs]
        wanted = [*self._first, *(Design.from_dict(trial.user_attrs["design"]) for trial in interrupted)]
        queued = [trial.system_attrs.get("fixed_params") for trial in trials if trial.state is TrialState.WAITING]
        for design in dict.fromkeys(wanted):
            if design not in self._tried and parameters_of(design) not in queued:
                self._study.enqueue_trial(parameters_of(design))


def is_stalled(study: optuna.Study, until_stalled: int) -> bool:
    """Return whether so many complete trials, at the end of a study, gained no hypervolume; never for 0."""
    return until_stalled > 0 and stalled_for(read_results(study).hypervolumes) >= until_stalled


def finished_trials(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials that count towards the budget: the complete ones, and those whose training was spared.

    Of a design that was spared and then evaluated after all, the complete trial counts.
    """
    trials = study.get_trials(deepcopy=False)
    complete = [trial for trial in trials if trial.state is TrialState.COMPLETE]
    evaluated = [trial.user_attrs.get("design") for trial in complete]
    spared = [trial for trial in trials if is_spared(trial) and trial.user_attrs["design"] not in evaluated]
    return sorted([*complete, *spared], key=lambda trial: trial.number)


def record_latency(trial: Trial, latency: Latency) -> None:
    """Write a latency as the trial's user attributes, for reports and dashboards to show."""
    attributes: dict[str, Any] = {
        "cycles": latency.cycles,
        "layers": list(latency.layers),
        "latency_keys": list(latency.keys),
        "latency_cached": latency.cached,
    }
    for name, value in attributes.items():
        trial.set_user_attr(name, value)


def record_accuracy(trial: Trial, accuracy: Accuracy) -> None:
    """Write an accuracy likewise."""
    attributes: dict[str, Any] = {
        "accuracy_standard_error": accuracy.record["standard_error"],
        "test_accuracy": accuracy.record["test_accuracy"],
        "test_accuracy_standard_error": accuracy.record.get("test_standard_error"),
        "train_seconds": accuracy.record["train_seconds"],
        "history": accuracy.record["history"],
        "weights": accuracy.weights,
        "accuracy_key": accuracy.key,
        "accuracy_cached": accuracy.cached,
    }
    for name, value in attributes.items():
        trial.set_user_attr(name, value)

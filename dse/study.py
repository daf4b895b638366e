"""Runs a study: proposes designs, evaluates them and records each as an Optuna trial, until the budget is finished."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, Trial, TrialState

from dse.accuracy_bounds import AccuracyBound, Reached
from dse.candidates import Candidates, LayeredCandidates, ListedCandidates
from dse.design import Design
from dse.errors import (
    DseError,
    InterruptedStudyError,
    KernelMismatchError,
    NoKernelError,
    StoppedTrainingError,
    TrainingError,
    one_line,
)
from dse.evaluation import Accuracy, Evaluator, Judge, Latency
from dse.hypervolume import stalled_for
from dse.interruption import Interruption
from dse.legality import Legality
from dse.liveness import Watch, this_process
from dse.measures import ACCURACY
from dse.measuring import Measuring
from dse.progress import StudyProgress
from dse.results import MEASURES, STOPPED
from dse.sampler import FIXED_PARAMETERS, DistinctSampler
from dse.space import SearchSpace
from dse.spec import SamplerKind
from dse.staging import EXCLUSION, KNOWN, REACHED, SETTLED, STAGE, Exclusion, Spared, Stage, Staging, is_spared
from dse.study_lock import StudyLock, held
from dse.study_reader import StudyReader
from dse.twins import STANDS_FOR, KnownOf, Twin, Twins
from dse.workers import (
    INTERRUPTED,
    RETRY,
    WORKER,
    fail_abandoned_trials,
    is_worth_retrying,
    running_trials,
    signs_of_life,
)
from isa_models.errors import IsaModelError
from kernels_asm import KernelError

DESIGN_ERRORS = (KernelError, IsaModelError, KernelMismatchError, NoKernelError, TrainingError)
"""Errors that end a trial and not the study: they belong to its design."""

PAUSE = 0.5
"""Seconds between two looks at a study whose last trials are under way in other workers."""

BEYOND_BUDGET = "beyond_budget"
"""User attribute of a trial that is evaluated even if the budget is finished: its design was spared a training and gets
it after all, or stands for another design."""

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
        screens: Whether designs that cannot reach the front whatever their accuracy is are not trained either.
        lock: Held while a trial begins or ends, by one of the study's workers at a time.

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
        *,
        screens: bool = False,
        lock: StudyLock,
    ) -> None:
        self._study = study
        self._reader = StudyReader(study)
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
        accuracy = objectives.index(ACCURACY) if ACCURACY in objectives else None
        self._staging = Staging(bounds, study.directions, accuracy, screens=screens)
        self._twins = Twins(self._relatives, evaluator.accuracy_key, self._measuring.goal, self._rank)
        self._lock = lock
        self._interruption = Interruption()
        self._watch = Watch()
        self._tried: set[Design] = set()
        self._stood_for: dict[int, frozenset[Design]] = {}  # by the number of the trial that stands for them
        self._told: set[int] = set()
        self._failures = 0

    def run(self, budget: int) -> None:
        """Evaluate designs until `budget` trials are complete, here and in other workers, or no legal design is left.

        Raises:
            InterruptedStudyError: After SIGINT, SIGTERM or SIGHUP; every finished trial is kept.
            DseError: `FAILURES_IN_A_ROW` trials failed one after the other.
            CacheError: The evaluation cache cannot be used.

        """
        note: str | None = "stopped early"
        try:
            with self._interruption:
                self._study.set_user_attr(SETTLED, False)
                self._told = {trial.number for trial in self._ended_trials()}
                self._progress.begin(finished_trials(self._study), budget)
                note = self._run_trials(budget)
        except KeyboardInterrupt:
            finished = len(finished_trials(self._study))
            raise InterruptedStudyError(
                f"interrupted: {finished} trials finished, run the same command to continue"
            ) from None
        finally:
            self._study.set_user_attr(STOPPED, note)
            self._progress.end(note)

    def _take_over(self) -> None:
        """Learn what other workers have tried, and queue what those that died have left."""
        fail_abandoned_trials(self._study, self._watch)
        self._note_tried()
        self._enqueue_unfinished()

    def _run_trials(self, budget: int) -> str | None:
        """Return None once the budget is reached, or why it was not."""
        while True:
            self._interruption.check()
            with held(self._lock, self._interruption.check):
                self._take_over()
                reason = self._reason_to_end(budget)
                trial = self._begin_trial() if self._may_begin(budget, is_ending=reason is not None) else None
                under_way = len(running_trials(self._study))
            if trial is not None:
                self._run_trial(trial)
            elif under_way > 0:  # one of the trials under way elsewhere may fail, and leave its work to this worker
                with self._interruption.deliverable():
                    time.sleep(PAUSE)
            elif reason is not None:
                self._study.set_user_attr(SETTLED, True)
                return reason or None

    def _reason_to_end(self, budget: int) -> str | None:
        """Return why no design is proposed any more, "" for the budget, or None; the caller has taken over."""
        if len(finished_trials(self._study)) >= budget:
            return ""
        if is_stalled(self._reader, self._until_stalled):
            return f"stalled: no hypervolume gained in {self._until_stalled} complete trials"
        if not self._is_work_left():
            return f"every one of the space's {len(self._tried)} designs has been tried"
        return None

    def _may_begin(self, budget: int, *, is_ending: bool) -> bool:
        """Whether a worker may begin a trial; the caller holds the lock.

        Trials under way count as finished, so that the budget is met exactly. When nothing is proposed any more and all
        have ended, the designs that were excluded from the front and are not any more are evaluated.
        """
        under_way = len(running_trials(self._study))
        if not is_ending:
            return len(finished_trials(self._study)) + under_way < budget
        if under_way == 0:
            self._queue_reopened()
        return any(BEYOND_BUDGET in trial.user_attrs for trial in self._waiting())

    def _queue_reopened(self) -> None:
        self._queue(self._staging.to_reopen(self._study.get_trials(deepcopy=False)), beyond_budget=True)

    def _queue(self, designs: Iterable[Design], *, beyond_budget: bool = False) -> None:
        """Queue designs that are not queued yet; the caller holds the lock."""
        queued = [trial.system_attrs.get(FIXED_PARAMETERS) for trial in self._waiting()]
        for design in dict.fromkeys(designs):
            parameters = self._space.parameters(design)
            if parameters not in queued:
                self._study.enqueue_trial(parameters, user_attrs={BEYOND_BUDGET: True} if beyond_budget else None)

    def _waiting(self) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,))

    def _is_work_left(self) -> bool:
        return bool(self._waiting()) or next(self._untried(), None) is not None

    def _begin_trial(self) -> Trial:
        """Choose a design and write down who evaluates it; the caller holds the lock."""
        if not isinstance(self._study.sampler, DistinctSampler):
            self._study.sampler = self._new_sampler()
        trial = self._study.ask()
        design = self._space.suggest(trial)
        trial.set_user_attr("design", design.to_dict())
        trial.set_user_attr(WORKER, this_process())
        return trial

    def _new_sampler(self) -> DistinctSampler:
        """Return a sampler whose draws no other worker and no other run repeats: one trial more has begun for each."""
        trials = self._study.get_trials(deepcopy=False)
        begun = sum(trial.state is not TrialState.WAITING for trial in trials)
        return DistinctSampler(self._sampler, self._space, self._seed, (len(trials), begun), self._candidates())

    def _candidates(self) -> Candidates:
        if self._space.is_per_layer:
            return LayeredCandidates(self._space, self._legality, self._is_open)
        return ListedCandidates(self._space, self._is_open, self._untried)

    def _is_open(self, design: Design) -> bool:
        return self._reason_to_prune(design) is None

    def _run_trial(self, trial: Trial) -> None:
        try:
            with signs_of_life(trial):
                self._evaluate(trial)
        except UpdateFinishedTrialError:
            # Other workers saw no sign of life for a minute and gave the design to one of themselves.
            self._tell(self._current(trial))

    def _evaluate(self, trial: Trial) -> None:
        design = self._space.design(trial.params)
        self._progress.begin_trial(trial.number, design)
        reason = None if BEYOND_BUDGET in trial.user_attrs else self._reason_to_prune(design)
        self._tried.add(design)
        if reason is not None:
            self._prune(trial, Stage.LEGALITY, reason)
            return
        try:
            with self._interruption.deliverable():
                latency = self._evaluator.latency(design, self._progress.activity)
                with self._interruption.withheld():
                    record_latency(trial, latency)
                measured = self._measuring.before_training(design, latency, self._progress.activity)
                known_of = cache(self._known_of)
                spared = self._spared(trial, design, measured, known_of)
                if spared is None and self._staging.screens:
                    self._record_twins(trial, self._twins.worse(design, measured, known_of))
                judge = self._judge(trial, design, measured)
                accuracy = None if spared else self._evaluator.accuracy(design, self._progress.activity, judge)
        except StoppedTrainingError as error:
            self._failures = 0
            self._prune(trial, Stage.TRAINING, one_line(error))
        except DESIGN_ERRORS as error:
            self._fail(trial, one_line(error))
            self._stop_after_failures(error)
        except BaseException as error:
            trial.set_user_attr(RETRY, True)
            self._fail(trial, INTERRUPTED if isinstance(error, KeyboardInterrupt) else one_line(error))
            raise
        else:
            self._failures = 0
            if accuracy is not None:
                record_accuracy(trial, accuracy)
                self._complete(trial, measured | {str(ACCURACY): accuracy.value})
            elif spared is not None:
                self._spare(trial, spared)

    def _complete(self, trial: Trial, measured: Mapping[str, float]) -> None:
        trial.set_user_attr(MEASURES, dict(measured))
        for constraint, violation in self._measuring.goal.violations(measured).items():
            trial.set_constraint(constraint, violation)
        self._end(trial, TrialState.COMPLETE, self._measuring.goal.values(measured))

    def _record_twins(self, trial: Trial, twins: Sequence[Twin]) -> None:
        """Write down the designs for which a trial stands, so that no worker proposes them any more."""
        if twins:
            with self._interruption.withheld():
                trial.set_user_attr(STANDS_FOR, [twin.to_dict() for twin in twins])

    def _spared(self, trial: Trial, design: Design, measured: Mapping[str, float], known_of: KnownOf) -> Spared | None:
        """Return why a design is not trained; those that a study begins with are."""
        if design in self._first:
            return None
        if self._staging.screens:
            broken = {name: by for name, by in self._measuring.goal.violations(measured).items() if by > 0}
            if broken:
                reason = f"infeasible whatever its accuracy is: not {', '.join(broken)}"
                return Spared(Stage.CONSTRAINT, reason, violations=broken)
            twin = None if BEYOND_BUDGET in trial.user_attrs else self._twins.better(design, measured, known_of)
            if twin is not None:
                return Spared(Stage.TWIN, f"{twin} computes the same and is at least as good", instead=twin)
        exclusion = self._exclusion(design, measured)
        if exclusion is None:
            return None
        return Spared(Stage.TRAINING, str(exclusion), self._excluded(exclusion, measured))

    def _excluded(self, exclusion: Exclusion, measured: Mapping[str, float]) -> dict[str, Any]:
        """Return what is written down with a design that is not trained, or not to the end."""
        known = {str(number): value for number, value in self._known(measured).items()}
        return {EXCLUSION: exclusion.to_dict(), KNOWN: known}

    def _judge(self, trial: Trial, design: Design, measured: Mapping[str, float]) -> Judge | None:
        """Return what ends a training whose design cannot reach the front; None for those that a study begins with."""
        if design in self._first:
            return None

        def judge(epoch: int, accuracy: float) -> None:
            reached = Reached(epoch, accuracy)
            exclusion = self._staging.exclusion(design, self._known(measured), self._all_trials(), reached)
            if exclusion is not None:
                with self._interruption.withheld():
                    for name, value in {**self._excluded(exclusion, measured), REACHED: asdict(reached)}.items():
                        trial.set_user_attr(name, value)
                raise StoppedTrainingError(f"{exclusion}; stopped at {accuracy:.2%} after epoch {epoch}")

        return judge

    def _known_of(self, design: Design) -> dict[str, float] | None:
        """Return what is known of a design before a training; None where it has no kernels that work."""
        activity = self._progress.activity
        try:
            return self._measuring.before_training(design, self._evaluator.latency(design, activity), activity)
        except DESIGN_ERRORS:
            return None

    def _exclusion(self, design: Design, measured: Mapping[str, float]) -> Exclusion | None:
        """Return why a design cannot reach the front; None also for those whose accuracy is known."""
        trials = self._all_trials()
        key = self._evaluator.accuracy_key(design)
        if any(trial.user_attrs.get("accuracy_key") == key for trial in trials if trial.state is TrialState.COMPLETE):
            return None
        return self._staging.exclusion(design, self._known(measured), trials)

    def _all_trials(self) -> list[FrozenTrial]:
        """Return the study's trials to an evaluation, which a signal may end at any other place."""
        with self._interruption.withheld():
            return self._study.get_trials(deepcopy=False)

    def _known(self, measured: Mapping[str, float]) -> dict[int, float]:
        """Return the objectives that are known before a training, by their number."""
        objectives = enumerate(map(str, self._measuring.goal.objectives))
        return {number: measured[name] for number, name in objectives if name in measured}

    def _spare(self, trial: Trial, spared: Spared) -> None:
        for name, value in spared.attributes.items():
            trial.set_user_attr(name, value)
        for constraint, violation in spared.violations.items():
            trial.set_constraint(constraint, violation)  # samplers learn of it
        if spared.instead is not None:
            with held(self._lock):
                self._note_tried()
                if spared.instead not in self._tried:
                    self._queue([spared.instead], beyond_budget=True)
        self._prune(trial, spared.stage, spared.reason)

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
        """End a trial; raises UpdateFinishedTrialError if another worker took it for abandoned and has ended it."""
        with held(self._lock):
            if self._current(trial).state is not TrialState.RUNNING:
                raise UpdateFinishedTrialError(f"trial {trial.number} was taken for abandoned")
            ended = self._study.tell(trial, values=values, state=state)
        self._tell(ended)

    def _tell(self, ended: FrozenTrial) -> None:
        """Tell the progress of a trial of this worker that ended, after those that ended elsewhere meanwhile."""
        self._told.add(ended.number)
        for trial in self._ended_trials():
            if trial.number not in self._told:
                self._told.add(trial.number)
                self._progress.end_elsewhere(trial)
        self._progress.end_trial(ended)

    def _ended_trials(self) -> list[FrozenTrial]:
        return [trial for trial in self._study.get_trials(deepcopy=False) if trial.state.is_finished()]

    def _current(self, trial: Trial) -> FrozenTrial:
        return self._study.get_trials(deepcopy=False)[trial.number]

    def _stop_after_failures(self, error: BaseException) -> None:
        self._failures += 1
        if self._failures == FAILURES_IN_A_ROW:
            raise DseError(f"{FAILURES_IN_A_ROW} trials failed one after the other, the last with: {one_line(error)}")

    def _note_tried(self) -> None:
        """Learn which designs are not worth another trial, in whichever worker they were or are tried."""
        trials = [trial for trial in self._study.get_trials(deepcopy=False) if "design" in trial.user_attrs]
        self._tried = {self._space.design(trial.params) for trial in trials if not is_worth_retrying(trial)}
        if self._staging.screens:
            self._note_twins(trials)
            self._tried.update(*(twins.difference(self._first) for twins in self._stood_for.values()))

    def _note_twins(self, trials: Sequence[FrozenTrial]) -> None:
        """Read the designs for which trials stand, those of a trial once: there may be thousands."""
        for trial in trials:
            if STANDS_FOR in trial.user_attrs and trial.number not in self._stood_for:
                twins = (Design.from_dict(twin["design"]) for twin in trial.user_attrs[STANDS_FOR])
                self._stood_for[trial.number] = frozenset(twins)

    def _untried(self) -> Iterator[Design]:
        return (design for design in self._legal() if design not in self._tried)

    def _legal(self) -> Iterator[Design]:
        return self._legality.designs(self._space)

    def _relatives(self, design: Design) -> Iterator[Design]:
        return self._legality.relatives(self._space, design)

    def _rank(self, design: Design) -> tuple[int, ...]:
        """Return where a design stands in the order of designs: those that the study begins with come first."""
        is_first = design in self._first
        return (self._first.index(design),) if is_first else (len(self._first), *self._space.rank(design))

    def _enqueue_unfinished(self) -> None:
        """Queue the first designs and those of interrupted trials, unless tried or queued already."""
        trials = self._study.get_trials(deepcopy=False)
        wanted = [*self._first, *(self._space.design(trial.params) for trial in trials if is_worth_retrying(trial))]
        self._queue(design for design in wanted if design not in self._tried)


def is_stalled(reader: StudyReader, until_stalled: int) -> bool:
    """Return whether so many complete trials, at the end of a study, gained no hypervolume; never for 0."""
    return until_stalled > 0 and stalled_for(reader.read().hypervolumes) >= until_stalled


def finished_trials(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials that count towards the budget: the complete ones, and those whose training was spared.

    Of a design that was spared and then evaluated after all, the complete trial counts.
    """
    trials = study.get_trials(deepcopy=False)
    complete = [trial for trial in trials if trial.state is TrialState.COMPLETE]
    evaluated = {repr(trial.user_attrs.get("design")) for trial in complete}
    spared = [trial for trial in trials if is_spared(trial) and repr(trial.user_attrs["design"]) not in evaluated]
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

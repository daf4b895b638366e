"""Which process runs a trial, and which running trials have lost theirs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any, Final

import optuna
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from dse.liveness import HEARTBEAT, Watch, heartbeat

WORKER: Final = "worker"
"""Trial attribute: the process that runs the trial."""

SIGN_OF_LIFE: Final = "heartbeat"
"""Trial attribute: a number that grows while the trial's worker lives."""

RETRY: Final = "retry"
"""Trial attribute: true on a failed trial whose design is not to blame, and so worth another trial."""

DIED: Final = "died"
"""Trial attribute: true where the trial's worker died."""

DEATHS: Final = 3
"""Workers that died over one design: then the design, which may not fit the memory, is held to be the cause."""

INTERRUPTED: Final = "interrupted"
"""Value of a trial's `error` attribute when the process that ran it was stopped."""


def fail_abandoned_trials(study: optuna.Study, watch: Watch) -> list[FrozenTrial]:
    """Mark as failed the running trials whose process has died, and return them.

    Their designs are worth another trial until `DEATHS` workers have died over one.

    The caller holds the study's lock, under which trials begin: one without a worker was left by a process that died
    while it held the lock.
    """
    abandoned = [trial for trial in running_trials(study) if _is_abandoned(trial, watch)]
    for trial in abandoned:
        for name, value in _what_a_death_means(study, trial).items():
            # Optuna offers no public way to write to a trial that another process began.
            study._storage.set_trial_user_attr(trial._trial_id, name, value)
        study.tell(trial.number, state=TrialState.FAIL)
    return abandoned


def _what_a_death_means(study: optuna.Study, trial: FrozenTrial) -> dict[str, Any]:
    """Return the attributes of a trial whose worker has died."""
    design = trial.user_attrs.get("design")
    failed = study.get_trials(deepcopy=False, states=(TrialState.FAIL,))
    before = sum(DIED in other.user_attrs and other.user_attrs.get("design") == design for other in failed)
    if design is None or before + 1 < DEATHS:
        return {DIED: True, "error": INTERRUPTED, RETRY: True}
    cause = f"{before + 1} workers died over this design: it may need more memory than there is; try fewer --jobs"
    return {DIED: True, "error": cause}


def running_trials(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials under way, here and elsewhere."""
    return study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))


def is_worth_retrying(trial: FrozenTrial) -> bool:
    """Return whether a trial failed through no fault of its design, which is known."""
    return trial.state is TrialState.FAIL and RETRY in trial.user_attrs and "design" in trial.user_attrs


@contextmanager
def signs_of_life(trial: Trial, every: float = HEARTBEAT) -> Iterator[None]:
    """Keep telling the other workers that the process that runs this trial lives, until the block ends."""
    numbers = count(1)

    def beat() -> None:
        # What cannot be written now may be the next time; a trial that was taken for abandoned needs no more signs.
        with suppress(SQLAlchemyError, StorageInternalError, UpdateFinishedTrialError, OSError):
            trial.set_user_attr(SIGN_OF_LIFE, next(numbers))

    with heartbeat(beat, every):
        yield


def _is_abandoned(trial: FrozenTrial, watch: Watch) -> bool:
    worker = trial.user_attrs.get(WORKER)
    return worker is None or watch.is_dead(trial.number, worker, trial.user_attrs.get(SIGN_OF_LIFE))

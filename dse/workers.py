"""Which process runs a trial, and which running trials have lost theirs."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

WORKER = "worker"
"""Trial attribute: the process that runs the trial."""

UNSIGNED_GRACE = timedelta(seconds=5)
"""Age after which a running trial without a worker is stale: its process died before it could sign."""

RETRY = "retry"
"""Trial attribute: true on a failed trial whose design is not to blame, and so worth another trial."""

INTERRUPTED = "interrupted"
"""Value of a trial's `error` attribute when the process that ran it was stopped."""


def this_worker() -> dict[str, Any]:
    """Return the identity of this process: host, process id and, on Linux, its start time in ticks since boot."""
    return {"host": socket.gethostname(), "pid": os.getpid(), "started": _start_ticks(os.getpid())}


def fail_stale_trials(study: optuna.Study) -> list[FrozenTrial]:
    """Mark as failed the running trials whose process has ended, and return them.

    Trials of another host are left alone: whether their process lives cannot be seen from here.
    """
    stale = [trial for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)) if _is_stale(trial)]
    for trial in stale:
        # Optuna offers no public way to write to a trial that another process began.
        study._storage.set_trial_user_attr(trial._trial_id, "error", INTERRUPTED)
        study._storage.set_trial_user_attr(trial._trial_id, RETRY, True)
        study.tell(trial.number, state=TrialState.FAIL)
    return stale


def _is_stale(trial: FrozenTrial) -> bool:
    worker = trial.user_attrs.get(WORKER)
    if worker is None:
        return trial.datetime_start is None or datetime.now() - trial.datetime_start > UNSIGNED_GRACE
    return bool(worker["host"] == socket.gethostname()) and not _is_alive(worker)


def _is_alive(worker: Mapping[str, Any]) -> bool:
    pid = int(worker["pid"])
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return bool(worker["started"] == _start_ticks(pid))


def _start_ticks(pid: int) -> int | None:
    """Return when a process began, to tell it from a later one with the same id; None where /proc is missing."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return int(fields[19])  # field 22 of proc(5), counted from the state that follows the command name

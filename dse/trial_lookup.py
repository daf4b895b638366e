"""Finds the trial of a study that a command is about."""

from __future__ import annotations

import optuna
from optuna.trial import FrozenTrial, TrialState

from dse.design import Design
from dse.errors import UsageError


def complete_trial(study: optuna.Study, number: int) -> FrozenTrial:
    """Return the complete trial of that number; raises UsageError, with what there is, if there is none."""
    trial = _trial(study, number)
    if trial.state is not TrialState.COMPLETE:
        raise UsageError(f"trial {number} is {trial.state.name.lower()}, not complete: choose another one")
    return trial


def trial_design(study: optuna.Study, number: int) -> Design:
    """Return the design of a trial in any state; raises UsageError, with what there is, if there is none."""
    design = _trial(study, number).user_attrs.get("design")
    if design is None:
        raise UsageError(f"trial {number} has no design yet: choose another one")
    return Design.from_dict(design)


def _trial(study: optuna.Study, number: int) -> FrozenTrial:
    trials = study.get_trials(deepcopy=False)
    if number >= len(trials):
        raise UsageError(f"study {study.study_name!r} has no trial {number}: it has {len(trials)} trials, from 0")
    return trials[number]

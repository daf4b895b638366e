"""Trials that have no trained design are refused in a line; those that have one are exported with what was predicted.

tests/dse/cli/test_study_end_to_end.py exports from a real study.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from optuna.trial import TrialState

from dse.cache import EvaluationCache
from dse.errors import UsageError
from dse.export.trial_export import export_trial
from tests.sample_study import build_study


@pytest.fixture
def study(tmp_path: Path):
    return build_study(tmp_path / "study.db")


def number_of(study, state: TrialState) -> int:
    return study.get_trials(states=(state,))[0].number


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (TrialState.PRUNED, "trial {} is pruned, not complete: choose another one"),
        (TrialState.FAIL, "trial {} is fail, not complete: choose another one"),
        (TrialState.RUNNING, "trial {} is running, not complete: choose another one"),
        (TrialState.COMPLETE, "trial {} names no trained weights: run its design again in a new study"),
    ],
)
def test_a_trial_without_trained_weights_is_refused(study, state, message, tmp_path: Path) -> None:
    number = number_of(study, state)
    with pytest.raises(UsageError, match=f"^{re.escape(message.format(number))}$"):
        export_trial(study, number, tmp_path / "board", 1, None, EvaluationCache(tmp_path / "cache"))
    assert not (tmp_path / "board").exists()


def test_an_unknown_trial_is_refused(study, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no trial 1000: it has 30 trials, from 0"):
        export_trial(study, 1000, tmp_path / "board", 1, None, EvaluationCache(tmp_path / "cache"))


def test_a_full_folder_is_refused_before_anything_is_read(study, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not empty"):
        export_trial(study, 1000, tmp_path, 1, None, EvaluationCache(tmp_path / "cache"))

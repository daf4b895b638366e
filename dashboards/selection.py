"""Which trial is selected. The address says so; assets/choice.js reads it on the study page."""

from __future__ import annotations

from typing import Any

from dse.results import StudyResults

PARAMETER = "trial"  # also named in assets/choice.js
LARGEST_NUMBER = 10**9  # also in assets/choice.js


def default_trial(results: StudyResults) -> int | None:
    """Return the trial to show before one is chosen: the fastest at the conventional design's accuracy, if any."""
    trial = results.equal_accuracy or results.most_accurate
    return trial.number if trial else None


def trial_number(value: Any) -> int | None:
    """Return `value` if it can be the number of a trial."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and 0 <= value <= LARGEST_NUMBER else None

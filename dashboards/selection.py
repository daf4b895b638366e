"""Which trial is selected, by the address. Anything but a plausible trial number is ignored."""

from __future__ import annotations

from typing import Any

from dashboards.address import read_query, whole_number
from dse.results import StudyResults

PARAMETER = "trial"  # also named in assets/choice.js
LARGEST_NUMBER = 10**9


def from_query(search: Any, parameter: str = PARAMETER) -> int | None:
    """Return the trial that a query string such as "?trial=12" names."""
    return whole_number(read_query(search), parameter, LARGEST_NUMBER)


def default_trial(results: StudyResults) -> int | None:
    """Return the trial to show before one is chosen: the fastest at the conventional design's accuracy, if any."""
    trial = results.equal_accuracy or results.most_accurate
    return trial.number if trial else None


def trial_number(value: Any) -> int | None:
    """Return `value` if it can be the number of a trial."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and 0 <= value <= LARGEST_NUMBER else None

"""Which trial is selected, by the address. Anything but a plausible trial number is ignored."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from dse.results import StudyResults

PARAMETER = "trial"  # also named in assets/choice.js
LARGEST_NUMBER = 10**9
LONGEST_QUERY = 1000


def from_query(search: Any) -> int | None:
    """Return the trial that a query string such as "?trial=12" names."""
    if not isinstance(search, str) or len(search) > LONGEST_QUERY:
        return None
    values = parse_qs(search.removeprefix("?")).get(PARAMETER, [])
    text = values[0] if len(values) == 1 else ""
    return trial_number(int(text)) if text.isascii() and text.isdecimal() else None


def default_trial(results: StudyResults) -> int | None:
    """Return the trial to show before one is chosen: the fastest at the conventional design's accuracy, if any."""
    trial = results.equal_accuracy or results.most_accurate
    return trial.number if trial else None


def trial_number(value: Any) -> int | None:
    """Return `value` if it can be the number of a trial."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and 0 <= value <= LARGEST_NUMBER else None

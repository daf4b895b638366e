from __future__ import annotations

from typing import Any

import pytest

from dashboards import selection
from dashboards.address import read_query, whole_number


def trial_of(search: Any) -> int | None:
    return whole_number(read_query(search), selection.PARAMETER, selection.LARGEST_NUMBER)


def test_query_names_a_trial() -> None:
    assert trial_of("?trial=12") == 12
    assert trial_of("?other=3&trial=0") == 0


@pytest.mark.parametrize(
    "search",
    [
        *(None, 12, {}, "", "?", "?trial=", "?trial=-1", "?trial=1.5", "?trial=1e3", "?trial=[1]", "?trial=1;drop"),
        *("?trial=٣", "?trial=../../etc/passwd", "?trial=1&trial=2", "?other=3", f"?trial={'9' * 12}"),
        f"?trial={'1' * 5000}",
    ],
)
def test_senseless_query_selects_nothing(search: Any) -> None:
    assert trial_of(search) is None


@pytest.mark.parametrize("value", [None, "12", True, -1, 1.0, [3], 10**12])
def test_senseless_number_is_none(value: Any) -> None:
    assert selection.trial_number(value) is None

from __future__ import annotations

from typing import Any

import pytest

from dashboards import selection


def test_query_round_trip() -> None:
    assert selection.from_query(selection.to_query(12)) == 12


@pytest.mark.parametrize(
    "search",
    [
        *(None, 12, {}, "", "?", "?trial=", "?trial=-1", "?trial=1.5", "?trial=1e3", "?trial=[1]", "?trial=1;drop"),
        *("?trial=٣", "?trial=../../etc/passwd", "?trial=1&trial=2", "?other=3", f"?trial={'9' * 12}"),
        f"?trial={'1' * 5000}",
    ],
)
def test_senseless_query_selects_nothing(search: Any) -> None:
    assert selection.from_query(search) is None


@pytest.mark.parametrize(
    "click",
    [None, [], {}, {"points": []}, {"points": None}, {"points": [{}]}, {"points": [{"customdata": "12"}]}]
    + [{"points": [{"customdata": value}]} for value in (-1, True, None, [3], 1.0, 10**12)],
)
def test_senseless_click_selects_nothing(click: Any) -> None:
    assert selection.from_click(click) is None


def test_click_selects_the_first_point() -> None:
    assert selection.from_click({"points": [{"customdata": 7, "x": 1}, {"customdata": 8}]}) == 7


@pytest.mark.parametrize("rows", [None, {}, [], [{}], [{"number": "7"}], [{"number": 1}, {"number": 2}], "rows"])
def test_senseless_rows_select_nothing(rows: Any) -> None:
    assert selection.from_rows(rows) is None


def test_row_is_selected() -> None:
    assert selection.from_rows([{"number": 7, "state": "front"}]) == 7

"""Kendall's tau, its interval and the noise between seeds, on lists whose answers are known."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.rank_statistics import agreement, agreement_between, kendall_tau, seed_deviation

TRUTH = [0.80, 0.85, 0.855, 0.90]


def test_the_same_order_is_one_and_the_reverse_minus_one() -> None:
    assert kendall_tau([1, 2, 3, 4], TRUTH) == 1
    assert kendall_tau([4, 3, 2, 1], TRUTH) == -1


def test_pairs_within_a_point_do_not_count() -> None:
    assert kendall_tau([1, 3, 2, 4], TRUTH) == 1


def test_one_wrong_pair_of_five_costs_two_fifths() -> None:
    assert kendall_tau([1, 2, 4, 3], TRUTH) == pytest.approx(3 / 5)


def test_equal_estimates_count_nothing() -> None:
    assert kendall_tau([1, 2, 3, 3], TRUTH) == pytest.approx(4 / 5)


def test_truths_that_are_all_close_are_refused() -> None:
    with pytest.raises(ValueError, match="no two of 2 designs"):
        kendall_tau([1, 2], [0.5, 0.505])


def test_lists_of_different_designs_are_refused() -> None:
    with pytest.raises(ValueError, match="1 estimates of 4 designs"):
        kendall_tau([1], TRUTH)


def test_perfect_runs_have_an_interval_of_one_point() -> None:
    found = agreement([[1, 2, 3, 4], [2, 3, 4, 5]], TRUTH)
    assert (found.tau, found.low, found.high, found.pairs) == (1, 1, 1, 5)


def test_a_bad_seed_widens_the_interval_and_counts_half() -> None:
    found = agreement([[1, 2, 3, 4], [4, 3, 2, 1]], TRUTH)
    assert found.tau == 0
    assert (found.low, found.high) == (-1, 1)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_the_interval_is_the_same_each_time_and_ordered(run: list[float]) -> None:
    found = agreement([run], TRUTH)
    assert found == agreement([run], TRUTH)
    assert -1 <= found.low <= found.high <= 1


def test_noise_between_seeds_is_pooled_over_designs() -> None:
    assert seed_deviation([[0.1, 0.5], [0.3, 0.5]]) == pytest.approx((0.02 / 2) ** 0.5)
    assert seed_deviation([[0.1, 0.5]]) is None


def test_each_run_is_judged_by_the_mean_of_the_others() -> None:
    runs = [[0.1, 0.3, 0.2], [0.1, 0.2, 0.3], [0.1, 0.2, 0.9]]
    taus = [
        kendall_tau(runs[0], [0.1, 0.2, 0.6]),
        kendall_tau(runs[1], [0.1, 0.25, 0.55]),
        kendall_tau(runs[2], [0.1, 0.25, 0.25]),
    ]
    assert taus == [pytest.approx(1 / 3), 1, 1]
    assert agreement_between(runs) == pytest.approx((1 / 3 + 1 + 1) / 3)
    assert agreement_between(runs[:1]) is None

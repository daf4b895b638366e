from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dse.front import dominates, not_shown_above, pareto_front

# Few distinct values, so that ties in one objective and in both are common.
value = st.integers(0, 5).map(float)
points = st.integers(2, 4).flatmap(lambda count: st.lists(st.tuples(*[value] * count), max_size=30))


@given(points)
def test_front_is_what_no_point_dominates(candidates):
    expected = [point for point in candidates if not any(dominates(other, point) for other in candidates)]
    assert sorted(pareto_front(candidates, lambda point: point)) == sorted(expected)


@given(points)
def test_front_ascends_in_the_first_objective(candidates):
    front = pareto_front(candidates, lambda point: point)
    assert front == sorted(front)


def test_equal_points_are_on_the_front_together():
    named = [("a", 1.0, 7), ("b", 1.0, 7), ("c", 1.0, 8), ("d", 2.0, 7)]
    assert [name for name, *_ in pareto_front(named, lambda item: (item[1], item[2]))] == ["a", "b"]


def test_equal_points_do_not_dominate_each_other():
    assert not dominates((1.0, 7), (1.0, 7))
    assert dominates((1.0, 7), (1.0, 8))
    assert not dominates((1.0, 7), (0.9, 8))
    assert dominates((1.0, 7, 2), (1.0, 7, 3))
    assert not dominates((1.0, 7, 2), (1.0, 6, 3))


def apart(one, other):
    return abs(one - other) > 10


def test_each_item_is_measured_against_the_last_distinguishable_one():
    assert not_shown_above([], apart) == []
    assert not_shown_above([50], apart) == [None]
    assert not_shown_above([50, 55, 60, 61, 71, 72], apart) == [None, 50, 50, None, 61, None]


def test_only_rivals_are_measured_against():
    """Items of odd tens have another third objective, in which no even one is as good."""
    assert not_shown_above([50, 51, 52, 61, 72], apart, lambda one, other: one % 2 == other % 2) == (
        [None, None, 50, 51, None]
    )


def test_small_steps_add_up_to_a_difference():
    """No item differs from its neighbour, yet every third differs from the last that did."""
    assert not_shown_above([0, 5, 10, 15, 20, 25, 30], apart) == [None, 0, 0, None, 15, 15, None]


@given(st.lists(st.integers(0, 100)).map(sorted))
def test_every_item_is_distinguishable_or_close_to_one_that_is(front):
    faster = not_shown_above(front, apart)
    kept = [item for item, other in zip(front, faster, strict=True) if other is None]
    assert all(apart(one, other) for one, other in pairwise(kept))
    for item, other in zip(front, faster, strict=True):
        if other is not None:
            assert other in kept
            assert other <= item
            assert not apart(item, other)


@given(st.lists(st.integers(0, 100)).map(sorted))
def test_nothing_is_marked_where_all_differ_and_all_but_the_fastest_where_none_does(front):
    assert not_shown_above(front, lambda one, other: True) == [None] * len(front)
    assert not_shown_above(front, lambda one, other: False) == [None, *front[:1] * (len(front) - 1)][: len(front)]

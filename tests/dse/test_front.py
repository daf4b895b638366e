from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dse.front import dominates, pareto_front

# Few distinct values, so that ties in one objective and in both are common.
points = st.lists(st.tuples(st.integers(0, 5).map(float), st.integers(0, 5).map(float)), max_size=30)


@given(points)
def test_front_is_what_no_point_dominates(candidates):
    expected = [point for point in candidates if not any(dominates(other, point) for other in candidates)]
    assert sorted(pareto_front(candidates, lambda point: point)) == sorted(expected)


@given(points)
def test_front_ascends_in_both_objectives(candidates):
    front = pareto_front(candidates, lambda point: point)
    assert front == sorted(front)


def test_equal_points_are_on_the_front_together():
    named = [("a", 1.0, 0.8), ("b", 1.0, 0.8), ("c", 1.0, 0.7), ("d", 2.0, 0.8)]
    assert [name for name, *_ in pareto_front(named, lambda item: (item[1], item[2]))] == ["a", "b"]


def test_equal_points_do_not_dominate_each_other():
    assert not dominates((1.0, 0.8), (1.0, 0.8))
    assert dominates((1.0, 0.8), (1.0, 0.7))
    assert not dominates((1.0, 0.7), (0.9, 0.6))

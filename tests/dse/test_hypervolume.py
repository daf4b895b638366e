from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna._hypervolume import compute_hypervolume

from dse.hypervolume import history, hypervolume, reference_values, share, stalled_for
from dse.measures import ACCURACY, LATENCY, Measure
from tests.fuzz import examples

# Few distinct values, so that ties and equal points are common; some lie beyond the reference.
SHARES = st.integers(-1, 6).map(lambda number: number / 6)


def points(dimensions: int) -> st.SearchStrategy[list[tuple[float, ...]]]:
    return st.lists(st.tuples(*[SHARES] * dimensions), max_size=12)


@pytest.mark.parametrize("dimensions", [2, 3, 4, 5])
def test_volume_is_optunas(dimensions: int) -> None:
    compared = []

    @settings(max_examples=examples(60), deadline=None)
    @given(points(dimensions))
    def check(covered: list[tuple[float, ...]]) -> None:
        inside = [point for point in covered if min(point) >= 0]
        losses = -np.array(inside, float).reshape(-1, dimensions)
        expected = compute_hypervolume(losses, np.zeros(dimensions)) if inside else 0.0
        assert hypervolume(covered) == pytest.approx(expected, abs=1e-12)
        compared.append(expected > 0)

    check()
    assert sum(compared) > len(compared) / 4


@given(points(3))
def test_history_never_falls_and_ends_at_the_volume_of_all(covered: list[tuple[float, ...]]) -> None:
    volumes = history(covered)
    assert volumes == sorted(volumes)
    assert len(volumes) == len(covered)
    for number, volume in enumerate(volumes, start=1):
        assert volume == pytest.approx(hypervolume(covered[:number]), abs=1e-12)


def test_history_by_hand() -> None:
    volumes = history([(0.5, 0.5), (0.25, 0.25), None, (0.25, 0.75), (0.5, 0.5), (1.0, -0.1), (1.0, 1.0)])
    assert volumes == pytest.approx([0.25, 0.25, 0.25, 0.3125, 0.3125, 0.3125, 1.0])
    assert [stalled_for(volumes[:count]) for count in range(8)] == [0, 0, 1, 2, 0, 1, 2, 0]


def test_nothing_gained_at_all_is_stalled_from_the_first() -> None:
    assert stalled_for(history([None, (-1.0, 0.5), (0.0, 1.0)])) == 3


def test_reference_and_ideal_have_shares_of_0_and_1() -> None:
    objectives = (LATENCY, ACCURACY, Measure.parse("memory_bytes"), Measure.parse("code_bytes"))
    conventional = {"latency_ms": 2.0, "accuracy": 0.8, "memory_bytes": 1000.0, "code_bytes": 500.0}
    reference = reference_values(objectives, conventional, widest=1.5, chance=0.1)
    assert reference == pytest.approx((2.0 * 2.25 * 1.1, 0.1, 1000 * 1.5 * 1.1, 500 * 4 * 1.1))
    deep = reference_values(objectives, conventional, widest=1.0, chance=0.1, deepest=2.0)
    assert deep == pytest.approx((2.0 * 2 * 1.1, 0.1, 1000 * 1.1, 500 * 4 * 1.1))
    assert share(objectives, reference, reference) == (0, 0, 0, 0)
    assert share(objectives, (0, 1, 0, 0), reference) == (1, 1, 1, 1)
    half = share(objectives, (reference[0] / 2, 0.55, reference[2] / 4, 2 * reference[3]), reference)
    assert half == pytest.approx((0.5, 0.5, 0.75, -1))

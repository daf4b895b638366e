"""The lanes of Advanced SIMD behind their queue, against a calendar that forgets nothing."""

from collections import Counter

import numpy as np
import pytest

from isa_models.engines.lanes import LANE_COUNT, idle_lanes, soonest_entry, start_in_lanes


def first_fit(calendar: Counter[int], cycle: int, wanted: int, busy: int) -> int:
    """Enter an operation into the first free place of a calendar of lanes by cycle."""
    while any(calendar[cycle + step] + wanted > LANE_COUNT for step in range(busy)):
        cycle += 1
    calendar.update({cycle + step: wanted for step in range(busy)})
    return cycle


@pytest.mark.parametrize("queue", [1, 2, 4, 7])
@pytest.mark.parametrize("seed", range(5))
def test_every_operation_starts_in_the_first_place_that_is_free(queue, seed):
    rng = np.random.default_rng(seed)
    lanes, calendar, issue = idle_lanes(queue), Counter(), 0
    for _ in range(600):
        entry = soonest_entry(lanes)
        issue = max(issue + int(rng.integers(0, 2)), int(lanes.queue[entry]))
        ready = issue + int(rng.choice([0, 0, 0, 1, 2, 4, 30]))
        wanted, busy = int(rng.integers(0, LANE_COUNT + 1)), int(rng.choice([1, 1, 2, 9]))
        expected = first_fit(calendar, ready, wanted, busy)
        assert start_in_lanes(lanes, entry, ready, wanted, busy) == expected


def test_independent_operation_fills_the_gap_before_one_that_waits():
    lanes = idle_lanes(4)
    assert start_in_lanes(lanes, soonest_entry(lanes), 10, 2, 1) == 10
    assert start_in_lanes(lanes, soonest_entry(lanes), 0, 2, 10) == 0
    assert start_in_lanes(lanes, soonest_entry(lanes), 0, 1, 1) == 11

"""Advanced SIMD side of an in-order core: two 64-bit lanes behind a queue."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isa_models.compilation import compiled

IntArray = NDArray[np.int64]

LANE_COUNT = 2
_RING = 1 << 15
_MASK = _RING - 1
_NONE = -1


class Lanes(NamedTuple):
    """`cycle`, `used`: ring of cycles and the lanes taken in them; `queue`: start of each queued operation."""

    cycle: IntArray
    used: IntArray
    queue: IntArray


def idle_lanes(queue_entries: int) -> Lanes:
    """Return lanes without work."""
    return Lanes(
        cycle=np.full(_RING, _NONE, dtype=np.int64),
        used=np.zeros(_RING, dtype=np.int64),
        queue=np.full(queue_entries, _NONE, dtype=np.int64),
    )


@compiled
def soonest_entry(lanes: Lanes) -> int:
    """Return the queue entry that is free first."""
    best = 0
    for entry in range(1, lanes.queue.size):
        if lanes.queue[entry] < lanes.queue[best]:
            best = entry
    return best


@compiled
def start_in_lanes(lanes: Lanes, entry: int, cycle: int, wanted: int, busy: int) -> int:
    """Start an operation at the first cycle from `cycle` on at which `wanted` lanes are free for `busy` cycles."""
    start = cycle
    probe = cycle
    while probe < start + busy:
        slot = probe & _MASK
        if lanes.cycle[slot] == probe and lanes.used[slot] + wanted > LANE_COUNT:
            start = probe + 1
        probe += 1
    for taken in range(start, start + busy):
        slot = taken & _MASK
        if lanes.cycle[slot] != taken:
            lanes.cycle[slot] = taken
            lanes.used[slot] = 0
        lanes.used[slot] += wanted
    lanes.queue[entry] = start
    return start

"""Advanced SIMD side of an in-order core: two 64-bit lanes behind a queue."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isa_models.compilation import compiled, compiled_entry
from isa_models.engines.packing import insert

IntArray = NDArray[np.int64]

LANE_COUNT = 2

# Limits of what `pack_lanes` puts in a word: cycles that work has run for, and runs for in all.
_PAST, _LONGEST = 1 << 10, 1 << 10

# Columns of `Lanes.work`.
_START, _END, _LANES = range(3)


class Lanes(NamedTuple):
    """What the lanes do and will do.

    `queue`: cycle in which each entry of the queue was or will be free; `work`: (queue + lanes, 3) start, end and
    number of lanes of the operations that have not ended: those in the queue, and at most one in each lane.
    """

    queue: IntArray
    work: IntArray


def idle_lanes(queue_entries: int) -> Lanes:
    """Return lanes without work."""
    return Lanes(
        queue=np.zeros(queue_entries, dtype=np.int64),
        work=np.zeros((queue_entries + LANE_COUNT, 3), dtype=np.int64),
    )


@compiled_entry
def soonest_entry(lanes: Lanes) -> int:
    """Return the queue entry that is free first."""
    best = 0
    for entry in range(1, lanes.queue.size):
        if lanes.queue[entry] < lanes.queue[best]:
            best = entry
    return best


@compiled_entry
def start_in_lanes(lanes: Lanes, entry: int, cycle: int, wanted: int, busy: int) -> int:
    """Start an operation at the first cycle from `cycle` on at which `wanted` lanes are free for `busy` cycles."""
    work = lanes.work
    start = cycle
    while not _are_free(work, start, wanted, busy):
        start += 1
    if wanted > 0:
        oldest = 0
        for row in range(1, work.shape[0]):
            if work[row, _END] < work[oldest, _END]:
                oldest = row
        work[oldest, _START] = start
        work[oldest, _END] = start + busy
        work[oldest, _LANES] = wanted
    lanes.queue[entry] = start
    return start


@compiled
def _are_free(work: IntArray, start: int, wanted: int, busy: int) -> bool:
    """Whether `wanted` lanes are free for `busy` cycles: the most are taken at the start or where other work starts."""
    for row in range(work.shape[0]):
        if work[row, _START] < start + busy and work[row, _END] > start:
            taken = _lanes_taken(work, max(work[row, _START], start))
            if taken + wanted > LANE_COUNT:
                return False
    return True


@compiled
def _lanes_taken(work: IntArray, cycle: int) -> int:
    """Return how many lanes are taken in a cycle."""
    taken = 0
    for row in range(work.shape[0]):
        if work[row, _START] <= cycle < work[row, _END]:
            taken += work[row, _LANES]
    return taken


@compiled
def pack_lanes(lanes: Lanes, base: int, words: IntArray, at: int) -> int:
    """Append entries of the queue and work that end after cycle `base`, sorted: their places do not matter."""
    first = at
    for entry in range(lanes.queue.size):
        at = insert(words, first, at, max(lanes.queue[entry] - base, 0))
    count = at
    at += 1
    first = at
    for row in range(lanes.work.shape[0]):
        if lanes.work[row, _END] > base:
            length = lanes.work[row, _END] - lanes.work[row, _START]
            start = lanes.work[row, _START] - base + _PAST
            at = insert(words, first, at, (start * _LONGEST + length) * (LANE_COUNT + 1) + lanes.work[row, _LANES])
    words[count] = at - first
    return at


@compiled
def unpack_lanes(lanes: Lanes, base: int, words: IntArray, at: int) -> int:
    """Restore what `pack_lanes` appended."""
    for entry in range(lanes.queue.size):
        lanes.queue[entry] = base + words[at + entry]
    at += lanes.queue.size
    count = words[at]
    at += 1
    for row in range(lanes.work.shape[0]):
        word = words[at + row] if row < count else 0
        start = base - _PAST + word // (LANE_COUNT + 1) // _LONGEST
        lanes.work[row, _START] = start
        lanes.work[row, _END] = start + word // (LANE_COUNT + 1) % _LONGEST
        lanes.work[row, _LANES] = word % (LANE_COUNT + 1)
    return at + count  # type: ignore[no-any-return]

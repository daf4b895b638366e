"""When lines arrive in L1: fill buffers, the bandwidth of the level below, and the cycle of each numbered line."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isa_models.caches import HERE, IN_MEMORY
from isa_models.compilation import compiled
from isa_models.core import Core
from isa_models.engines.packing import insert, pack_cycle, unpack_cycle

IntArray = NDArray[np.int64]

_NUMBERS = 1 << 14
"""Lines whose arrival is remembered; older ones have long been here."""

# Entries of `Fills.scalars`: when the level below can send the next line; when the last miss found a free buffer.
_FREE, _START = range(2)


class Fills(NamedTuple):
    """Latencies in cycles of L2 and memory, and the lines on their way.

    `arrival`: cycle at which the line of each number is here; `buffers`: when each fill buffer is free again.
    """

    l2_latency: int
    l2_fill: int
    memory_latency: int
    memory_fill: int
    arrival: IntArray
    buffers: IntArray
    scalars: IntArray


def new_fills(core: Core) -> Fills:
    """Return the fill buffers of an idle core."""
    return Fills(
        l2_latency=core.l2.latency,
        l2_fill=core.l2.fill_cycles,
        memory_latency=core.memory.latency,
        memory_fill=core.memory.fill_cycles,
        arrival=np.zeros(_NUMBERS, dtype=np.int64),
        buffers=np.zeros(core.l1.outstanding, dtype=np.int64),
        scalars=np.zeros(2, dtype=np.int64),
    )


@compiled
def arrival_of(fills: Fills, number: int, newest: int) -> int:
    """Return the cycle at which the line of `number` is here; 0 if it has been for long."""
    if number == HERE or newest - number >= _NUMBERS:
        return 0
    return fills.arrival[number & (_NUMBERS - 1)]  # type: ignore[no-any-return]


@compiled
def note_arrival(fills: Fills, number: int, cycle: int) -> None:
    """Remember when the line of `number` is here."""
    fills.arrival[number & (_NUMBERS - 1)] = cycle


@compiled
def fill(fills: Fills, level: int, now: int, in_l2: int) -> int:
    """Fetch a line that a load, store or prefetch misses at cycle `now`; return when it is here.

    `in_l2`: when it is in L2, if it is on its way to there. L1 gets it no earlier.
    """
    buffer = 0
    for other in range(1, fills.buffers.size):
        if fills.buffers[other] < fills.buffers[buffer]:
            buffer = other
    start = max(now, fills.buffers[buffer])
    fills.scalars[_START] = start
    arrival = max(_send(fills, level, start), in_l2)
    fills.buffers[buffer] = arrival
    return arrival


@compiled
def fill_ahead(fills: Fills, level: int, now: int) -> int:
    """Fetch a line ahead at cycle `now` without a buffer of L1; return when it is here.

    The prefetcher has buffers of its own, and what is prefetched into L2 needs none.
    """
    return _send(fills, level, now)


@compiled
def fill_start(fills: Fills) -> int:
    """Return the cycle at which the last miss of a load, store or prefetch found a free fill buffer."""
    return fills.scalars[_START]  # type: ignore[no-any-return]


@compiled
def _send(fills: Fills, level: int, start: int) -> int:
    in_memory = level == IN_MEMORY
    start = max(start, fills.scalars[_FREE])
    fills.scalars[_FREE] = start + (fills.memory_fill if in_memory else fills.l2_fill)
    return start + (fills.memory_latency if in_memory else fills.l2_latency)


@compiled
def pack_fills(fills: Fills, base: int, words: IntArray, at: int) -> int:
    """Append what matters after cycle `base`; arrivals reach the engine with each access and are no part of it."""
    at = pack_cycle(words, at, fills.scalars[_FREE], base)
    at = pack_cycle(words, at, fills.scalars[_START], base)
    first = at + 1
    at = first
    for buffer in range(fills.buffers.size):  # in ascending order, as it does not matter which is free when
        if fills.buffers[buffer] > base:
            at = insert(words, first, at, fills.buffers[buffer] - base)
    words[first - 1] = at - first
    return at


@compiled
def unpack_fills(fills: Fills, base: int, words: IntArray, at: int) -> int:
    """Restore what `pack_fills` appended."""
    fills.scalars[_FREE] = unpack_cycle(words, at, base)
    fills.scalars[_START] = unpack_cycle(words, at + 1, base)
    busy = words[at + 2]
    at += 3
    for buffer in range(fills.buffers.size):
        fills.buffers[buffer] = unpack_cycle(words, at + buffer, base) if buffer < busy else base
    return at + busy  # type: ignore[no-any-return]

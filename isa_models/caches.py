"""Two cache levels and a stride prefetcher, as functions over flat arrays that the compiled engines call.

The contents follow the program order of accesses. Time enters only as the cycle at which a line that is on its way
arrives, so the same functions warm the caches without a clock.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isa_models.compilation import compiled
from isa_models.core import Core

IntArray = NDArray[np.int64]

# Columns of `Caches.counters`.
L1_HITS, L1_MISSES, L2_HITS, L2_MISSES, PREFETCHES = range(5)
COUNTER_NAMES = ("l1_hits", "l1_misses", "l2_hits", "l2_misses", "prefetches")

# Entries of `Caches.scalars`.
_CLOCK, _FILL_FREE, _FILL_START = range(3)

# Where the line of an access was found.
IN_L1, IN_L2, IN_MEMORY = range(3)

_EMPTY = -1


class CacheShape(NamedTuple):
    """Sizes and latencies that the functions need, all in lines, sets, ways and cycles."""

    line_shift: int
    l1_sets: int
    l1_ways: int
    l2_sets: int
    l2_ways: int
    l2_latency: int
    l2_fill: int
    memory_latency: int
    memory_fill: int
    outstanding: int
    prefetch_trigger: int
    prefetch_distance: int


class Caches(NamedTuple):
    """Contents of both levels and of the prefetcher.

    `l1_lines`, `l2_lines`: line number held in each way (set-major), -1 if none; `*_used`: when it was last used;
    `l1_arrival`: cycle at which the line is complete; `fills`: when each fill buffer is free again. `last_address`,
    `stride`, `streak`: per static instruction.
    """

    l1_lines: IntArray
    l1_used: IntArray
    l1_arrival: IntArray
    l2_lines: IntArray
    l2_used: IntArray
    last_address: IntArray
    stride: IntArray
    streak: IntArray
    counters: IntArray
    fills: IntArray
    scalars: IntArray


def cache_shape(core: Core) -> CacheShape:
    """Return the numbers of `core` that the cache functions work with."""
    return CacheShape(
        line_shift=core.l1.line_bytes.bit_length() - 1,
        l1_sets=core.l1.set_count,
        l1_ways=core.l1.ways,
        l2_sets=core.l2.set_count,
        l2_ways=core.l2.ways,
        l2_latency=core.l2.latency,
        l2_fill=core.l2.fill_cycles,
        memory_latency=core.memory.latency,
        memory_fill=core.memory.fill_cycles,
        outstanding=core.l1.outstanding,
        prefetch_trigger=core.prefetcher.trigger,
        prefetch_distance=core.prefetcher.distance,
    )


def empty_caches(shape: CacheShape, static_count: int) -> Caches:
    """Return caches that hold nothing, for a program of `static_count` instructions."""

    def filled(size: int, value: int) -> IntArray:
        return np.full(size, value, dtype=np.int64)

    l1_size = shape.l1_sets * shape.l1_ways
    l2_size = shape.l2_sets * shape.l2_ways
    return Caches(
        l1_lines=filled(l1_size, _EMPTY),
        l1_used=filled(l1_size, 0),
        l1_arrival=filled(l1_size, 0),
        l2_lines=filled(l2_size, _EMPTY),
        l2_used=filled(l2_size, 0),
        last_address=filled(static_count, 0),
        stride=filled(static_count, 0),
        streak=filled(static_count, 0),
        counters=filled(len(COUNTER_NAMES), 0),
        fills=filled(shape.outstanding, 0),
        scalars=filled(3, 0),
    )


def restart_clock(caches: Caches) -> None:
    """Keep the contents, but let every line be here at cycle 0 and count from zero."""
    caches.l1_arrival[:] = 0
    caches.counters[:] = 0
    caches.fills[:] = 0
    caches.scalars[_FILL_FREE] = 0
    caches.scalars[_FILL_START] = 0


@compiled
def fill_start(caches: Caches) -> int:
    """Return the cycle at which the last miss of a load or store found a free fill buffer."""
    return caches.scalars[_FILL_START]  # type: ignore[no-any-return]


@compiled
def _find(lines: IntArray, first: int, ways: int, line: int) -> int:
    """Return the way that holds `line`, or -1."""
    for way in range(first, first + ways):
        if lines[way] == line:
            return way
    return -1


@compiled
def _victim(used: IntArray, first: int, ways: int) -> int:
    """Return the entry with the smallest value: the way least recently used, the buffer that is free first."""
    oldest = first
    for way in range(first + 1, first + ways):
        if used[way] < used[oldest]:
            oldest = way
    return oldest


@compiled
def _fetch(shape: CacheShape, caches: Caches, line: int, now: int, is_prefetch: bool) -> tuple[int, int]:
    """Bring `line` into L1 (and L2); return where it was found and the cycle at which it is here.

    Misses of loads and stores need a fill buffer; prefetches have buffers of their own.
    """
    first = (line & (shape.l2_sets - 1)) * shape.l2_ways
    way = _find(caches.l2_lines, first, shape.l2_ways, line)
    level = IN_L2
    latency = shape.l2_latency
    fill = shape.l2_fill
    if way < 0:
        level = IN_MEMORY
        latency = shape.memory_latency
        fill = shape.memory_fill
        way = _victim(caches.l2_used, first, shape.l2_ways)
        caches.l2_lines[way] = line
    caches.l2_used[way] = caches.scalars[_CLOCK]
    start = now
    buffer = 0
    if not is_prefetch:
        buffer = _victim(caches.fills, 0, caches.fills.size)
        start = max(now, caches.fills[buffer])
        caches.scalars[_FILL_START] = start
    start = max(start, caches.scalars[_FILL_FREE])
    caches.scalars[_FILL_FREE] = start + fill
    if not is_prefetch:
        caches.fills[buffer] = start + latency
    first = (line & (shape.l1_sets - 1)) * shape.l1_ways
    way = _victim(caches.l1_used, first, shape.l1_ways)
    caches.l1_lines[way] = line
    caches.l1_used[way] = caches.scalars[_CLOCK]
    caches.l1_arrival[way] = start + latency
    return level, caches.l1_arrival[way]


@compiled
def _touch(shape: CacheShape, caches: Caches, line: int, now: int) -> tuple[int, int]:
    """Access one line; return where it was found and the cycle at which it is here (0 if it always was)."""
    caches.scalars[_CLOCK] += 1
    first = (line & (shape.l1_sets - 1)) * shape.l1_ways
    way = _find(caches.l1_lines, first, shape.l1_ways, line)
    if way >= 0:
        caches.l1_used[way] = caches.scalars[_CLOCK]
        caches.counters[L1_HITS] += 1
        return IN_L1, caches.l1_arrival[way]
    level, arrival = _fetch(shape, caches, line, now, False)
    caches.counters[L1_MISSES] += 1
    caches.counters[L2_HITS if level == IN_L2 else L2_MISSES] += 1
    return level, arrival


@compiled
def _prefetch(shape: CacheShape, caches: Caches, static: int, address: int, now: int) -> None:
    """Learn the stride of one load instruction and fetch ahead once it has repeated often enough."""
    stride = address - caches.last_address[static]
    caches.last_address[static] = address
    if stride == 0:
        return
    if stride != caches.stride[static]:
        caches.stride[static] = stride
        caches.streak[static] = 0
        return
    caches.streak[static] += 1
    if caches.streak[static] < shape.prefetch_trigger:
        return
    line_bytes = 1 << shape.line_shift
    step = stride
    if abs(stride) < line_bytes:
        if (address >> shape.line_shift) == ((address - stride) >> shape.line_shift):
            return  # still in the line that was handled
        step = line_bytes if stride > 0 else -line_bytes
    for ahead in range(1, shape.prefetch_distance + 1):
        line = (address + ahead * step) >> shape.line_shift
        first = (line & (shape.l1_sets - 1)) * shape.l1_ways
        if line >= 0 and _find(caches.l1_lines, first, shape.l1_ways, line) < 0:
            _fetch(shape, caches, line, now, True)
            caches.counters[PREFETCHES] += 1


@compiled
def access(
    shape: CacheShape, caches: Caches, static: int, address: int, size: int, is_store: bool, now: int
) -> tuple[int, int]:
    """Load or store `size` bytes; return the farthest level needed and the cycle at which all bytes are in L1.

    The cycle is 0 for lines that were always there. Stores allocate in L1 as loads do.
    """
    line = address >> shape.line_shift
    level, arrival = _touch(shape, caches, line, now)
    last = (address + size - 1) >> shape.line_shift
    if last != line:
        second_level, second_arrival = _touch(shape, caches, last, now)
        level = max(level, second_level)
        arrival = max(arrival, second_arrival)
    if shape.prefetch_distance > 0 and not is_store:
        _prefetch(shape, caches, static, address, now)
    return level, arrival

"""Contents of two cache levels and a stride prefetcher, as functions over flat arrays that the compiled engines call.

The contents follow the program order of accesses and know no clock. Every line that is brought into L1, or into L2 by
an instruction that prefetches, is numbered, and the engines keep for each number the cycle at which the line arrives
(`engines/fills.py`).

Of prefetch instructions the architecture says that they are hints, never fault, and to which level and for what they
fetch (DDI 0487, PRFM). What a core makes of that is a guess of low confidence, as the sources at hand tell no more than
the pipeline that takes them: one for a store fetches as one for a load, whether the line is to be kept or streamed; a
third level is the second; one of code and one to an unmapped page do nothing; none trains the prefetcher.
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

# Entries of `Caches.scalars`: number of accesses to lines, number of lines that were numbered.
_CLOCK, _FETCHED = range(2)

# Where the line of an access was found.
IN_L1, IN_L2, IN_MEMORY = range(3)

HERE = 0
"""As the number of a line: its arrival does not matter, as of all that came before what is being timed."""

_EMPTY = -1


class CacheShape(NamedTuple):
    """Sizes in lines, sets and ways; see `core.CacheLevel` and `core.Prefetcher`."""

    line_shift: int
    l1_sets: int
    l1_ways: int
    l2_sets: int
    l2_ways: int
    prefetch_trigger: int
    prefetch_distance: int


class Caches(NamedTuple):
    """Contents of both levels and of the prefetcher.

    `l1_lines`, `l2_lines`: line number held in each way (set-major), -1 if none; `*_used`: when it was last used;
    `l1_recent`: way of each L1 set that was used last; `l1_number`: number of the fetch that brought the line, `HERE`
    once its arrival no longer matters; `l2_number`: the same of what an instruction prefetched into L2. `last_address`,
    `stride`, `streak`, `reached`: per row of the code; the last is the line up to which its stream was prefetched.
    """

    l1_lines: IntArray
    l1_used: IntArray
    l1_number: IntArray
    l1_recent: IntArray
    l2_lines: IntArray
    l2_used: IntArray
    l2_number: IntArray
    last_address: IntArray
    stride: IntArray
    streak: IntArray
    reached: IntArray
    counters: IntArray
    scalars: IntArray


def cache_shape(core: Core) -> CacheShape:
    """Return the numbers of `core` that the cache functions work with."""
    return CacheShape(
        line_shift=core.l1.line_bytes.bit_length() - 1,
        l1_sets=core.l1.set_count,
        l1_ways=core.l1.ways,
        l2_sets=core.l2.set_count,
        l2_ways=core.l2.ways,
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
        l1_number=filled(l1_size, HERE),
        l1_recent=np.arange(shape.l1_sets, dtype=np.int64) * shape.l1_ways,
        l2_lines=filled(l2_size, _EMPTY),
        l2_used=filled(l2_size, 0),
        l2_number=filled(l2_size, HERE),
        last_address=filled(static_count, 0),
        stride=filled(static_count, 0),
        streak=filled(static_count, 0),
        reached=filled(static_count, 0),
        counters=filled(len(COUNTER_NAMES), 0),
        scalars=filled(2, 0),
    )


def settle(caches: Caches) -> None:
    """Keep the contents, but let every line be here and count from zero."""
    caches.l1_number[:] = HERE
    caches.l2_number[:] = HERE
    caches.counters[:] = 0
    caches.counters[L1_HITS] = -caches.scalars[_CLOCK]
    caches.scalars[_FETCHED] = HERE


def hits_and_misses(caches: Caches) -> dict[str, int]:
    """Return hits, misses and prefetches since `settle`; what did not miss was a hit."""
    counted = dict(zip(COUNTER_NAMES, caches.counters.tolist(), strict=True))
    counted["l1_hits"] += int(caches.scalars[_CLOCK]) - counted["l1_misses"]
    return counted


@compiled
def fetches(caches: Caches) -> int:
    """Return the number of the last line that was numbered."""
    return caches.scalars[_FETCHED]  # type: ignore[no-any-return]


@compiled
def _find(lines: IntArray, first: int, ways: int, line: int) -> int:
    """Return the way that holds `line`, or -1."""
    for way in range(first, first + ways):
        if lines[way] == line:
            return way
    return -1


@compiled
def _least_recent(used: IntArray, first: int, ways: int) -> int:
    """Return the way that was used longest ago."""
    oldest = first
    least = used[first]
    for way in range(first + 1, first + ways):
        oldest = way if used[way] < least else oldest
        least = min(used[way], least)
    return oldest


@compiled
def _bring_to_l2(shape: CacheShape, caches: Caches, line: int) -> tuple[int, int]:
    """Bring `line` into L2; return where it was found, and the way of L2 that holds it now."""
    first = (line & (shape.l2_sets - 1)) * shape.l2_ways
    way = _find(caches.l2_lines, first, shape.l2_ways, line)
    level = IN_L2
    if way < 0:
        level = IN_MEMORY
        way = _least_recent(caches.l2_used, first, shape.l2_ways)
        caches.l2_lines[way] = line
        caches.l2_number[way] = HERE
    caches.l2_used[way] = caches.scalars[_CLOCK]
    return level, way


@compiled
def _fetch(shape: CacheShape, caches: Caches, line: int) -> tuple[int, int]:
    """Bring `line` into L1 and L2 under the next number; return where it was found, and the way of L2 that holds it."""
    level, l2_way = _bring_to_l2(shape, caches, line)
    l1_set = line & (shape.l1_sets - 1)
    way = _least_recent(caches.l1_used, l1_set * shape.l1_ways, shape.l1_ways)
    caches.scalars[_FETCHED] += 1
    caches.l1_lines[way] = line
    caches.l1_used[way] = caches.scalars[_CLOCK]
    caches.l1_number[way] = caches.scalars[_FETCHED]
    caches.l1_recent[l1_set] = way
    return level, l2_way


@compiled
def touch(shape: CacheShape, caches: Caches, line: int) -> tuple[int, int]:
    """Access one line of L1; return where it was found, and in which way of L1, or of L2 if L1 lacked it."""
    clock = caches.scalars[_CLOCK] + 1
    caches.scalars[_CLOCK] = clock
    way = _way(shape, caches, line)
    if way >= 0:
        caches.l1_used[way] = clock
        caches.l1_recent[line & (shape.l1_sets - 1)] = way
        return IN_L1, way
    level, way = _fetch(shape, caches, line)
    caches.counters[L1_MISSES] += 1
    caches.counters[L2_HITS if level == IN_L2 else L2_MISSES] += 1
    return level, way


@compiled
def prefetch_to_l1(shape: CacheShape, caches: Caches, line: int) -> tuple[int, int]:
    """Bring a line into L1 for an instruction that prefetches; return where it was found, and in which way as `touch`.

    It is no access: it counts neither as a hit nor as a miss.
    """
    way = _way(shape, caches, line)
    if way >= 0:
        caches.l1_used[way] = caches.scalars[_CLOCK]
        caches.l1_recent[line & (shape.l1_sets - 1)] = way
        return IN_L1, way
    caches.counters[PREFETCHES] += 1
    return _fetch(shape, caches, line)


@compiled
def prefetch_to_l2(shape: CacheShape, caches: Caches, line: int) -> bool:
    """Bring a line into L2 for an instruction that prefetches; return whether it comes from memory, under a number.

    A line that L1 holds is left alone.
    """
    if _way(shape, caches, line) >= 0:
        return False
    level, way = _bring_to_l2(shape, caches, line)
    if level != IN_MEMORY:
        return False
    caches.counters[PREFETCHES] += 1
    caches.scalars[_FETCHED] += 1
    caches.l2_number[way] = caches.scalars[_FETCHED]
    return True


@compiled
def learns_nothing(shape: CacheShape, caches: Caches, static: int, stride: int) -> bool:
    """Whether another such stride of a load leaves the prefetcher as it is, but for the lines that it has reached."""
    if stride == 0 or shape.prefetch_distance == 0:
        return True
    nothing: bool = stride == caches.stride[static] and caches.streak[static] >= shape.prefetch_trigger
    return nothing


@compiled
def fetches_nothing(
    shape: CacheShape, caches: Caches, address: int, stride: int, reached: int, must_be_here: bool
) -> bool:
    """Whether a load that goes on by `stride` to another line finds it in L1, and what it would prefetch too.

    `reached`: line up to which its stream was prefetched; `must_be_here`: whether the line has to be `HERE`.
    """
    way = _way(shape, caches, address >> shape.line_shift)
    if way < 0 or (must_be_here and caches.l1_number[way] != HERE):
        return False
    step = _step(shape, stride)
    ahead = shape.prefetch_distance
    while ahead > 0 and _is_ahead(shape, address + ahead * step, step, reached):
        line = (address + ahead * step) >> shape.line_shift
        if line >= 0 and _way(shape, caches, line) < 0:
            return False
        ahead -= 1
    return True


@compiled
def furthest(shape: CacheShape, address: int, stride: int, reached: int) -> int:
    """Return the line up to which a stream is prefetched once it got to another line at `address`."""
    step = _step(shape, stride)
    far = address + shape.prefetch_distance * step
    return far >> shape.line_shift if _is_ahead(shape, far, step, reached) else reached


@compiled
def note_used(shape: CacheShape, caches: Caches, address: int, before: int) -> None:
    """Note that a line of L1 was accessed `before` accesses before the last one."""
    way = _way(shape, caches, address >> shape.line_shift)
    caches.l1_used[way] = max(caches.l1_used[way], caches.scalars[_CLOCK] - before)


@compiled
def note_stream(caches: Caches, static: int, address: int, reached: int) -> None:
    """Note the last address of a load, and up to which line its stream was prefetched."""
    caches.last_address[static] = address
    caches.reached[static] = reached


@compiled
def count_hits(caches: Caches, hits: int) -> None:
    """Count accesses to lines in L1."""
    caches.scalars[_CLOCK] += hits


@compiled
def _way(shape: CacheShape, caches: Caches, line: int) -> int:
    """Return the way of L1 that holds `line`, or -1."""
    l1_set = line & (shape.l1_sets - 1)
    way = caches.l1_recent[l1_set]
    if caches.l1_lines[way] == line:
        return way  # type: ignore[no-any-return]
    return _find(caches.l1_lines, l1_set * shape.l1_ways, shape.l1_ways, line)


@compiled
def _step(shape: CacheShape, stride: int) -> int:
    """Return the bytes from one line that a stream wants to the next."""
    line_bytes = 1 << shape.line_shift
    return stride if abs(stride) >= line_bytes else (line_bytes if stride > 0 else -line_bytes)


@compiled
def prefetch(shape: CacheShape, caches: Caches, static: int, address: int) -> tuple[int, int]:
    """Learn the stride of one load instruction, and keep fetching ahead of it once it has repeated often enough.

    Returns how many lines were fetched, and in bit i whether the i-th of them came from memory.
    """
    stride = address - caches.last_address[static]
    if stride == 0:
        return 0, 0
    caches.last_address[static] = address
    if stride != caches.stride[static]:
        caches.stride[static] = stride
        caches.streak[static] = 0
        return 0, 0
    caches.streak[static] += 1
    if caches.streak[static] < shape.prefetch_trigger:
        return 0, 0
    line = address >> shape.line_shift
    if caches.streak[static] == shape.prefetch_trigger:
        caches.reached[static] = line
    elif line == (address - stride) >> shape.line_shift:
        return 0, 0  # still in the line that was handled
    return _fetch_ahead(shape, caches, static, address, _step(shape, stride))


@compiled
def _fetch_ahead(shape: CacheShape, caches: Caches, static: int, address: int, step: int) -> tuple[int, int]:
    """Fetch the lines at `address` + 1 to `prefetch_distance` steps that the stream has not reached yet."""
    nearest = shape.prefetch_distance + 1
    while nearest > 1 and _is_ahead(shape, address + (nearest - 1) * step, step, caches.reached[static]):
        nearest -= 1
    count = 0
    from_memory = 0
    for ahead in range(nearest, shape.prefetch_distance + 1):
        line = (address + ahead * step) >> shape.line_shift
        caches.reached[static] = line
        if line >= 0 and _way(shape, caches, line) < 0:
            level, way = _fetch(shape, caches, line)
            if level == IN_MEMORY:
                from_memory |= 1 << count
            elif caches.l2_number[way] != HERE:  # prefetched into L2: passed on to L1 as soon as it is there
                caches.l1_number[caches.l1_recent[line & (shape.l1_sets - 1)]] = caches.l2_number[way]
            count += 1
    caches.counters[PREFETCHES] += count
    return count, from_memory


@compiled
def _is_ahead(shape: CacheShape, address: int, step: int, reached: int) -> bool:
    """Whether a stream that goes by `step` has not reached the line of `address` yet."""
    line = address >> shape.line_shift
    return line > reached if step > 0 else line < reached

"""What the accesses and branches of a segment meet, as far as program order decides it.

Which level of the caches holds a line, which store a load gets its bytes from and whether a branch is mispredicted do
not depend on time. So they are found out before the pipeline is looked at, and a segment that meets nothing but lines
that are here takes a fast path.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isa_models.caches import (
    HERE,
    IN_L1,
    Caches,
    CacheShape,
    cache_shape,
    fetches,
    prefetch,
    prefetch_to_l1,
    prefetch_to_l2,
    touch,
)
from isa_models.compilation import compiled, compiled_entry
from isa_models.core import Core, InOrderCore
from isa_models.engines.accesses import is_misaligned, is_split
from isa_models.engines.branches import Predictor, mispredicts
from isa_models.engines.fills import Fills, arrival_of
from isa_models.engines.lowering import NO_PREFETCH, PREFETCH_TO_L2, StaticCode
from isa_models.engines.segments import LONGEST
from isa_models.engines.stores import StoreLog, beats_of, is_elsewhere, log_store, new_store_log, sources_of

IntArray = NDArray[np.int64]

# Bits of `Events.what`: the access touches more blocks than it needs; it is a store that drains to another block than
# the store before, or a load that is not aligned as its class asks for; from here on level of its first line, level of
# its second line, number of lines that are prefetched behind it, and a bit for each of these that comes from memory. A
# line that an instruction prefetches into L2 is among these, and has no level.
SPLIT, OPENS_BLOCK = 1, 2
MISALIGNED = OPENS_BLOCK
_FIRST_LEVEL, _SECOND_LEVEL, _PREFETCHED, _FROM_MEMORY = 2, 4, 6, 12

_DRAIN_SHIFT = 4  # log2 of the bytes that one write of an out-of-order core's store buffer covers

QUIET = 0
"""As `Events.what`: everything is here, nothing is special."""


class Events(NamedTuple):
    """For each access of a segment.

    `what`: see above. `wait`, `second_wait`: when its lines are here, in cycles after the base cycle; -k for the k-th
    line that the segment itself fetches; 0 if they are here already. Where L1 lacks a line it is when L2 has it.
    `sources`: see `stores.sources_of` and `stores.beats_of`.
    """

    what: IntArray
    wait: IntArray
    second_wait: IntArray
    sources: IntArray


class Order(NamedTuple):
    """State that only program order changes, and the limits of the core that concern it.

    `load_split_shift`, `store_split_shift`: log2 of the bytes of the blocks that an access is split into; `window`:
    instructions over which an out-of-order core forwards stores to loads, 0 for an in-order core.
    """

    shape: CacheShape
    caches: Caches
    predictor: Predictor
    log: StoreLog
    learned: int
    load_split_shift: int
    store_split_shift: int
    window: int


def new_events() -> Events:
    """Return room for the accesses of one segment."""
    return Events(*(np.zeros(LONGEST, dtype=np.int64) for _ in Events._fields))


def new_order(core: Core, caches: Caches, predictor: Predictor) -> Order:
    """Return the state in front of a trace."""
    return Order(
        shape=cache_shape(core),
        caches=caches,
        predictor=predictor,
        log=new_store_log(),
        learned=core.branches.learned_iterations,
        load_split_shift=core.split.shift,
        store_split_shift=(core.store_split or core.split).shift,
        window=0 if isinstance(core, InOrderCore) else core.window,
    )


@compiled
def first_level(what: int) -> int:
    """Return where the first line of an access was found."""
    return (what >> _FIRST_LEVEL) & 3


@compiled
def second_level(what: int) -> int:
    """Return where the second line of an access was found."""
    return (what >> _SECOND_LEVEL) & 3


@compiled
def prefetched(what: int) -> int:
    """Return how many lines are prefetched behind an access."""
    return (what >> _PREFETCHED) & 63


@compiled
def is_from_memory(what: int, line: int) -> bool:
    """Whether the `line`-th of them comes from memory."""
    return (what >> (_FROM_MEMORY + line)) & 1 == 1


@compiled_entry
def meet_accesses(
    order: Order,
    fills: Fills,
    code: StaticCode,
    first: int,
    length: int,
    address: IntArray,
    at: int,
    instruction: int,
    base: int,
    events: Events,
) -> bool:
    """Fill `events` for rows `first` on, whose addresses start at `address[at]`; return whether there are none.

    `instruction`: number of the first of them in the trace; `base`: cycle to which waits are relative.
    """
    before = fetches(order.caches)
    begin = code.access_before[first]
    combined = QUIET
    for access in range(code.access_before[first + length] - begin):
        row = code.access_rows[begin + access]
        what, wait, second_wait, sources = _meet(
            order, fills, code, row, address[at + access], instruction + row - first, base, before
        )
        events.what[access] = what
        events.wait[access] = wait
        events.second_wait[access] = second_wait
        events.sources[access] = sources
        combined |= what | wait | second_wait | sources
    return combined == QUIET


@compiled
def _meet(
    order: Order, fills: Fills, code: StaticCode, row: int, address: int, instruction: int, base: int, before: int
) -> tuple[int, int, int, int]:
    if code.prefetch[row] != NO_PREFETCH:
        what, wait = _meet_prefetch(order, fills, code.prefetch[row], address, base, before)
        return what, wait, 0, 0
    size = code.size[row]
    shift = order.shape.line_shift
    line = address >> shift
    level, way = touch(order.shape, order.caches, line)
    what = level << _FIRST_LEVEL
    wait = _wait(order.caches, fills, level, way, base, before)
    second_wait = 0
    last = (address + size - 1) >> shift
    if last != line:
        level, way = touch(order.shape, order.caches, last)
        what |= level << _SECOND_LEVEL
        second_wait = _wait(order.caches, fills, level, way, base, before)
    if code.is_store[row]:
        return what | _meet_store(order, address, size, instruction), wait, second_wait, 0
    if is_split(address, size, order.load_split_shift):
        what |= SPLIT
    if is_misaligned(address, code.alignment[row]):
        what |= MISALIGNED
    if order.window > 0:
        sources = sources_of(order.log, address, size, instruction, order.window)
    else:
        sources = beats_of(order.log, address, size, instruction)
    if code.is_atomic[row]:
        log_store(order.log, address, size, instruction, _DRAIN_SHIFT if order.window > 0 else shift)
    if order.shape.prefetch_distance > 0:
        count, from_memory = prefetch(order.shape, order.caches, row, address)
        what |= count << _PREFETCHED | from_memory << _FROM_MEMORY
    return what, wait, second_wait, sources


@compiled
def _meet_prefetch(order: Order, fills: Fills, target: int, address: int, base: int, before: int) -> tuple[int, int]:
    """Return what a prefetch meets, and its wait: one of a line that L1 holds, or has on its way, has none."""
    if address < 0:
        return QUIET, 0  # its page is not mapped
    line = address >> order.shape.line_shift
    if target == PREFETCH_TO_L2:
        is_fetched = prefetch_to_l2(order.shape, order.caches, line)
        return (1 << _PREFETCHED | 1 << _FROM_MEMORY if is_fetched else QUIET), 0
    level, way = prefetch_to_l1(order.shape, order.caches, line)
    if level == IN_L1:
        return QUIET, 0
    return level << _FIRST_LEVEL, _wait(order.caches, fills, level, way, base, before)


@compiled
def _meet_store(order: Order, address: int, size: int, instruction: int) -> int:
    """Return SPLIT and OPENS_BLOCK of a store.

    In order it is split where it opens a second line; out of order blocks that the store before it touched are open.
    """
    if order.window == 0:
        lines = log_store(order.log, address, size, instruction, order.shape.line_shift)
        return SPLIT if lines > 1 else 0
    what = OPENS_BLOCK if is_elsewhere(order.log, address, size, _DRAIN_SHIFT) else 0
    log_store(order.log, address, size, instruction, _DRAIN_SHIFT)
    return what | SPLIT if is_split(address, size, order.store_split_shift) else what


@compiled
def _wait(caches: Caches, fills: Fills, level: int, way: int, base: int, before: int) -> int:
    """Return when a line is in L1, or for other levels in L2, as in `Events.wait`; `way`: see `caches.touch`.

    `before`: number of the last fetch before the segment.
    """
    numbers = caches.l1_number if level == IN_L1 else caches.l2_number
    number = numbers[way]
    if number == HERE:
        return 0
    if number > before:
        return before - number  # type: ignore[no-any-return]
    arrival = arrival_of(fills, number, fetches(caches))
    if arrival <= base:
        numbers[way] = HERE
        return 0
    return arrival - base


@compiled_entry
def meet_branches(order: Order, code: StaticCode, first: int, length: int, target: int) -> int:
    """Predict the branches of rows `first` on; return in bit i whether the i-th of them was mispredicted.

    `target`: row to which the last of them jumps, -1 if it does not.
    """
    begin = code.branch_before[first]
    count = code.branch_before[first + length] - begin
    wrong = 0
    for branch in range(count):
        row = code.branch_rows[begin + branch]
        jumps = target >= 0 and row == first + length - 1
        if mispredicts(order.predictor, code.branch[row], row, jumps, target, order.learned):
            wrong |= 1 << branch
    return wrong

"""How often a segment runs again without meeting anything new, found with a look at each line instead of each access.

In a loop that works on L1 most turns find the lines that they touch, want no others, and branch as the turn before did.
That holds for some turns ahead as long as the addresses of each load go on as before.
"""

import numpy as np
from numpy.typing import NDArray

from isa_models.caches import count_hits, fetches_nothing, furthest, learns_nothing, note_stream, note_used
from isa_models.compilation import compiled, compiled_entry
from isa_models.engines.accesses import is_misaligned, is_split
from isa_models.engines.branches import count_right, repeat_branch
from isa_models.engines.events import Order
from isa_models.engines.lowering import NO_PREFETCH, StaticCode
from isa_models.engines.segments import Segments

IntArray = NDArray[np.int64]

MOST_TURNS = 16
"""Turns that are found at a time: those in which one load goes on are looked at in vain if another one does not."""


@compiled_entry
def repeats(
    order: Order,
    code: StaticCode,
    segments: Segments,
    kind: int,
    address: IntArray,
    at: int,
    left: int,
    must_be_here: bool,
) -> int:
    """Return how many of the `left` next turns of segment `kind`, which has just run, only repeat what it did.

    What they do to caches and predictor is done here. `left`: at least 1; `at`: of their first access; `must_be_here`:
    whether lines in L1 count only once they have arrived. A segment in which a line was fetched must not be handed in.
    One that stores repeats nothing: each store is a new one for the loads behind it. Nor does one that prefetches,
    as that is there to fetch.
    """
    first = segments.first[kind]
    end = first + segments.length[kind]
    begin = code.access_before[first]
    accesses = code.access_before[end] - begin
    turns = min(left, MOST_TURNS)
    for access in range(accesses):
        row = code.access_rows[begin + access]
        turns = _going_on(order, code, row, address, at + access, accesses, turns, must_be_here)
        if turns == 0:
            return 0
    turns = _right_turns(order, code, first, end, segments.target[kind], turns)
    if turns > 0:
        count_hits(order.caches, turns * accesses)
        for access in range(accesses):
            _go_on(order, code.access_rows[begin + access], address, at + access, accesses, turns, access)
        _branch(order, code, first, end, segments.target[kind], turns)
    return turns


@compiled
def _going_on(
    order: Order, code: StaticCode, row: int, address: IntArray, at: int, step: int, most: int, must_be_here: bool
) -> int:
    """Return for how many of the `most` next turns a load goes on as before.

    It does if it is whole, finds its line and fetches none. `at`: of its next address, the others are `step` apart.
    """
    if code.is_store[row] or code.is_atomic[row] or code.prefetch[row] != NO_PREFETCH:
        return 0
    size = code.size[row]
    before = address[at - step]
    stride = address[at] - before
    if not learns_nothing(order.shape, order.caches, row, stride):
        return 0
    shift = order.shape.line_shift
    reached = order.caches.reached[row]
    for turn in range(most):
        here = address[at + turn * step]
        if here - before != stride or here >> shift != (here + size - 1) >> shift:
            return turn
        if is_split(here, size, order.load_split_shift) or is_misaligned(here, code.alignment[row]):
            return turn
        if here >> shift != before >> shift:
            if not fetches_nothing(order.shape, order.caches, here, stride, reached, must_be_here):
                return turn
            reached = furthest(order.shape, here, stride, reached)
        before = here
    return most


@compiled
def _go_on(order: Order, row: int, address: IntArray, at: int, step: int, turns: int, access: int) -> None:
    """Note what a load, the `access`-th of `step` in the segment, does in so many turns that are counted already."""
    shift = order.shape.line_shift
    before = address[at - step]
    stride = address[at] - before
    reached = order.caches.reached[row]
    for turn in range(turns):
        here = address[at + turn * step]
        if here >> shift != before >> shift:
            if turn > 0:
                note_used(order.shape, order.caches, before, (turns - turn + 1) * step - access - 1)
            reached = furthest(order.shape, here, stride, reached)
        before = here
    note_used(order.shape, order.caches, before, step - access - 1)
    note_stream(order.caches, row, before, reached)


@compiled
def _right_turns(order: Order, code: StaticCode, first: int, end: int, target: int, most: int) -> int:
    """Return for how many of the `most` next turns all branches are predicted to go where they went in the last."""
    for branch in range(code.branch_before[first], code.branch_before[end]):
        row = code.branch_rows[branch]
        jumps = target >= 0 and row == end - 1
        most = min(most, count_right(order.predictor, code.branch[row], row, jumps, order.learned))
    return most


@compiled
def _branch(order: Order, code: StaticCode, first: int, end: int, target: int, turns: int) -> None:
    """Let the predictor learn that the branches go the same way for so many turns."""
    for branch in range(code.branch_before[first], code.branch_before[end]):
        row = code.branch_rows[branch]
        repeat_branch(order.predictor, code.branch[row], row, target >= 0 and row == end - 1, turns)

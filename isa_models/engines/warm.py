"""Run over a trace without a clock: bring caches and branch predictor into the state that a first call leaves."""

import numpy as np
from numpy.typing import NDArray

from isa_models.caches import fetches, prefetch, prefetch_to_l1, prefetch_to_l2, touch
from isa_models.compilation import compiled, compiled_entry
from isa_models.engines.events import Order, meet_branches
from isa_models.engines.lowering import NO_PREFETCH, PREFETCH_TO_L1, StaticCode
from isa_models.engines.repeats import MOST_TURNS, repeats
from isa_models.engines.segments import Segments

IntArray = NDArray[np.int64]


@compiled_entry
def warm(order: Order, code: StaticCode, segments: Segments, address: IntArray, reuse: bool) -> None:
    """Touch every address and train every branch of the trace once; `reuse`: see `run.run`."""
    at = 0
    for stretch in range(segments.kind.size):
        kind = segments.kind[stretch]
        first = segments.first[kind]
        length = segments.length[kind]
        begin = code.access_before[first]
        accesses = code.access_before[first + length] - begin
        left = segments.times[stretch]
        while left > 0:
            left -= 1
            fetched = fetches(order.caches)
            for access in range(accesses):
                row = code.access_rows[begin + access]
                if code.prefetch[row] == NO_PREFETCH:
                    _touch(order, row, code.size[row], code.is_store[row], address[at + access])
                else:
                    _prefetch(order, code.prefetch[row], address[at + access])
            meet_branches(order, code, first, length, segments.target[kind])
            at += accesses
            turns = MOST_TURNS if reuse and fetches(order.caches) == fetched else 0
            while left > 0 and turns == MOST_TURNS:
                turns = repeats(order, code, segments, kind, address, at, left, False)
                left -= turns
                at += turns * accesses


@compiled
def _touch(order: Order, row: int, size: int, is_store: bool, address: int) -> None:
    shift = order.shape.line_shift
    line = address >> shift
    touch(order.shape, order.caches, line)
    last = (address + size - 1) >> shift
    if last != line:
        touch(order.shape, order.caches, last)
    if order.shape.prefetch_distance > 0 and not is_store:
        prefetch(order.shape, order.caches, row, address)


@compiled
def _prefetch(order: Order, target: int, address: int) -> None:
    if address < 0:
        return  # its page is not mapped
    line = address >> order.shape.line_shift
    if target == PREFETCH_TO_L1:
        prefetch_to_l1(order.shape, order.caches, line)
    else:
        prefetch_to_l2(order.shape, order.caches, line)

"""Run over a trace without a clock: bring caches and branch predictor into the state that a first call leaves."""

import numpy as np
from numpy.typing import NDArray

from isa_models.caches import prefetch, touch
from isa_models.compilation import compiled
from isa_models.engines.events import Order, meet_branches
from isa_models.engines.lowering import StaticCode
from isa_models.engines.segments import Segments

IntArray = NDArray[np.int64]


@compiled
def warm(order: Order, code: StaticCode, segments: Segments, address: IntArray) -> None:
    """Touch every address and train every branch of the trace once."""
    at = 0
    for piece in range(segments.kind.size):
        segment = segments.kind[piece]
        first = segments.first[segment]
        length = segments.length[segment]
        for access in range(code.access_before[first], code.access_before[first + length]):
            row = code.access_rows[access]
            _touch(order, row, code.size[row], code.is_store[row], address[at])
            at += 1
        meet_branches(order, code, first, length, segments.target[segment])


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

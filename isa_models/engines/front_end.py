"""Decode, rename and dispatch of an out-of-order core: when does an instruction enter the window?"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isa_models.compilation import compiled
from isa_models.core import OutOfOrderCore
from isa_models.engines.lowering_out_of_order import OutOfOrderCode
from isa_models.engines.stalls import BRANCH, FRONT_END, QUEUE, RESULTS, WINDOW

IntArray = NDArray[np.int64]

# Entries of `FrontEnd.scalars`.
_FETCH, _FETCHED, _CYCLE, _ENTERED, _RENAME, _RENAMED, _REDIRECT = range(7)


class FrontEnd(NamedTuple):
    """Widths of the front end and where it is.

    `results`: 64-bit results renamed a cycle, 0 without limit; `fetch_ahead`: cycles by which fetch may run ahead;
    `group_width`, `group_entered`: micro-operations that the queues of each dispatch group take a cycle, and those
    dispatched to them in the current one. `scalars`: current cycle of fetch and instructions fetched in it, current
    cycle of dispatch and instructions dispatched in it, current cycle of renaming and results renamed in it, cycle at
    which fetch resumes after a misprediction.
    """

    decode_width: int
    results: int
    fetch_ahead: int
    group_width: IntArray
    group_entered: IntArray
    scalars: IntArray


def new_front_end(core: OutOfOrderCore) -> FrontEnd:
    """Return a front end at cycle 0."""
    widths = np.array([len(group) for group in core.dispatch_groups], dtype=np.int64)
    return FrontEnd(
        decode_width=core.decode_width,
        results=core.results_per_cycle or 0,
        fetch_ahead=core.fetch_ahead,
        group_width=widths,
        group_entered=np.zeros_like(widths),
        scalars=np.zeros(7, dtype=np.int64),
    )


@compiled
def dispatch(front: FrontEnd, code: OutOfOrderCode, row: int, window_free: int, queue_free: int) -> tuple[int, int]:
    """Return the cycle at which the instruction `row` enters the window, and what set it.

    A 128-bit result takes two of the results renamed a cycle, which may lie in different cycles; `window_free`,
    `queue_free`: when window and port queues have space.
    """
    scalars = front.scalars
    reason = BRANCH if scalars[_REDIRECT] > scalars[_CYCLE] else FRONT_END
    cycle = max(_fetch(front), scalars[_CYCLE])
    if cycle == scalars[_CYCLE] and scalars[_ENTERED] >= front.decode_width:
        cycle += 1
    if window_free > cycle:
        cycle = window_free
        reason = WINDOW
    if queue_free > cycle:
        cycle = queue_free
        reason = QUEUE
    if front.results > 0 and code.results[row] > 0:
        renamed = _rename(front, code.results[row], cycle)
        if renamed > cycle:
            cycle = renamed
            reason = RESULTS
    if cycle == scalars[_CYCLE] and _is_crowded(front, code, row):
        cycle += 1
        reason = QUEUE
    if cycle > scalars[_CYCLE]:
        scalars[_ENTERED] = 0
        for group in range(front.group_width.size):
            front.group_entered[group] = 0
    scalars[_ENTERED] += 1
    scalars[_CYCLE] = cycle
    for group in range(front.group_width.size):
        front.group_entered[group] += code.entering[row, group]
    return cycle, reason


@compiled
def _is_crowded(front: FrontEnd, code: OutOfOrderCode, row: int) -> bool:
    """Whether a dispatch group has taken so many micro-operations in this cycle that these have to wait."""
    for group in range(front.group_width.size):
        taken = front.group_entered[group]
        entering = code.entering[row, group]
        if taken > 0 and entering > 0 and taken + entering > front.group_width[group]:
            return True
    return False


@compiled
def _rename(front: FrontEnd, results: int, cycle: int) -> int:
    """Return the cycle at which the last of `results` is renamed, from `cycle` on."""
    scalars = front.scalars
    if cycle > scalars[_RENAME]:
        scalars[_RENAME] = cycle
        scalars[_RENAMED] = 0
    scalars[_RENAMED] += results
    while scalars[_RENAMED] > front.results:
        scalars[_RENAMED] -= front.results
        scalars[_RENAME] += 1
    return scalars[_RENAME]  # type: ignore[no-any-return]


@compiled
def _fetch(front: FrontEnd) -> int:
    """Return the cycle at which the next instruction is fetched and decoded."""
    scalars = front.scalars
    cycle = scalars[_FETCH]
    if scalars[_FETCHED] >= front.decode_width:
        cycle += 1
    cycle = max(cycle, scalars[_REDIRECT], scalars[_CYCLE] - front.fetch_ahead)
    scalars[_FETCHED] = 1 if cycle > scalars[_FETCH] else scalars[_FETCHED] + 1
    scalars[_FETCH] = cycle
    return cycle  # type: ignore[no-any-return]


@compiled
def end_group(front: FrontEnd) -> None:
    """A taken branch: nothing else is fetched in its cycle."""
    front.scalars[_FETCHED] = front.decode_width


@compiled
def redirect(front: FrontEnd, cycle: int) -> None:
    """A misprediction: the right instructions are there from `cycle` on."""
    front.scalars[_REDIRECT] = cycle


@compiled
def current_cycle(front: FrontEnd) -> int:
    """Return the cycle in which the last instruction entered the window."""
    return front.scalars[_CYCLE]  # type: ignore[no-any-return]


@compiled
def pack_front_end(front: FrontEnd, words: IntArray, at: int) -> int:
    """Append the state relative to `current_cycle`."""
    scalars = front.scalars
    base = scalars[_CYCLE]
    words[at] = scalars[_ENTERED]
    is_behind = scalars[_FETCH] < base - front.fetch_ahead
    words[at + 1] = -front.fetch_ahead - 1 if is_behind else scalars[_FETCH] - base
    words[at + 2] = 0 if is_behind else scalars[_FETCHED]
    words[at + 3] = max(scalars[_RENAME] - base, -1)
    words[at + 4] = scalars[_RENAMED] if scalars[_RENAME] >= base else 0
    words[at + 5] = max(scalars[_REDIRECT] - base, -front.fetch_ahead)  # fetch may still be there
    at += 6
    for group in range(front.group_width.size):
        words[at + group] = front.group_entered[group]
    return at + front.group_width.size


@compiled
def unpack_front_end(front: FrontEnd, base: int, words: IntArray, at: int) -> int:
    """Restore what `pack_front_end` appended."""
    scalars = front.scalars
    scalars[_CYCLE] = base
    scalars[_ENTERED] = words[at]
    scalars[_FETCH] = base + words[at + 1]
    scalars[_FETCHED] = words[at + 2]
    scalars[_RENAME] = base + words[at + 3]
    scalars[_RENAMED] = words[at + 4]
    scalars[_REDIRECT] = base + words[at + 5]
    at += 6
    for group in range(front.group_width.size):
        front.group_entered[group] = words[at + group]
    return at + front.group_width.size

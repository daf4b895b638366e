"""Decode, rename and dispatch of an out-of-order core: when does an instruction enter the window?"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isa_models.compilation import compiled
from isa_models.core import OutOfOrderCore
from isa_models.engines.lowering_out_of_order import OutOfOrderCode
from isa_models.engines.stalls import BRANCH, FRONT_END, RESULTS, WINDOW

IntArray = NDArray[np.int64]

# Entries of `FrontEnd.scalars`.
_FETCH, _FETCHED, _CYCLE, _ENTERED, _RENAME, _RENAMED, _REDIRECT = range(7)


class FrontEnd(NamedTuple):
    """Widths of the front end and where it is.

    `results`: 64-bit results renamed a cycle, 0 without limit; `fetch_ahead`: cycles by which fetch and renaming may
    run ahead of dispatch. `scalars`: current cycle of fetch and instructions fetched in it, current cycle of dispatch
    and instructions dispatched in it, current cycle of renaming and results renamed in it, cycle at which fetch
    resumes after a misprediction.
    """

    decode_width: int
    results: int
    fetch_ahead: int
    scalars: IntArray


def new_front_end(core: OutOfOrderCore) -> FrontEnd:
    """Return a front end at cycle 0."""
    return FrontEnd(
        decode_width=core.decode_width,
        results=core.results_per_cycle or 0,
        fetch_ahead=core.fetch_ahead,
        scalars=np.zeros(7, dtype=np.int64),
    )


@compiled
def arrive(front: FrontEnd, code: OutOfOrderCode, row: int, window_free: int) -> tuple[int, int]:
    """Return the cycle from which the instruction `row` can be dispatched, and what set it.

    A 128-bit result takes two of the results renamed a cycle, which may lie in different cycles; `window_free`: when
    the window has space.
    """
    scalars = front.scalars
    reason = BRANCH if scalars[_REDIRECT] > scalars[_CYCLE] else FRONT_END
    fetched = _fetch(front)
    cycle = max(fetched, scalars[_CYCLE])
    if cycle == scalars[_CYCLE] and scalars[_ENTERED] >= front.decode_width:
        cycle += 1
    if window_free > cycle:
        cycle = window_free
        reason = WINDOW
    if front.results > 0 and code.results[row] > 0:
        renamed = _rename(front, code.results[row], fetched)
        if renamed > cycle:
            cycle = renamed
            reason = RESULTS
    return cycle, reason


@compiled
def note_dispatched(front: FrontEnd, cycle: int) -> None:
    """An instruction is dispatched, with the last of its micro-operations, at `cycle`."""
    scalars = front.scalars
    scalars[_ENTERED] = 1 if cycle > scalars[_CYCLE] else scalars[_ENTERED] + 1
    scalars[_CYCLE] = cycle


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
    is_idle = scalars[_RENAME] < base - front.fetch_ahead
    words[at + 3] = -front.fetch_ahead - 1 if is_idle else scalars[_RENAME] - base
    words[at + 4] = 0 if is_idle else scalars[_RENAMED]
    words[at + 5] = max(scalars[_REDIRECT] - base, -front.fetch_ahead)  # fetch may still be there
    return at + 6


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
    return at + 6

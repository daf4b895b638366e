"""Decode, rename and dispatch of an out-of-order core: when does an instruction enter the window?"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isa_models.compilation import compiled
from isa_models.engines.stalls import BRANCH, FRONT_END, QUEUE, RESULTS, WINDOW

IntArray = NDArray[np.int64]

# Entries of `FrontEnd.scalars`.
_FETCH, _FETCHED, _CYCLE, _ENTERED, _RENAME, _RENAMED, _REDIRECT = range(7)


class FrontEnd(NamedTuple):
    """Widths of the front end and where it is.

    `results`: 64-bit results renamed a cycle, 0 without limit; `fetch_ahead`: cycles by which fetch may run ahead.
    `scalars`: current cycle of fetch and instructions fetched in it, current cycle of dispatch and instructions
    dispatched in it, current cycle of renaming and results renamed in it, cycle at which fetch resumes after a
    misprediction.
    """

    decode_width: int
    results: int
    fetch_ahead: int
    scalars: IntArray


def new_front_end(decode_width: int, results_per_cycle: int | None, fetch_ahead: int) -> FrontEnd:
    """Return a front end at cycle 0."""
    return FrontEnd(decode_width, results_per_cycle or 0, fetch_ahead, np.zeros(7, dtype=np.int64))


@compiled
def dispatch(front: FrontEnd, results: int, window_free: int, queue_free: int) -> tuple[int, int]:
    """Return the cycle at which the next instruction enters the window, and what set it.

    `results`: 64-bit results that it writes. A 128-bit result takes two slots, which may lie in different cycles;
    `window_free`, `queue_free`: when window and port queues have space.
    """
    scalars = front.scalars
    reason = BRANCH if scalars[_REDIRECT] > scalars[_CYCLE] else FRONT_END
    cycle = max(_fetch(front), scalars[_CYCLE])
    if cycle == scalars[_CYCLE] and scalars[_ENTERED] >= front.decode_width:
        cycle += 1
    if front.results > 0 and results > 0:
        renamed = _rename(front, results, cycle)
        if renamed > cycle:
            cycle = renamed
            reason = RESULTS
    if window_free > cycle:
        cycle = window_free
        reason = WINDOW
    if queue_free > cycle:
        cycle = queue_free
        reason = QUEUE
    scalars[_ENTERED] = 1 if cycle > scalars[_CYCLE] else scalars[_ENTERED] + 1
    scalars[_CYCLE] = cycle
    return cycle, reason


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

"""The window of an out-of-order core: instructions retire in order, so many a cycle."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isa_models.compilation import compiled

IntArray = NDArray[np.int64]

# Entries of `Window.scalars`.
_LAST, _IN_CYCLE, _NEXT = range(3)


class Window(NamedTuple):
    """State of the window.

    `retired`: cycle at which each entry becomes free; `scalars`: last retirement, instructions retired in it, next
    entry.
    """

    retired: IntArray
    retire_width: int
    scalars: IntArray


def empty_window(size: int, retire_width: int) -> Window:
    """Return a window of `size` free entries."""
    return Window(np.zeros(size, dtype=np.int64), retire_width, np.zeros(3, dtype=np.int64))


@compiled
def free_at(window: Window) -> int:
    """Return the cycle at which the next instruction finds an entry."""
    return window.retired[window.scalars[_NEXT]]  # type: ignore[no-any-return]


@compiled
def retire(window: Window, complete: int) -> tuple[int, int]:
    """Retire the next instruction, done at `complete`; return the cycle, and by how many cycles that moved the end."""
    scalars = window.scalars
    last = scalars[_LAST]
    cycle = max(complete, last)
    if cycle == last and scalars[_IN_CYCLE] >= window.retire_width:
        cycle += 1
    scalars[_IN_CYCLE] = scalars[_IN_CYCLE] + 1 if cycle == last else 1
    scalars[_LAST] = cycle
    window.retired[scalars[_NEXT]] = cycle
    scalars[_NEXT] = scalars[_NEXT] + 1 if scalars[_NEXT] + 1 < window.retired.size else 0
    return cycle, cycle - last

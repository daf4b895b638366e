"""The window of an out-of-order core: instructions retire in order, so many a cycle."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isa_models.compilation import compiled

IntArray = NDArray[np.int64]

# Entries of `Window.scalars`.
_LAST, _IN_CYCLE, _NEXT = range(3)

_COUNT_BITS = 11  # of a word of a packed state that count entries; a window has 1024 at most


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


@compiled
def pack_window(window: Window, base: int, words: IntArray, at: int) -> int:
    """Append the entries that are not free at cycle `base`, the youngest first.

    In order of age their cycles never decrease, so each word holds a cycle and how many entries become free in it.
    """
    scalars = window.scalars
    size = window.retired.size
    words[at] = scalars[_LAST] - base
    words[at + 1] = scalars[_IN_CYCLE]
    count = 0
    entry = scalars[_NEXT]
    last = base
    begin = at + 3
    at = begin
    while count < size:
        entry = entry - 1 if entry > 0 else size - 1
        cycle = window.retired[entry]
        if cycle <= base:
            break
        if cycle != last:
            words[at] = (cycle - base) << _COUNT_BITS
            at += 1
            last = cycle
        words[at - 1] += 1
        count += 1
    words[begin - 1] = at - begin
    return at


@compiled
def unpack_window(window: Window, base: int, words: IntArray, at: int) -> int:
    """Restore what `pack_window` appended, the youngest entry last."""
    window.scalars[_LAST] = base + words[at]
    window.scalars[_IN_CYCLE] = words[at + 1]
    window.scalars[_NEXT] = 0
    entry = window.retired.size
    cycles = words[at + 2]
    at += 3
    for word in range(at, at + cycles):
        for _ in range(words[word] & ((1 << _COUNT_BITS) - 1)):
            entry -= 1
            window.retired[entry] = base + (words[word] >> _COUNT_BITS)
    for free in range(entry):
        window.retired[free] = base
    return at + cycles  # type: ignore[no-any-return]

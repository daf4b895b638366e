"""Pipeline states as short lists of words that do not depend on when they occur.

A unit appends to `words` what can still influence the future: cycles relative to a base cycle, and nothing for what
lies in the past. Two pipelines with equal words behave alike from their base cycles on.
"""

import numpy as np
from numpy.typing import NDArray

from isa_models.compilation import compiled

IntArray = NDArray[np.int64]


@compiled
def pack_cycle(words: IntArray, at: int, cycle: int, base: int) -> int:
    """Append a cycle that matters only if it lies after `base`; return the next position."""
    words[at] = max(cycle - base, 0)
    return at + 1


@compiled
def unpack_cycle(words: IntArray, at: int, base: int) -> int:
    """Return the cycle at a position; one that did not matter comes back as `base`."""
    return base + words[at]  # type: ignore[no-any-return]


@compiled
def insert(words: IntArray, first: int, at: int, word: int) -> int:
    """Insert a word in the ascending words from `first` up to `at`; return the position behind them."""
    place = at
    while place > first and words[place - 1] > word:
        words[place] = words[place - 1]
        place -= 1
    words[place] = word
    return at + 1

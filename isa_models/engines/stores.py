"""Stores in flight: forwarding to loads, and the drain of the store buffer."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isa_models.compilation import compiled

IntArray = NDArray[np.int64]

_ENTRIES = 1 << 12
_GRANULE = 3  # log2 of the bytes by which stores and loads are matched
_DRAIN_BLOCK = 4  # log2 of the bytes that one write of the store buffer covers
_NONE = -1


class Stores(NamedTuple):
    """Recent stores by 8-byte granule, direct-mapped.

    `granule`: which one an entry is for; `ready`: when its data are there; `number`: of the store in the trace;
    `last_block`: (1,), 16-byte block that was written last.
    """

    granule: IntArray
    ready: IntArray
    number: IntArray
    last_block: IntArray


def no_stores() -> Stores:
    """Return an empty store buffer."""
    granule, ready, number = (np.full(_ENTRIES, _NONE, dtype=np.int64) for _ in range(3))
    return Stores(granule, ready, number, last_block=np.full(1, _NONE, dtype=np.int64))


@compiled
def remember(stores: Stores, address: int, size: int, number: int, ready: int) -> None:
    """Note a store."""
    for granule in range(address >> _GRANULE, ((address + size - 1) >> _GRANULE) + 1):
        entry = granule & (_ENTRIES - 1)
        stores.granule[entry] = granule
        stores.ready[entry] = ready
        stores.number[entry] = number


@compiled
def forwarded(stores: Stores, address: int, size: int, number: int, window: int) -> int:
    """Return when the data of the stores in the window that a load overlaps are there, -1 if there are none."""
    ready = _NONE
    for granule in range(address >> _GRANULE, ((address + size - 1) >> _GRANULE) + 1):
        entry = granule & (_ENTRIES - 1)
        if stores.granule[entry] == granule and number - stores.number[entry] < window:
            ready = max(ready, stores.ready[entry])
    return ready


@compiled
def opens_block(stores: Stores, address: int, size: int) -> bool:
    """Note that a store drains, and return whether it goes to another block than the one before it."""
    opens: bool = stores.last_block[0] != address >> _DRAIN_BLOCK
    stores.last_block[0] = (address + size - 1) >> _DRAIN_BLOCK
    return opens

"""Stores of an in-order core whose bytes a load cannot read yet."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isa_models.compilation import compiled
from isa_models.engines.stores import RECENT

IntArray = NDArray[np.int64]

_LONGEST_WAIT = 16  # cycles by which the last bytes of a store may follow its first


class RecentStores(NamedTuple):
    """The last stores, in a ring.

    `cycle`: from which loads can read the first 16 bytes; `step`: cycles more for each 16; `data`: cycle before which
    they can read none for lack of data; `total`: (1,) stores so far.
    """

    cycle: IntArray
    step: IntArray
    data: IntArray
    total: IntArray


def no_recent_stores() -> RecentStores:
    """Return a ring in which nothing holds a load up."""
    cycle, step, data = (np.zeros(RECENT, dtype=np.int64) for _ in range(3))
    return RecentStores(cycle, step, data, np.zeros(1, dtype=np.int64))


@compiled
def note_store(stores: RecentStores, cycle: int, step: int, data: int) -> None:
    """Note a store: its first 16 bytes can be read from `cycle` on, each 16 more `step` later, none before `data`."""
    entry = stores.total[0] % RECENT
    stores.cycle[entry] = cycle
    stores.step[entry] = step
    stores.data[entry] = data
    stores.total[0] += 1


@compiled
def readable_from(stores: RecentStores, beats: int, cycle: int) -> int:
    """Return the first cycle from `cycle` on at which a load finds all its bytes; `beats`: see `stores.beats_of`."""
    earliest = cycle
    back = 1
    while beats > 0:
        if beats & 1:
            entry = (stores.total[0] - back) % RECENT
            written = stores.cycle[entry] + ((beats >> 1) & 3) * stores.step[entry]
            earliest = max(earliest, max(written, stores.data[entry]) - ((beats >> 3) & 7))
        beats >>= 6
        back += 1
    return earliest


@compiled
def pack_recent_stores(stores: RecentStores, base: int, words: IntArray, at: int) -> int:
    """Append the stores that may still hold a load up after cycle `base`, the newest first."""
    for back in range(1, RECENT + 1):
        entry = (stores.total[0] - back) % RECENT
        wait = stores.cycle[entry] - base
        matters = wait > -_LONGEST_WAIT
        words[at] = wait if matters else -_LONGEST_WAIT
        words[at + 1] = stores.step[entry] if matters else 0
        words[at + 2] = max(stores.data[entry] - base, 0)
        at += 3
    return at


@compiled
def unpack_recent_stores(stores: RecentStores, base: int, words: IntArray, at: int) -> int:
    """Restore what `pack_recent_stores` appended."""
    for back in range(1, RECENT + 1):
        entry = (stores.total[0] - back) % RECENT
        stores.cycle[entry] = base + words[at]
        stores.step[entry] = words[at + 1]
        stores.data[entry] = base + words[at + 2]
        at += 3
    return at

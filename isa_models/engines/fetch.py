"""Instruction fetch of an in-order core: aligned groups into a queue, bubbles behind taken branches."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isa_models.compilation import compiled
from isa_models.engines.lowering_in_order import InOrderCode

IntArray = NDArray[np.int64]

_NOTHING = -1
# Code does not start with an empty queue: fetch has run ahead of issue while the instructions before it ran.
_HEAD_START = -64

# Entries of `Fetch.scalars`.
_CYCLE, _LEFT, _NEXT, _TARGET = range(4)


class Fetch(NamedTuple):
    """State of fetch.

    `width`: instructions in an aligned group; `keeps_target`: whether the last taken branch costs no bubble when it is
    taken again; `queue`: ring with the cycle in which the instruction in each entry leaves it; `scalars`: cycle that
    fetches the current group, instructions left in that group, next entry of the queue, last taken branch.
    """

    width: int
    keeps_target: bool
    queue: IntArray
    scalars: IntArray


def new_fetch(width: int, queue_entries: int, keeps_target: bool) -> Fetch:
    """Return a fetch unit that has run ahead as far as its queue lets it."""
    scalars = np.zeros(4, dtype=np.int64)
    scalars[_CYCLE] = _HEAD_START
    scalars[_TARGET] = _NOTHING
    return Fetch(width, keeps_target, np.full(queue_entries, _HEAD_START, dtype=np.int64), scalars)


@compiled
def fetch(unit: Fetch) -> int:
    """Fetch the next instruction; return the cycle from which it can issue."""
    scalars = unit.scalars
    if scalars[_LEFT] == 0:
        scalars[_CYCLE] += 1
        scalars[_LEFT] = unit.width
    scalars[_LEFT] -= 1
    scalars[_CYCLE] = max(scalars[_CYCLE], unit.queue[scalars[_NEXT]])
    cycle: int = scalars[_CYCLE]
    return cycle


@compiled
def leave_queue(unit: Fetch, cycle: int) -> None:
    """The instruction fetched last issues at `cycle`."""
    entry = unit.scalars[_NEXT]
    unit.queue[entry] = cycle
    unit.scalars[_NEXT] = entry + 1 if entry + 1 < unit.queue.size else 0


@compiled
def follow_branch(unit: Fetch, timing: InOrderCode, branch: int, target: int) -> None:
    """Go on at `target` behind the taken `branch`."""
    scalars = unit.scalars
    if not unit.keeps_target or scalars[_TARGET] != branch:
        scalars[_CYCLE] += timing.bubble[branch]
    scalars[_TARGET] = branch
    scalars[_CYCLE] += 1
    scalars[_LEFT] = unit.width - timing.fetch_slot[target]


@compiled
def restart(unit: Fetch, timing: InOrderCode, target: int, cycle: int) -> None:
    """Fetch anew behind a mispredicted branch: what follows can issue from `cycle` on."""
    unit.scalars[_CYCLE] = cycle
    unit.scalars[_LEFT] = unit.width - timing.fetch_slot[target]


@compiled
def pack_fetch(unit: Fetch, base: int, words: IntArray, at: int) -> int:
    """Append the state relative to cycle `base`; what left the queue before the current group was fetched is past."""
    scalars = unit.scalars
    words[at] = scalars[_CYCLE] - base
    words[at + 1] = scalars[_LEFT]
    words[at + 2] = scalars[_TARGET]
    at += 3
    for age in range(unit.queue.size):
        entry = (scalars[_NEXT] + age) % unit.queue.size
        words[at + age] = max(unit.queue[entry], scalars[_CYCLE]) - base
    return at + unit.queue.size


@compiled
def unpack_fetch(unit: Fetch, base: int, words: IntArray, at: int) -> int:
    """Restore what `pack_fetch` appended."""
    scalars = unit.scalars
    scalars[_CYCLE] = base + words[at]
    scalars[_LEFT] = words[at + 1]
    scalars[_TARGET] = words[at + 2]
    scalars[_NEXT] = 0
    at += 3
    for age in range(unit.queue.size):
        unit.queue[age] = base + words[at + age]
    return at + unit.queue.size

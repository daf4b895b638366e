"""Ports of an out-of-order core: which cycles are taken, and a queue in front of each.

Taken cycles are a ring of cycle stamps, so that nothing ever has to be cleared.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isa_models.compilation import compiled

IntArray = NDArray[np.int64]

RING_CYCLES = 1 << 15
"""Cycles that may be reserved ahead of the oldest instruction in flight; longer waits share entries."""

_MASK = RING_CYCLES - 1
_NEVER = 1 << 62
_NONE = -1


class Ports(NamedTuple):
    """State per port.

    `reserved`: shape (ports, RING_CYCLES), the cycle itself where it is taken. `queue`: shape (ports, entries), cycle
    at which each entry leaves. `soonest`, `soonest_entry`: the first of these cycles and its entry. `busy`: cycles
    taken in total.
    """

    reserved: IntArray
    queue: IntArray
    soonest: IntArray
    soonest_entry: IntArray
    busy: IntArray


def idle_ports(queue_entries: int, busy: IntArray) -> Ports:
    """Return ports without work that count their busy cycles in `busy`, shape (ports,)."""
    port_count = busy.size
    return Ports(
        reserved=np.full((port_count, RING_CYCLES), _NONE, dtype=np.int64),
        queue=np.zeros((port_count, queue_entries), dtype=np.int64),
        soonest=np.zeros(port_count, dtype=np.int64),
        soonest_entry=np.zeros(port_count, dtype=np.int64),
        busy=busy,
    )


@compiled
def queue_space(ports: Ports, choices: IntArray, static: int, micro_ops: int) -> int:
    """Return the first cycle at which every micro-operation finds a queue entry in front of one of its ports."""
    cycle = 0
    for number in range(micro_ops):
        soonest = _NEVER
        for column in range(choices.shape[2]):
            port = choices[static, number, column]
            if port < 0:
                break
            soonest = min(soonest, ports.soonest[port])
        cycle = max(cycle, soonest)
    return cycle


@compiled
def place(ports: Ports, choices: IntArray, static: int, number: int, earliest: int, occupancy: int) -> tuple[int, int]:
    """Reserve, for `occupancy` cycles, the port that can start micro-operation `number` first; return port and cycle.

    Of ports that can start in the same cycle the one with less work so far is taken. A second micro-operation of an
    instruction for a full queue enters it as soon as an entry leaves.
    """
    best_port = _NONE
    best_cycle = _NEVER
    for column in range(choices.shape[2]):
        port = choices[static, number, column]
        if port < 0:
            break
        cycle = _earliest_free(ports.reserved, port, max(earliest, ports.soonest[port]), occupancy)
        if cycle < best_cycle or (cycle == best_cycle and ports.busy[port] < ports.busy[best_port]):
            best_cycle = cycle
            best_port = port
    for taken in range(best_cycle, best_cycle + occupancy):
        ports.reserved[best_port, taken & _MASK] = taken
    ports.busy[best_port] += occupancy
    _enter_queue(ports, best_port, best_cycle)
    return best_port, best_cycle


@compiled
def _earliest_free(reserved: IntArray, port: int, cycle: int, occupancy: int) -> int:
    """Return the first cycle from `cycle` on at which `port` is free for `occupancy` cycles in a row."""
    start = cycle
    probe = cycle
    while probe < start + occupancy:
        if reserved[port, probe & _MASK] == probe:
            start = probe + 1
        probe += 1
    return start


@compiled
def _enter_queue(ports: Ports, port: int, leaves: int) -> None:
    """Replace the entry that leaves first, and find the next one."""
    ports.queue[port, ports.soonest_entry[port]] = leaves
    soonest = _NEVER
    soonest_entry = 0
    for entry in range(ports.queue.shape[1]):
        if ports.queue[port, entry] < soonest:
            soonest = ports.queue[port, entry]
            soonest_entry = entry
    ports.soonest[port] = soonest
    ports.soonest_entry[port] = soonest_entry

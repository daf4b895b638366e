"""Ports of an out-of-order core: the micro-operations that wait in front of each, and when they start."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isa_models.compilation import compiled
from isa_models.core import OutOfOrderCore
from isa_models.engines.lowering_out_of_order import OutOfOrderCode

IntArray = NDArray[np.int64]

_NEVER = 1 << 62
_PIPE = 32  # results that are on their way to the bus of a port at a time, besides those of its queue
_NONE = -1
_CHOICE_BITS = 48  # of a rank that hold the number of a choice


class Ports(NamedTuple):
    """State per port; entries of a queue are in the order in which they start.

    `start`, `end`: shape (ports, entries), cycles from which and up to which each queued micro-operation takes the
    port; `queued`: entries in use; `floor`: cycle before which nothing more can start; `chosen`: number of
    the choice that took it last, `choices`: (1,) number of the next; `claims`, `begun`: scratch, the latter for the
    start of each micro-operation of an instruction. `bus`: shape (ports, entries, 2), cycles from which and up to which
    results on their way take the bus of the port, in that order; `results`: entries in use. `busy`: cycles taken in
    total. `is_first_idle`: whether `steering` is that.
    """

    is_first_idle: bool

    start: IntArray
    end: IntArray
    queued: IntArray
    floor: IntArray
    chosen: IntArray
    choices: IntArray
    claims: IntArray
    begun: IntArray
    bus: IntArray
    results: IntArray
    busy: IntArray


def idle_ports(core: OutOfOrderCore, code: OutOfOrderCode, busy: IntArray) -> Ports:
    """Return ports without work for instructions of `code`; they count busy cycles in `busy`, shape (ports,)."""
    port_count = busy.size
    queue_entries = core.port_queue
    return Ports(
        is_first_idle=core.steering == "first_idle",
        start=np.zeros((port_count, queue_entries), dtype=np.int64),
        end=np.zeros((port_count, queue_entries), dtype=np.int64),
        queued=np.zeros(port_count, dtype=np.int64),
        floor=np.zeros(port_count, dtype=np.int64),
        chosen=np.arange(port_count, dtype=np.int64),
        choices=np.array([port_count], dtype=np.int64),
        claims=np.zeros(port_count, dtype=np.int64),
        begun=np.zeros(np.diff(code.micro_op_before).max(), dtype=np.int64),
        bus=np.zeros((port_count, bus_entries(core), 2), dtype=np.int64),
        results=np.zeros(port_count, dtype=np.int64),
        busy=busy,
    )


def bus_entries(core: OutOfOrderCore) -> int:
    """Return how many results can be on their way to the bus of a port: those in the queue and those in the pipe."""
    return core.port_queue + _PIPE if core.result_buses else 0


@compiled
def queue_space(ports: Ports, code: OutOfOrderCode, row: int, now: int) -> int:
    """Return the first cycle from `now` on at which each micro-operation finds an entry in the queue of a port.

    With the steering "shortest_queue" it has to be an entry of its own.
    """
    cycle = now
    first = code.micro_op_before[row]
    last = code.micro_op_before[row + 1]
    if last - first == 1:
        return _soonest(ports, code, first, now)[0]
    for micro_op in range(first, last):
        soonest, port = _soonest(ports, code, micro_op, now)
        ports.claims[port] += not ports.is_first_idle
        cycle = max(cycle, soonest)
    for choice in range(code.choice_before[first], code.choice_before[last]):
        ports.claims[code.choices[choice]] = 0
    return cycle


@compiled
def _soonest(ports: Ports, code: OutOfOrderCode, micro_op: int, now: int) -> tuple[int, int]:
    """Return when, from `now` on, one of the queues has space beside what is claimed, and its port."""
    soonest = _NEVER
    chosen = _NONE
    for choice in range(code.choice_before[micro_op], code.choice_before[micro_op + 1]):
        port = code.choices[choice]
        free = max(_entry_free(ports, port, ports.claims[port]), now)
        if free < soonest:
            soonest = free
            chosen = port
            if free == now:
                break
    return soonest, chosen


@compiled
def _entry_free(ports: Ports, port: int, claims: int) -> int:
    """Return the cycle at which the queue of `port` has more than `claims` free entries: one leaves it as it starts."""
    missing = ports.queued[port] + claims - ports.start.shape[1]
    if missing < 0 or ports.queued[port] == 0:
        return 0
    return ports.start[port, min(missing, ports.queued[port] - 1)]  # type: ignore[no-any-return]


@compiled
def choose(ports: Ports, code: OutOfOrderCode, micro_op: int, now: int, previous: int) -> int:
    """Return the port to whose queue a micro-operation goes that is dispatched at cycle `now`.

    `previous`: port of the micro-operation before it of the same instruction, -1 if it is the first. See
    `core.OutOfOrderCore.steering`.
    """
    first = code.choice_before[micro_op]
    last = code.choice_before[micro_op + 1]
    best = code.choices[first]
    best_rank = _NEVER
    for choice in range(first, last):
        port = code.choices[choice]
        _leave(ports, port, now)
        rank = _rank(ports, port, previous)
        if rank < best_rank:
            best = port
            best_rank = rank
    if last - first > 1 and not ports.is_first_idle:
        _note_chosen(ports, best)
    _clear_bus(ports, best, now)
    return best  # type: ignore[no-any-return]


@compiled
def _rank(ports: Ports, port: int, previous: int) -> int:
    """Return what speaks against a port; it has dropped what has started."""
    queued = ports.queued[port]
    if not ports.is_first_idle:
        return (queued << _CHOICE_BITS) + ports.chosen[port]  # type: ignore[no-any-return]
    return 4 * (queued == ports.start.shape[1]) + 2 * (port == previous) + (queued > 0)  # type: ignore[no-any-return]


@compiled
def place(ports: Ports, port: int, earliest: int, occupancy: int, result: int) -> int:
    """Queue a micro-operation for `port`; return the cycle at which it starts.

    That is the first from `earliest` on at which the port is free for `occupancy` cycles, and `result` cycles later its
    bus (-1: no bus). A second micro-operation of an instruction for a full queue enters it as soon as an entry leaves.
    """
    wanted = max(earliest, _entry_free(ports, port, 0))
    while True:
        start = _earliest_start(ports, port, wanted, occupancy)
        if result < 0:
            break
        wanted = _bus_free(ports, port, start + result, occupancy) - result
        if wanted <= start:
            _take_bus(ports, port, start + result, start + result + occupancy)
            break
    ports.busy[port] += occupancy
    _enter(ports, port, start, start + occupancy)
    return start


@compiled
def _bus_free(ports: Ports, port: int, cycle: int, occupancy: int) -> int:
    """Return `cycle`, or a later one that some result makes necessary."""
    for entry in range(ports.results[port]):
        if ports.bus[port, entry, 1] > cycle:
            return ports.bus[port, entry, 1] if ports.bus[port, entry, 0] < cycle + occupancy else cycle
    return cycle


@compiled
def _take_bus(ports: Ports, port: int, first: int, end: int) -> None:
    """Note when a result takes the bus; where there is no room the one that is gone first makes it."""
    if ports.results[port] == ports.bus.shape[1]:
        _drop_results(ports, port, 1)
    entry = ports.results[port]
    while entry > 0 and ports.bus[port, entry - 1, 0] > first:
        ports.bus[port, entry, 0] = ports.bus[port, entry - 1, 0]
        ports.bus[port, entry, 1] = ports.bus[port, entry - 1, 1]
        entry -= 1
    ports.bus[port, entry, 0] = first
    ports.bus[port, entry, 1] = end
    ports.results[port] += 1


@compiled
def _drop_results(ports: Ports, port: int, gone: int) -> None:
    """Forget the first results of a bus."""
    for entry in range(gone, ports.results[port]):
        ports.bus[port, entry - gone, 0] = ports.bus[port, entry, 0]
        ports.bus[port, entry - gone, 1] = ports.bus[port, entry, 1]
    ports.results[port] -= gone


@compiled
def _clear_bus(ports: Ports, port: int, now: int) -> None:
    """Forget the results that are gone by cycle `now`."""
    gone = 0
    while gone < ports.results[port] and ports.bus[port, gone, 1] <= now:
        gone += 1
    if gone > 0:
        _drop_results(ports, port, gone)


@compiled
def _note_chosen(ports: Ports, chosen: int) -> None:
    """Make a port the one that was chosen last."""
    ports.chosen[chosen] = ports.choices[0]
    ports.choices[0] += 1


@compiled
def _recency(ports: Ports, port: int) -> int:
    """Return the rank of a port by when it was chosen last, 0 for longest ago."""
    rank = 0
    for other in range(ports.chosen.size):
        rank += ports.chosen[other] < ports.chosen[port]
    return rank


@compiled
def _leave(ports: Ports, port: int, now: int) -> None:
    """Take the entries that have started by `now` out of the queue."""
    gone = 0
    count = ports.queued[port]
    while gone < count and ports.start[port, gone] <= now:
        ports.floor[port] = max(ports.floor[port], ports.end[port, gone])
        gone += 1
    if gone > 0:
        for entry in range(gone, count):
            ports.start[port, entry - gone] = ports.start[port, entry]
            ports.end[port, entry - gone] = ports.end[port, entry]
        ports.queued[port] = count - gone


@compiled
def _earliest_start(ports: Ports, port: int, cycle: int, occupancy: int) -> int:
    """Return the first cycle from `cycle` on at which `port` is free for `occupancy` cycles in a row."""
    start = max(cycle, ports.floor[port])
    for entry in range(ports.queued[port]):
        if start + occupancy <= ports.start[port, entry]:
            break
        start = max(start, ports.end[port, entry])
    return start  # type: ignore[no-any-return]


@compiled
def _enter(ports: Ports, port: int, start: int, end: int) -> None:
    """Insert an entry in order; the first of a full queue makes room."""
    count = ports.queued[port]
    if count == ports.start.shape[1]:
        _leave(ports, port, ports.start[port, 0])
        count = ports.queued[port]
    entry = count
    while entry > 0 and ports.start[port, entry - 1] > start:
        ports.start[port, entry] = ports.start[port, entry - 1]
        ports.end[port, entry] = ports.end[port, entry - 1]
        entry -= 1
    ports.start[port, entry] = start
    ports.end[port, entry] = end
    ports.queued[port] = count + 1


@compiled
def pack_ports(ports: Ports, base: int, words: IntArray, at: int) -> int:
    """Append what has not started by cycle `base`, and when ports and buses are free that are taken by what has."""
    for port in range(ports.queued.size):
        _leave(ports, port, base)
        words[at] = ports.floor[port] - base if ports.floor[port] > base + 1 else 0
        words[at + 1] = ports.queued[port]
        words[at + 2] = _recency(ports, port)
        at += 3
        for entry in range(ports.queued[port]):
            words[at] = ports.start[port, entry] - base
            words[at + 1] = ports.end[port, entry] - base
            at += 2
        at = _pack_bus(ports, port, base, words, at)
    return at


@compiled
def _pack_bus(ports: Ports, port: int, base: int, words: IntArray, at: int) -> int:
    """Append the cycles that results take."""
    _clear_bus(ports, port, base + 1)
    words[at] = ports.results[port]
    at += 1
    for entry in range(ports.results[port]):
        words[at] = ports.bus[port, entry, 0] - base
        words[at + 1] = ports.bus[port, entry, 1] - base
        at += 2
    return at


@compiled
def unpack_ports(ports: Ports, base: int, words: IntArray, at: int) -> int:
    """Restore what `pack_ports` appended."""
    ports.choices[0] = ports.chosen.size
    for port in range(ports.queued.size):
        ports.floor[port] = base + words[at]
        ports.queued[port] = words[at + 1]
        ports.chosen[port] = words[at + 2]
        at += 3
        for entry in range(ports.queued[port]):
            ports.start[port, entry] = base + words[at]
            ports.end[port, entry] = base + words[at + 1]
            at += 2
        ports.results[port] = words[at]
        at += 1
        for entry in range(ports.results[port]):
            ports.bus[port, entry, 0] = base + words[at]
            ports.bus[port, entry, 1] = base + words[at + 1]
            at += 2
    return at

"""Ports of an out-of-order core: the micro-operations that wait in front of each, and when they start."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isa_models.compilation import compiled
from isa_models.core import OutOfOrderCore
from isa_models.engines.lowering_out_of_order import OutOfOrderCode
from isa_models.engines.parts import PARTS
from isa_models.engines.stalls import DISPATCH, QUEUE

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_NEVER = 1 << 62
_UNLIMITED = 1 << 30
_NONE = -1
_CHOICE_BITS = 48  # of a rank that hold the number of a choice

# Entries of `Ports.dispatched`.
_CLOCK, _TAKEN = range(2)


class Ports(NamedTuple):
    """State per port.

    `room`: micro-operations that may wait in front of each port; `hold`: cycles for which the last ones that started
    are still counted where a port is chosen; `width`: micro-operations that queues with a limit take a cycle together;
    `reach`: oldest ready ones among which a port chooses that hands over one result a cycle, `hands_over_one`: which
    ports do.

    `start`, `end`: shape (ports, entries), cycles from which and up to which each micro-operation that waits or still
    counts takes the port, in that order; `ready`, `done`: of the same, where a port hands over one result a cycle: from
    when it could start, and when it has its result (0: it has none); `queued`: entries in use; `floor`: cycle before
    which nothing more can start; `chosen`: number of the choice that took it last, `choices`: (1,) number of the next;
    `carry`: see `parts`, of occupancies; `begun`: scratch for the start of each micro-operation of an instruction.
    `inputs`: micro-operations that each queue takes a cycle, or _UNLIMITED; `taken`: those of the current cycle of
    dispatch; `dispatched`: that cycle, and those of it in all queues with a limit. `busy`: cycles taken in total.
    """

    breaks_ties_by_recency: bool
    room: int
    hold: int
    width: int
    reach: int

    hands_over_one: BoolArray
    start: IntArray
    end: IntArray
    ready: IntArray
    done: IntArray
    queued: IntArray
    floor: IntArray
    chosen: IntArray
    choices: IntArray
    carry: IntArray
    begun: IntArray
    inputs: IntArray
    taken: IntArray
    dispatched: IntArray
    busy: IntArray


def idle_ports(core: OutOfOrderCore, code: OutOfOrderCode, busy: IntArray) -> Ports:
    """Return ports without work for instructions of `code`; they count busy cycles in `busy`, shape (ports,)."""
    port_count = busy.size
    entries = core.port_queue + core.queue_hold  # of those that are counted, one started each cycle
    return Ports(
        breaks_ties_by_recency=core.steering == "shortest_queue",
        room=core.port_queue,
        hold=core.queue_hold,
        width=core.dispatch_width or _UNLIMITED,
        reach=core.issue_reach or _UNLIMITED,
        hands_over_one=np.array([port in core.result_ports for port in core.ports], dtype=np.bool_),
        start=np.zeros((port_count, entries), dtype=np.int64),
        end=np.zeros((port_count, entries), dtype=np.int64),
        ready=np.zeros((port_count, entries), dtype=np.int64),
        done=np.zeros((port_count, entries), dtype=np.int64),
        queued=np.zeros(port_count, dtype=np.int64),
        floor=np.zeros(port_count, dtype=np.int64),
        chosen=np.arange(port_count, dtype=np.int64),
        choices=np.array([port_count], dtype=np.int64),
        carry=np.zeros(port_count, dtype=np.int64),
        begun=np.zeros(np.diff(code.micro_op_before).max(), dtype=np.int64),
        inputs=np.array([core.queue_inputs.get(port, _UNLIMITED) for port in core.ports], dtype=np.int64),
        taken=np.zeros(port_count, dtype=np.int64),
        dispatched=np.zeros(2, dtype=np.int64),
        busy=busy,
    )


@compiled
def enter(ports: Ports, code: OutOfOrderCode, micro_op: int, cycle: int, reason: int) -> tuple[int, int, int]:
    """Return when, from `cycle` on, a micro-operation is dispatched to the queue of a port, to which, and why then.

    `cycle` never decreases from one call to the next; `reason`: what set it. See `core.OutOfOrderCore.steering` for the
    choice.
    """
    first = code.choice_before[micro_op]
    last = code.choice_before[micro_op + 1]
    now = cycle
    while True:
        soonest = _soonest(ports, code, first, last, now)
        if soonest > now:
            now = soonest
            reason = QUEUE
        _advance(ports, now)
        port = _best(ports, code, first, last, now)
        if port >= 0:
            break
        now += 1
        reason = DISPATCH
    if ports.inputs[port] < _UNLIMITED:
        ports.taken[port] += 1
        ports.dispatched[_TAKEN] += 1
    if ports.breaks_ties_by_recency and last - first > 1:
        _note_chosen(ports, port)
    return now, port, reason


@compiled
def _advance(ports: Ports, now: int) -> None:
    """Begin a new cycle of dispatch if `now` is one."""
    if now > ports.dispatched[_CLOCK]:
        ports.dispatched[_CLOCK] = now
        ports.dispatched[_TAKEN] = 0
        for port in range(ports.taken.size):
            ports.taken[port] = 0


@compiled
def _soonest(ports: Ports, code: OutOfOrderCode, first: int, last: int, now: int) -> int:
    """Return when, from `now` on, the queue of one of the ports `code.choices[first:last]` has a free entry."""
    soonest = _NEVER
    for choice in range(first, last):
        soonest = min(soonest, _entry_free(ports, code.choices[choice], now))
        if soonest == now:
            break
    return soonest


@compiled
def _entry_free(ports: Ports, port: int, now: int) -> int:
    """Return the cycle from `now` on at which another micro-operation may wait in front of `port`."""
    first = ports.queued[port] - ports.room
    return max(ports.start[port, first], now) if first >= 0 else now


@compiled
def _best(ports: Ports, code: OutOfOrderCode, first: int, last: int, now: int) -> int:
    """Return which port takes a micro-operation that is dispatched at cycle `now`, -1 if none can."""
    best = _NONE
    best_rank = _NEVER
    for choice in range(first, last):
        port = code.choices[choice]
        _leave(ports, port, now)
        if _entry_free(ports, port, now) > now or _is_crowded(ports, port):
            continue
        rank = ports.queued[port] << _CHOICE_BITS
        # Of empty queues the first will do: turns fit no figure better and make many more states of the pipeline.
        if ports.breaks_ties_by_recency and rank > 0:
            rank += ports.chosen[port]
        if rank < best_rank:
            best = port
            best_rank = rank
    return best


@compiled
def _is_crowded(ports: Ports, port: int) -> bool:
    """Whether nothing more can be dispatched to `port` in this cycle."""
    if ports.inputs[port] == _UNLIMITED:
        return False
    crowded: bool = ports.taken[port] >= ports.inputs[port] or ports.dispatched[_TAKEN] >= ports.width
    return crowded


@compiled
def place(ports: Ports, port: int, earliest: int, occupancy: int, result: int) -> int:
    """Queue a micro-operation for `port`, which has a free entry (see `enter`); return the cycle at which it starts.

    That is the first from `earliest` on at which the port is free for `occupancy` cycles and, if the port hands over
    one result a cycle, the one `result` cycles later (0: it has none) is in nobody's way; see `_has_to_wait`.
    """
    start = _earliest_start(ports, port, earliest, occupancy)
    if ports.hands_over_one[port]:
        while _has_to_wait(ports, port, start, result):
            start = _earliest_start(ports, port, start + 1, occupancy)
        if result > 0:
            _delay(ports, port, start, start + result)
    ports.busy[port] += occupancy
    entry = _insert(ports, port, start, start + occupancy)
    ports.ready[port, entry] = earliest
    ports.done[port, entry] = start + result if result > 0 else 0
    return start


@compiled
def _has_to_wait(ports: Ports, port: int, start: int, result: int) -> bool:
    """Whether a micro-operation cannot start at `start`.

    One that started before it has its result in the same cycle, or as many older ones as the port looks at wait then.
    """
    waiting = 0
    for entry in range(ports.queued[port]):
        if ports.start[port, entry] > start:
            waiting += ports.ready[port, entry] <= start
        elif result > 0 and ports.done[port, entry] == start + result:
            return True
    return waiting >= ports.reach


@compiled
def _delay(ports: Ports, port: int, start: int, done: int) -> None:
    """Delay the older micro-operation that has its result at `done` too, as a younger one starts before it at `start`.

    What waits for it has been told the earlier cycle and keeps that: only the turns of the port change.
    """
    for entry in range(ports.queued[port]):
        began = ports.start[port, entry]
        if began > start and ports.done[port, entry] == done:
            occupancy = ports.end[port, entry] - began
            ready = ports.ready[port, entry]
            ports.queued[port] -= 1
            for later in range(entry, ports.queued[port]):
                _move(ports, port, later + 1, later)
            again = _earliest_start(ports, port, began + 1, occupancy)
            while _hands_over(ports, port, done + again - began):
                again = _earliest_start(ports, port, again + 1, occupancy)
            moved = _insert(ports, port, again, again + occupancy)
            ports.ready[port, moved] = ready
            ports.done[port, moved] = done + again - began
            return


@compiled
def _hands_over(ports: Ports, port: int, cycle: int) -> bool:
    """Whether a micro-operation has its result at `cycle`."""
    found = False
    for entry in range(ports.queued[port]):
        found |= ports.done[port, entry] == cycle
    return found


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
    """Take the entries out of the queue that have started long enough before `now`."""
    gone = 0
    count = ports.queued[port]
    while gone < count and ports.start[port, gone] + ports.hold <= now:
        ports.floor[port] = max(ports.floor[port], ports.end[port, gone])
        gone += 1
    if gone > 0:
        for entry in range(gone, count):
            _move(ports, port, entry, entry - gone)
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
def _insert(ports: Ports, port: int, start: int, end: int) -> int:
    """Insert an entry in order; return its place."""
    count = ports.queued[port]
    entry = count
    while entry > 0 and ports.start[port, entry - 1] > start:
        _move(ports, port, entry - 1, entry)
        entry -= 1
    ports.start[port, entry] = start
    ports.end[port, entry] = end
    ports.queued[port] = count + 1
    return entry  # type: ignore[no-any-return]


@compiled
def _move(ports: Ports, port: int, source: int, target: int) -> None:
    ports.start[port, target] = ports.start[port, source]
    ports.end[port, target] = ports.end[port, source]
    if ports.hands_over_one[port]:
        ports.ready[port, target] = ports.ready[port, source]
        ports.done[port, target] = ports.done[port, source]


@compiled
def pack_ports(ports: Ports, base: int, words: IntArray, at: int) -> int:
    """Append what is queued at cycle `base`, when the ports are free, and what was dispatched in that cycle."""
    _advance(ports, base)
    words[at] = ports.dispatched[_TAKEN]
    at += 1
    for port in range(ports.queued.size):
        _leave(ports, port, base)
        words[at] = ports.floor[port] - base if ports.floor[port] > base + 1 else 0
        words[at + 1] = ports.queued[port] * PARTS + ports.carry[port]
        words[at + 2] = _recency(ports, port)
        words[at + 3] = ports.taken[port]
        at += 4
        for entry in range(ports.queued[port]):
            words[at] = ports.start[port, entry] - base
            words[at + 1] = ports.end[port, entry] - base
            at += 2
            if ports.hands_over_one[port]:  # what starts later does so from base + 1 on, and has its result later still
                words[at] = max(ports.ready[port, entry] - base, 1)
                words[at + 1] = max(ports.done[port, entry] - base, 0)
                at += 2
    return at


@compiled
def unpack_ports(ports: Ports, base: int, words: IntArray, at: int) -> int:
    """Restore what `pack_ports` appended."""
    ports.choices[0] = ports.chosen.size
    ports.dispatched[_CLOCK] = base
    ports.dispatched[_TAKEN] = words[at]
    at += 1
    for port in range(ports.queued.size):
        ports.floor[port] = base + words[at]
        ports.queued[port] = words[at + 1] // PARTS
        ports.carry[port] = words[at + 1] % PARTS
        ports.chosen[port] = words[at + 2]
        ports.taken[port] = words[at + 3]
        at += 4
        for entry in range(ports.queued[port]):
            ports.start[port, entry] = base + words[at]
            ports.end[port, entry] = base + words[at + 1]
            at += 2
            if ports.hands_over_one[port]:
                ports.ready[port, entry] = base + words[at]
                ports.done[port, entry] = base + words[at + 1]
                at += 2
    return at

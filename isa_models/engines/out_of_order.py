"""The out-of-order engine: one pass over a trace that places each instruction at its cycles.

Instructions are taken in program order, so an older one always finds its port before a younger one, as in hardware
that issues the oldest ready instruction first. Registers are renamed: only true dependences count.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isa_models.caches import IN_L1, IN_MEMORY, Caches, CacheShape, access
from isa_models.compilation import compiled
from isa_models.core import OutOfOrderCore
from isa_models.engines.accesses import is_split
from isa_models.engines.branches import NO_BRANCH, Predictor, mispredicts
from isa_models.engines.causes import Causes, no_causes, note_cause, root_of
from isa_models.engines.counts import Counts, move_end, record
from isa_models.engines.front_end import FrontEnd, dispatch, end_group, new_front_end, redirect
from isa_models.engines.lowering import OutOfOrderCode, StaticCode
from isa_models.engines.ports import Ports, idle_ports, place, queue_space
from isa_models.engines.registers import Registers, new_registers, operands_ready, write_results
from isa_models.engines.stalls import FIRST_PORT, L1_MISS, L2_MISS, STORE
from isa_models.engines.stores import Stores, forwarded, no_stores, opens_block, remember
from isa_models.engines.window import Window, empty_window, free_at, retire

IntArray = NDArray[np.int64]


class OutOfOrderLimits(NamedTuple):
    """Costs of a core that no unit holds itself, in cycles and bytes: see `core.OutOfOrderCore`."""

    mispredict: int
    learned: int
    forward_latency: int
    store_drain: int
    narrow_store_drain: int
    split_shift: int
    split_latency: int
    window: int


class OutOfOrderState(NamedTuple):
    """The units of the pipeline."""

    front: FrontEnd
    registers: Registers
    ports: Ports
    stores: Stores
    window: Window
    causes: Causes


def limits_of(core: OutOfOrderCore) -> OutOfOrderLimits:
    """Return the numbers of `core` that the compiled loop works with."""
    return OutOfOrderLimits(
        mispredict=core.branches.mispredict,
        learned=core.branches.learned_iterations,
        forward_latency=core.store_forward_latency,
        store_drain=core.store_drain,
        narrow_store_drain=core.narrow_store_drain,
        split_shift=core.split.shift,
        split_latency=core.split.latency,
        window=core.window,
    )


def new_state(core: OutOfOrderCore, counts: Counts) -> OutOfOrderState:
    """Return the pipeline of an idle core, whose ports count their busy cycles in `counts`."""
    return OutOfOrderState(
        front=new_front_end(core.decode_width, core.results_per_cycle, core.fetch_ahead),
        registers=new_registers(),
        ports=idle_ports(core.port_queue, counts.port_busy),
        stores=no_stores(),
        window=empty_window(core.window, core.retire_width),
        causes=no_causes(),
    )


@compiled
def run(
    limits: OutOfOrderLimits,
    code: StaticCode,
    timing: OutOfOrderCode,
    shape: CacheShape,
    caches: Caches,
    predictor: Predictor,
    state: OutOfOrderState,
    index: IntArray,
    address: IntArray,
    counts: Counts,
    first: int,
) -> None:
    """Time the trace `index`, `address`; fills `counts` (timeline from dynamic instruction `first` on)."""
    count = index.size
    for number in range(count):
        static = index[number]
        queue_free = queue_space(state.ports, timing.choices, static, timing.micro_ops[static])
        entered, reason = dispatch(state.front, timing.results[static], free_at(state.window), queue_free)
        ready, culprit, data, dataflow = operands_ready(code, state.registers, static)
        earliest = entered + 1
        if ready > earliest:
            earliest = ready
            reason = culprit
        issue, start, waited_for = _issue(limits, code, timing, state, static, address[number], earliest)
        if waited_for >= 0:
            reason = FIRST_PORT + waited_for
        level = IN_L1
        if code.size[static] > 0:
            start, level, memory_reason = _memory(
                limits, code, shape, caches, state, static, number, address[number], issue, start, data
            )
            if memory_reason >= 0:
                reason = memory_reason
        reason, origin = root_of(state.causes, reason, number, limits.window)
        note_cause(state.causes, code, static, reason, origin)
        complete = start + code.latency[static]
        longest = write_results(code, state.registers, static, issue, start, dataflow, level)
        counts.chain[0] = max(counts.chain[0], longest)
        counts.results[0] += timing.results[static]
        if code.branch[static] != NO_BRANCH and number + 1 < count:
            following = index[number + 1]
            if mispredicts(predictor, code.branch[static], static, following, limits.learned):
                redirect(state.front, complete + limits.mispredict)
                counts.mispredictions[0] += 1
            elif following != static + 1:
                end_group(state.front)
        retired, moved = retire(state.window, complete)
        move_end(counts, static, reason, moved)
        record(counts, number - first, entered, issue, complete, retired)


@compiled
def _issue(
    limits: OutOfOrderLimits,
    code: StaticCode,
    timing: OutOfOrderCode,
    state: OutOfOrderState,
    static: int,
    address: int,
    earliest: int,
) -> tuple[int, int, int]:
    """Find ports for all micro-operations.

    Returns the issue of the first, the cycle from which the latency counts (later than the issue if another
    micro-operation waits longer than it has to), and the port last waited for or -1.
    """
    issue = earliest
    start = earliest
    waited_for = -1
    for number in range(timing.micro_ops[static]):
        occupancy = timing.occupancy[static, number]
        after = timing.after[static, number]
        if number == 0 and code.size[static] > 0:
            occupancy = _memory_occupancy(limits, code, state.stores, static, address, occupancy)
        wanted = issue + after if number > 0 else earliest
        port, cycle = place(state.ports, timing.choices, static, number, wanted, occupancy)
        if number == 0:
            issue = cycle
        if cycle > wanted:
            waited_for = port
        start = max(start, cycle - after)
    return issue, start, waited_for


@compiled
def _memory_occupancy(
    limits: OutOfOrderLimits, code: StaticCode, stores: Stores, static: int, address: int, occupancy: int
) -> int:
    """Return for how long a load or store takes its port."""
    size = code.size[static]
    if is_split(address, size, limits.split_shift):
        occupancy += 1
    if code.is_store[static] and opens_block(stores, address, size):
        drain = limits.narrow_store_drain if size < 4 else limits.store_drain
        occupancy = max(occupancy, drain)
    return occupancy


@compiled
def _memory(
    limits: OutOfOrderLimits,
    code: StaticCode,
    shape: CacheShape,
    caches: Caches,
    state: OutOfOrderState,
    static: int,
    number: int,
    address: int,
    issue: int,
    start: int,
    data: int,
) -> tuple[int, int, int]:
    """Access the caches; return the cycle from which the latency counts, the level of a delay, and its reason or -1."""
    size = code.size[static]
    latency = code.latency[static]
    level, arrival = access(shape, caches, static, address, size, code.is_store[static], issue)
    if code.is_store[static]:
        start = max(start, data)
        remember(state.stores, address, size, number, start)
        return start, IN_L1, -1
    if is_split(address, size, limits.split_shift):
        start += limits.split_latency
    source = forwarded(state.stores, address, size, number, limits.window)
    if source >= 0 and source + limits.forward_latency > start + latency:
        return source + limits.forward_latency - latency, IN_L1, STORE
    if arrival > start + latency:
        return arrival - latency, level, L2_MISS if level == IN_MEMORY else L1_MISS
    return start, IN_L1, -1

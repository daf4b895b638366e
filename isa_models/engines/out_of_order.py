"""The out-of-order engine: places each instruction of a segment at its cycles.

Instructions are taken in program order, so an older one always finds its port before a younger one, as in hardware
that issues the oldest ready instruction first. Registers are renamed: only true dependences count.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isa_models.caches import IN_L1, IN_MEMORY
from isa_models.compilation import compiled
from isa_models.core import OutOfOrderCore
from isa_models.engines.branches import CONDITIONAL, NO_BRANCH
from isa_models.engines.counts import Charges, Counts, move_end, record
from isa_models.engines.events import MISALIGNED, OPENS_BLOCK, SPLIT, Events
from isa_models.engines.fills import Fills, new_fills, pack_fills, unpack_fills
from isa_models.engines.front_end import (
    FrontEnd,
    arrive,
    current_cycle,
    end_group,
    new_front_end,
    note_dispatched,
    pack_front_end,
    redirect,
    unpack_front_end,
)
from isa_models.engines.line_arrivals import lines_here
from isa_models.engines.lowering import NO_PREFETCH, StaticCode
from isa_models.engines.lowering_out_of_order import OutOfOrderCode
from isa_models.engines.parts import parts_of, whole_cycles
from isa_models.engines.ports import (
    Ports,
    enter,
    idle_ports,
    pack_ports,
    place,
    unpack_ports,
)
from isa_models.engines.registers import (
    Registers,
    new_registers,
    operands_ready,
    pack_registers,
    root_of,
    unpack_registers,
    write_back,
    write_results,
)
from isa_models.engines.stalls import FIRST_PORT, L1_MISS, L2_MISS, STORE
from isa_models.engines.stores import (
    REMEMBERED,
    Forwarding,
    StoreData,
    forwarded,
    forwarding_of,
    new_store_data,
    note_data,
    note_retired,
    pack_stores,
    unpack_stores,
)
from isa_models.engines.window import Window, empty_window, free_at, pack_window, retire, unpack_window
from isa_models.operand_syntax import REGISTER_COUNT

IntArray = NDArray[np.int64]


class OutOfOrderLimits(NamedTuple):
    """Costs of a core that no unit holds itself, in cycles. See `core.OutOfOrderCore`.

    Those of ports, `store_drain` to `store_split_occupancy`, are in parts of a cycle, see `parts`.
    """

    mispredict: int
    store_drain: int
    narrow_store_drain: int
    split_occupancy: int
    store_split_occupancy: int
    split_latency: int
    window: int


class OutOfOrderPipeline(NamedTuple):
    """The units of the pipeline, and the code that it runs."""

    limits: OutOfOrderLimits
    code: StaticCode
    timing: OutOfOrderCode
    front: FrontEnd
    registers: Registers
    ports: Ports
    stores: StoreData
    forwarding: Forwarding
    fills: Fills
    window: Window


def new_pipeline(core: OutOfOrderCore, code: StaticCode, timing: OutOfOrderCode, counts: Counts) -> OutOfOrderPipeline:
    """Return the pipeline of an idle core, whose ports count their busy cycles in `counts`."""
    return OutOfOrderPipeline(
        limits=OutOfOrderLimits(
            mispredict=core.branches.mispredict,
            store_drain=parts_of(core.store_drain),
            narrow_store_drain=parts_of(core.narrow_store_drain),
            split_occupancy=parts_of(core.split.occupancy),
            store_split_occupancy=parts_of((core.store_split or core.split).occupancy),
            split_latency=core.split.latency,
            window=core.window,
        ),
        code=code,
        timing=timing,
        front=new_front_end(core),
        registers=new_registers(),
        ports=idle_ports(core, timing, counts.port_busy),
        stores=new_store_data(),
        forwarding=forwarding_of(core, timing),
        fills=new_fills(core),
        window=empty_window(core.window, core.retire_width),
    )


@compiled
def advance(
    pipeline: OutOfOrderPipeline,
    first: int,
    length: int,
    number: int,
    events: Events,
    fetched: int,
    mispredicted: int,
    target: int,
    counts: Counts,
    charges: Charges,
) -> None:
    """Time a segment: see `pipelines.advance`."""
    code = pipeline.code
    base = current_cycle(pipeline.front)
    access = 0
    before = fetched
    for row in range(first, first + length):
        arrived, reason = arrive(pipeline.front, pipeline.timing, row, free_at(pipeline.window))
        ready, culprit, data = operands_ready(code, pipeline.registers, row)
        what = events.what[access] if code.size[row] > 0 else 0
        begun, entered, issue, start, reason = _issue(pipeline, row, what, arrived, reason, ready, culprit)
        note_dispatched(pipeline.front, entered)
        reason, origin = root_of(pipeline.registers, reason, number, pipeline.limits.window)
        level = IN_L1
        issue_reason, issue_origin = reason, origin
        if code.size[row] > 0:
            start, level, memory_reason, fetched = _memory(
                pipeline, row, events, access, before, fetched, base, issue, start, data
            )
            access += 1
            if memory_reason >= 0:
                reason, origin = memory_reason, number
        complete = start + code.latency[row]
        if code.is_atomic[row]:
            note_data(pipeline.stores, row, complete)
        write_results(code, pipeline.registers, row, start, level, reason, origin)
        if code.base[row] >= 0:
            write_back(code, pipeline.registers, row, issue, issue_reason, issue_origin)
        if code.branch[row] != NO_BRANCH:
            if mispredicted & 1:
                redirect(pipeline.front, complete + pipeline.limits.mispredict)
                counts.mispredictions[0] += 1
            elif code.branch[row] != CONDITIONAL or (target >= 0 and row == first + length - 1):
                end_group(pipeline.front)
            mispredicted >>= 1
        retired, moved = retire(pipeline.window, complete)
        note_retired(pipeline.stores, code.is_store[row] or code.is_atomic[row], retired)
        move_end(counts, charges, row, reason, moved)
        record(counts, number, begun, issue, complete, retired)
        number += 1


@compiled
def _issue(
    pipeline: OutOfOrderPipeline, row: int, what: int, arrived: int, reason: int, ready: int, culprit: int
) -> tuple[int, int, int, int, int]:
    """Dispatch all micro-operations from `arrived` on and issue them, the first of them from `ready` on.

    `reason`, `culprit`: what set `arrived` and `ready`. Returns the cycles of dispatch of the first and of the last,
    the issue of the first, the cycle from which the latency counts (later than the issue if another micro-operation
    waits longer than it has to), and what was waited for last.
    """
    code = pipeline.timing
    ports = pipeline.ports
    begun = entered = arrived
    issue = max(arrived + 1, ready)
    start = issue
    waited_for = -1
    first = code.micro_op_before[row]
    for micro_op in range(first, code.micro_op_before[row + 1]):
        parts = code.occupancy[micro_op]
        if micro_op == first and pipeline.code.size[row] > 0:
            parts = _memory_occupancy(pipeline, row, what, parts)
        entered, port, reason = enter(ports, code, micro_op, entered, reason)
        wanted = ready
        if micro_op != first:
            wanted = ports.begun[code.behind[micro_op]] + code.after[micro_op]
        wanted = max(wanted, entered + 1)
        cycle = place(ports, port, wanted, whole_cycles(ports.carry, port, parts), code.result[micro_op])
        ports.begun[micro_op - first] = cycle
        if micro_op == first:
            begun = entered
            issue = cycle
            start = cycle
        if cycle > wanted:
            waited_for = port
        start = max(start, cycle - code.depth[micro_op])
    if ready > entered + 1:
        reason = culprit
    if waited_for >= 0:
        reason = FIRST_PORT + waited_for
    return begun, entered, issue, start, reason


@compiled
def _memory_occupancy(pipeline: OutOfOrderPipeline, row: int, what: int, occupancy: int) -> int:
    """Return for how long a load or store takes its port, in parts of cycles."""
    limits = pipeline.limits
    if not pipeline.code.is_store[row]:
        longer = limits.split_occupancy if what & SPLIT else 0
        if what & MISALIGNED:
            longer = max(longer, pipeline.timing.misaligned_occupancy[row])
        return occupancy + longer
    if what & SPLIT:
        occupancy += limits.store_split_occupancy
    if what & OPENS_BLOCK:
        is_narrow = pipeline.code.size[row] < 4
        occupancy = max(occupancy, limits.narrow_store_drain if is_narrow else limits.store_drain)
    return occupancy


@compiled
def _memory(
    pipeline: OutOfOrderPipeline,
    row: int,
    events: Events,
    access: int,
    before: int,
    fetched: int,
    base: int,
    issue: int,
    start: int,
    data: int,
) -> tuple[int, int, int, int]:
    """Access memory; return from when the latency counts, level and reason (or -1) of a delay, lines fetched so far.

    A prefetch waits for no line.
    """
    latency = pipeline.code.latency[row]
    arrival, level, fetched = lines_here(pipeline.fills, events, access, before, fetched, base, issue)
    if pipeline.code.is_store[row]:
        start = max(start, data)
        note_data(pipeline.stores, row, start)
        return start, IN_L1, -1, fetched
    start += _misalignment(pipeline, row, events.what[access])
    if events.sources[access] != 0:
        result = forwarded(
            pipeline.stores, pipeline.forwarding, pipeline.timing, events.sources[access], start + latency
        )
        if result > start + latency:
            return result - latency, IN_L1, STORE, fetched
    if arrival > start + latency and pipeline.code.prefetch[row] == NO_PREFETCH:
        return arrival - latency, level, L2_MISS if level == IN_MEMORY else L1_MISS, fetched
    return start, IN_L1, -1, fetched


@compiled
def _misalignment(pipeline: OutOfOrderPipeline, row: int, what: int) -> int:
    """Return how much later the results of a load come because of its address."""
    latency = pipeline.limits.split_latency if what & SPLIT else 0
    if what & MISALIGNED:
        latency = max(latency, pipeline.timing.misaligned_latency[row])
    return latency


@compiled
def pack(pipeline: OutOfOrderPipeline, number: int, words: IntArray) -> int:
    """Write what can still influence the future: see `pipelines.pack`."""
    base = current_cycle(pipeline.front)
    horizon = base - pipeline.forwarding.horizon
    at = pack_front_end(pipeline.front, words, 0)
    at = pack_registers(pipeline.registers, base, number, pipeline.limits.window, words, at)
    at = pack_ports(pipeline.ports, base, words, at)
    at = pack_stores(pipeline.stores, base, horizon, words, at)
    at = pack_fills(pipeline.fills, base, words, at)
    return pack_window(pipeline.window, base, words, at)


@compiled
def unpack(pipeline: OutOfOrderPipeline, number: int, base: int, words: IntArray, at: int) -> None:
    """Restore what `pack` wrote: see `pipelines.unpack`."""
    horizon = base - pipeline.forwarding.horizon
    at = unpack_front_end(pipeline.front, base, words, at)
    at = unpack_registers(pipeline.registers, base, number, words, at)
    at = unpack_ports(pipeline.ports, base, words, at)
    at = unpack_stores(pipeline.stores, base, horizon, words, at)
    at = unpack_fills(pipeline.fills, base, words, at)
    unpack_window(pipeline.window, base, words, at)


@compiled
def clock(pipeline: OutOfOrderPipeline) -> int:
    """Return the cycle of dispatch: see `pipelines.clock`."""
    return current_cycle(pipeline.front)


def largest_state(core: OutOfOrderCore) -> int:
    """Return how many words `pack` writes at most."""
    queues = len(core.ports) * (5 + 4 * (core.port_queue + core.queue_hold)) + 1
    return 20 + 7 * REGISTER_COUNT + queues + 4 * REMEMBERED + core.l1.outstanding + core.window + 16

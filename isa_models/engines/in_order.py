"""The in-order engine: instructions issue in pairs where the core's rules allow it, and wait at issue for operands.

Advanced SIMD operations leave issue into a queue and start when their operands and lanes are there; everything else
starts at issue or, where its class says so, up to `late` cycles behind it. A load waits at issue until the stores
before it can be read.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isa_models.caches import IN_L1, IN_MEMORY
from isa_models.compilation import compiled
from isa_models.core import InOrderCore
from isa_models.engines.branches import CONDITIONAL, NO_BRANCH
from isa_models.engines.counts import Charges, Counts, move_end, record
from isa_models.engines.events import SPLIT, Events
from isa_models.engines.fetch import (
    Fetch,
    fetch,
    follow_branch,
    leave_queue,
    new_fetch,
    pack_fetch,
    restart,
    unpack_fetch,
)
from isa_models.engines.fills import Fills, fill_start, new_fills, pack_fills, unpack_fills
from isa_models.engines.lanes import (
    LANE_COUNT,
    Lanes,
    idle_lanes,
    pack_lanes,
    soonest_entry,
    start_in_lanes,
    unpack_lanes,
)
from isa_models.engines.line_arrivals import lines_here
from isa_models.engines.lowering import NO_PREFETCH, STORE_DATA, StaticCode
from isa_models.engines.lowering_in_order import ISSUE_SLOTS, MAX_ADDRESS_REGISTERS, SLOT_ALONE, UNITS, InOrderCode
from isa_models.engines.packing import pack_cycle, unpack_cycle
from isa_models.engines.pairing import (
    IssueStage,
    current_issue,
    earliest_issue,
    end_pair,
    new_issue_stage,
    pack_stage,
    resume_at,
    take_slot,
    unpack_stage,
)
from isa_models.engines.recent_stores import (
    RecentStores,
    no_recent_stores,
    note_store,
    pack_recent_stores,
    readable_from,
    unpack_recent_stores,
)
from isa_models.engines.registers import (
    Registers,
    new_registers,
    operands_ready,
    pack_registers,
    unpack_registers,
    write_back,
    write_results,
)
from isa_models.engines.stalls import FIRST_PORT, FRONT_END, L1_MISS, L2_MISS, QUEUE, STORE
from isa_models.engines.stores import RECENT
from isa_models.operand_syntax import FIRST_VECTOR, REGISTER_COUNT

IntArray = NDArray[np.int64]

_ALU = UNITS.index("alu")
_NEON = UNITS.index("neon")


class InOrderLimits(NamedTuple):
    """Costs of a core that no unit holds itself, in cycles: see `core.InOrderCore`.

    `store_slack`: for how long the arrival of store data can matter afterwards.
    """

    address_early: int
    store_data_late: int
    mispredict: int
    store_slack: int


class InOrderPipeline(NamedTuple):
    """The units of the pipeline, and the code that it runs.

    `address_ready`: cycle from which each general register can form an address; `unit_free`: first free cycle of each
    unit; `end`: (2,) last cycle of issue, and of completion.
    """

    limits: InOrderLimits
    code: StaticCode
    timing: InOrderCode
    fetch: Fetch
    stage: IssueStage
    registers: Registers
    address_ready: IntArray
    lanes: Lanes
    unit_free: IntArray
    stores: RecentStores
    fills: Fills
    end: IntArray


def new_pipeline(core: InOrderCore, code: StaticCode, timing: InOrderCode) -> InOrderPipeline:
    """Return the pipeline of an idle core."""
    return InOrderPipeline(
        limits=InOrderLimits(
            address_early=core.address_early,
            store_data_late=core.store_data_late,
            mispredict=core.branches.mispredict,
            store_slack=max(core.store_data_late, *(entry.latency for entry in core.classes.values())),
        ),
        code=code,
        timing=timing,
        fetch=new_fetch(core.fetch.width, core.fetch.queue, core.fetch.keeps_target),
        stage=new_issue_stage(core.width),
        registers=new_registers(),
        address_ready=np.zeros(FIRST_VECTOR, dtype=np.int64),
        lanes=idle_lanes(core.neon_queue),
        unit_free=np.zeros(len(UNITS), dtype=np.int64),
        stores=no_recent_stores(),
        fills=new_fills(core),
        end=np.zeros(2, dtype=np.int64),
    )


def largest_state(core: InOrderCore) -> int:
    """Return how many words `pack` writes at most."""
    lanes = 2 * core.neon_queue + LANE_COUNT + 1
    units = len(UNITS) + FIRST_VECTOR + 3 * RECENT + core.fetch.queue + core.l1.outstanding
    return 7 * REGISTER_COUNT + lanes + units + 32


@compiled
def advance(
    pipeline: InOrderPipeline,
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
    timing = pipeline.timing
    base = current_issue(pipeline.stage)
    before = fetched
    access = 0
    for row in range(first, first + length):
        ready, culprit, data = _operands_ready(pipeline, row)
        issue, start, reason = _start(pipeline, row, ready, culprit)
        held = timing.issue[row]
        level = IN_L1
        effect = start
        if code.size[row] > 0:
            issue, start, reason = _wait_for_stores(pipeline, row, events.sources[access], issue, start, reason)
            held += events.what[access] & SPLIT
            effect, level, fetched = _memory(pipeline, row, events, access, before, fetched, base, issue, start, data)
            access += 1
        leave_queue(pipeline.fetch, issue)
        take_slot(pipeline.stage, timing, row, issue, held)
        _take_unit(pipeline, row, issue, held, level, counts)
        write_results(code, pipeline.registers, row, effect, level, reason, number)
        if code.base[row] >= 0:
            write_back(code, pipeline.registers, row, issue, reason, number)
        _write_addresses(pipeline, row)
        if code.branch[row] != NO_BRANCH:
            is_taken = target >= 0 and row == first + length - 1
            following = target if is_taken else min(row + 1, code.branch.size - 1)
            _branch(pipeline, row, start, following, is_taken, mispredicted & 1 == 1, counts)
            mispredicted >>= 1
        end = start + 1 if timing.unit[row] == _NEON else issue + held
        moved = max(end - pipeline.end[0], 0)
        pipeline.end[0] += moved
        move_end(counts, charges, row, _miss_or(pipeline.registers, reason), moved)
        complete = effect + code.latency[row]
        if code.is_atomic[row]:
            note_store(pipeline.stores, issue, 0, complete)
        pipeline.end[1] = max(pipeline.end[1], complete, pipeline.end[0])
        record(counts, number, issue, start, complete, pipeline.end[1])
        number += 1


@compiled
def _operands_ready(pipeline: InOrderPipeline, row: int) -> tuple[int, int, int]:
    """Return when an instruction can start, which register sets that, and when the data of a store are there."""
    code = pipeline.code
    registers = pipeline.registers
    ready, culprit, data = operands_ready(code, registers, row)
    if data - pipeline.limits.store_data_late > ready:
        ready = data - pipeline.limits.store_data_late
        for column in range(code.read_count[row]):
            if code.read_use[row, column] == STORE_DATA and registers.ready[code.reads[row, column]] == data:
                culprit = code.reads[row, column]
    for column in range(MAX_ADDRESS_REGISTERS):
        register = pipeline.timing.address[row, column]
        if register >= 0 and pipeline.address_ready[register] > ready:
            ready = pipeline.address_ready[register]
            culprit = register
    return ready, culprit, data


@compiled
def _write_addresses(pipeline: InOrderPipeline, row: int) -> None:
    """Note from when on the general registers that an instruction wrote can form addresses."""
    for column in range(pipeline.code.write_count[row]):
        register = pipeline.code.writes[row, column]
        if register < FIRST_VECTOR:
            early = 0 if register == pipeline.code.base[row] else pipeline.limits.address_early
            pipeline.address_ready[register] = pipeline.registers.ready[register] + early


@compiled
def _start(pipeline: InOrderPipeline, row: int, ready: int, culprit: int) -> tuple[int, int, int]:
    """Return the cycles of issue and start of an instruction whose operands are there at `ready`, and what set them."""
    timing = pipeline.timing
    issue, reason = earliest_issue(pipeline.stage, timing, row)
    fetched = fetch(pipeline.fetch)
    if fetched > issue:
        issue = fetched
        reason = FRONT_END
    unit = timing.unit[row]
    if unit == _NEON:
        entry = soonest_entry(pipeline.lanes)
        if pipeline.lanes.queue[entry] > issue:
            issue = pipeline.lanes.queue[entry]
            reason = QUEUE
        wanted = max(issue, ready)
        if wanted > issue:
            reason = culprit
        start = start_in_lanes(pipeline.lanes, entry, wanted, timing.lanes[row], timing.busy[row])
        return issue, start, FIRST_PORT + unit if start > wanted else reason
    if ready - timing.late[row] > issue:
        issue = ready - timing.late[row]
        reason = culprit
    if unit != _ALU and pipeline.unit_free[unit] > issue:
        issue = pipeline.unit_free[unit]
        reason = FIRST_PORT + unit
    return issue, max(issue, ready), reason


@compiled
def _wait_for_stores(
    pipeline: InOrderPipeline, row: int, beats: int, issue: int, start: int, reason: int
) -> tuple[int, int, int]:
    """Hold a load at issue until the stores that it overlaps can be read."""
    if pipeline.code.is_store[row]:
        return issue, start, reason
    readable = readable_from(pipeline.stores, beats, issue)
    if readable > issue:
        return readable, max(readable, start), STORE
    return issue, start, reason


@compiled
def _memory(
    pipeline: InOrderPipeline,
    row: int,
    events: Events,
    access: int,
    before: int,
    fetched: int,
    base: int,
    issue: int,
    start: int,
    data: int,
) -> tuple[int, int, int]:
    """Access memory; return from when the latency counts, the level that delayed it, and the lines fetched so far.

    A prefetch waits for no line, but for a buffer that takes it, as a load does.
    """
    timing = pipeline.timing
    latency = pipeline.code.latency[row]
    arrival, level, fetched = lines_here(pipeline.fills, events, access, before, fetched, base, issue)
    if pipeline.code.is_store[row]:
        note_store(pipeline.stores, issue + timing.forward[row], timing.forward_step[row], data + latency)
        return start, IN_L1, fetched
    if events.what[access] & SPLIT:
        start += timing.split[row]
    if arrival > start + latency:
        return start if pipeline.code.prefetch[row] != NO_PREFETCH else arrival - latency, level, fetched
    return start, IN_L1, fetched


@compiled
def _take_unit(pipeline: InOrderPipeline, row: int, issue: int, held: int, level: int, counts: Counts) -> None:
    """Keep the unit busy; a miss keeps it until a fill buffer is free."""
    timing = pipeline.timing
    unit = timing.unit[row]
    taken = max(held, timing.busy[row])
    pipeline.unit_free[unit] = max(issue + taken, fill_start(pipeline.fills) if level != IN_L1 else 0)
    counts.port_busy[unit] += taken * (timing.lanes[row] if unit == _NEON else 1)
    is_alone = held > 1 or timing.slot[row] == SLOT_ALONE
    counts.port_busy[ISSUE_SLOTS] += held * pipeline.stage.width if is_alone else 1


@compiled
def _branch(
    pipeline: InOrderPipeline,
    row: int,
    start: int,
    following: int,
    is_taken: bool,
    is_mispredicted: bool,
    counts: Counts,
) -> None:
    """Go on at row `following` behind a branch."""
    timing = pipeline.timing
    if is_mispredicted:
        resume_at(pipeline.stage, start + pipeline.limits.mispredict)
        restart(pipeline.fetch, timing, following, start + pipeline.limits.mispredict)
        counts.mispredictions[0] += 1
    elif is_taken or pipeline.code.branch[row] != CONDITIONAL:
        end_pair(pipeline.stage)
        follow_branch(pipeline.fetch, timing, row, following)


@compiled
def _miss_or(registers: Registers, reason: int) -> int:
    """Return the cache miss behind a dependence on a loaded register, or `reason` itself."""
    if reason < 0 or reason >= REGISTER_COUNT or registers.level[reason] == IN_L1:
        return reason
    return L2_MISS if registers.level[reason] == IN_MEMORY else L1_MISS


@compiled
def pack(pipeline: InOrderPipeline, number: int, words: IntArray) -> int:
    """Write what can still influence the future: see `pipelines.pack`."""
    base = current_issue(pipeline.stage)
    at = pack_stage(pipeline.stage, words, 0)
    at = pack_fetch(pipeline.fetch, base, words, at)
    at = pack_registers(pipeline.registers, base - pipeline.limits.store_slack, number, 0, words, at)
    at = pack_lanes(pipeline.lanes, base, words, at)
    at = pack_recent_stores(pipeline.stores, base, words, at)
    at = pack_fills(pipeline.fills, base, words, at)
    for unit in range(pipeline.unit_free.size):
        at = pack_cycle(words, at, pipeline.unit_free[unit], base)
    for register in range(FIRST_VECTOR):
        at = pack_cycle(words, at, pipeline.address_ready[register], base)
    words[at] = pipeline.end[0] - base
    return pack_cycle(words, at + 1, pipeline.end[1], base)


@compiled
def unpack(pipeline: InOrderPipeline, number: int, base: int, words: IntArray, at: int) -> None:
    """Restore what `pack` wrote: see `pipelines.unpack`."""
    at = unpack_stage(pipeline.stage, base, words, at)
    at = unpack_fetch(pipeline.fetch, base, words, at)
    at = unpack_registers(pipeline.registers, base - pipeline.limits.store_slack, number, words, at)
    at = unpack_lanes(pipeline.lanes, base, words, at)
    at = unpack_recent_stores(pipeline.stores, base, words, at)
    at = unpack_fills(pipeline.fills, base, words, at)
    for unit in range(pipeline.unit_free.size):
        pipeline.unit_free[unit] = unpack_cycle(words, at + unit, base)
    at += pipeline.unit_free.size
    for register in range(FIRST_VECTOR):
        pipeline.address_ready[register] = unpack_cycle(words, at + register, base)
    at += FIRST_VECTOR
    pipeline.end[0] = base + words[at]
    pipeline.end[1] = unpack_cycle(words, at + 1, base)


@compiled
def clock(pipeline: InOrderPipeline) -> int:
    """Return the cycle of issue: see `pipelines.clock`."""
    return current_issue(pipeline.stage)

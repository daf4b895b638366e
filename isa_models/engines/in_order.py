"""The in-order engine: instructions issue in pairs where the core's rules allow it, and wait at issue for operands.

Advanced SIMD operations leave issue into a queue and start when their operands and lanes are there; everything else
starts at issue or, where its class says so, up to `late` cycles behind it.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isa_models.caches import IN_L1, IN_MEMORY, Caches, CacheShape, access, fill_start
from isa_models.compilation import compiled
from isa_models.core import InOrderCore
from isa_models.engines.accesses import is_split
from isa_models.engines.branches import NO_BRANCH, Predictor, mispredicts
from isa_models.engines.counts import Counts, move_end, record
from isa_models.engines.lanes import Lanes, idle_lanes, soonest_entry, start_in_lanes
from isa_models.engines.lowering import SLOT_ALONE, UNITS, InOrderCode, StaticCode
from isa_models.engines.pairing import (
    IssueStage,
    earliest_issue,
    end_pair,
    new_issue_stage,
    resume_at,
    take_slot,
)
from isa_models.engines.registers import Registers, new_registers, operands_ready, write_results
from isa_models.engines.stalls import FIRST_PORT, L1_MISS, L2_MISS, QUEUE
from isa_models.operand_syntax import REGISTER_COUNT

IntArray = NDArray[np.int64]

_ALU = UNITS.index("alu")
_NEON = UNITS.index("neon")


class InOrderLimits(NamedTuple):
    """Costs of a core that no unit holds itself, in cycles and bytes: see `core.InOrderCore`."""

    store_data_late: int
    mispredict: int
    learned: int
    split_shift: int
    split_latency: int


class InOrderState(NamedTuple):
    """The units of the pipeline.

    `unit_free`: first free cycle of each unit; `end`: (2,) last cycle of issue, and of completion.
    """

    stage: IssueStage
    registers: Registers
    lanes: Lanes
    unit_free: IntArray
    end: IntArray


def limits_of(core: InOrderCore) -> InOrderLimits:
    """Return the numbers of `core` that the compiled loop works with."""
    return InOrderLimits(
        store_data_late=core.store_data_late,
        mispredict=core.branches.mispredict,
        learned=core.branches.learned_iterations,
        split_shift=core.split.shift,
        split_latency=core.split.latency,
    )


def new_state(core: InOrderCore) -> InOrderState:
    """Return the pipeline of an idle core."""
    return InOrderState(
        stage=new_issue_stage(core.width),
        registers=new_registers(),
        lanes=idle_lanes(core.neon_queue),
        unit_free=np.zeros(len(UNITS), dtype=np.int64),
        end=np.zeros(2, dtype=np.int64),
    )


@compiled
def run(
    limits: InOrderLimits,
    code: StaticCode,
    timing: InOrderCode,
    shape: CacheShape,
    caches: Caches,
    predictor: Predictor,
    state: InOrderState,
    index: IntArray,
    address: IntArray,
    counts: Counts,
    first: int,
) -> None:
    """Time the trace `index`, `address`; fills `counts` (timeline from dynamic instruction `first` on)."""
    count = index.size
    for number in range(count):
        static = index[number]
        ready, culprit, data, dataflow = operands_ready(code, state.registers, static)
        if data - limits.store_data_late > ready:
            ready = data - limits.store_data_late
        issue, start, reason = _start(timing, state, static, ready, culprit)
        held = timing.issue[static]
        level = IN_L1
        effect = start
        if code.size[static] > 0:
            is_split_access = is_split(address[number], code.size[static], limits.split_shift)
            held += is_split_access
            effect, level = _memory(limits, code, shape, caches, static, address[number], issue, start, is_split_access)
        take_slot(state.stage, timing, static, issue, held)
        taken = max(held, timing.busy[static])
        state.unit_free[timing.unit[static]] = max(issue + taken, fill_start(caches) if level != IN_L1 else 0)
        counts.port_busy[timing.unit[static]] += taken * (timing.lanes[static] if timing.unit[static] == _NEON else 1)
        is_alone = held > 1 or timing.slot[static] == SLOT_ALONE
        counts.results[0] += held * state.stage.width if is_alone else 1
        longest = write_results(code, state.registers, static, issue, effect, dataflow, level)
        counts.chain[0] = max(counts.chain[0], longest)
        if code.branch[static] != NO_BRANCH and number + 1 < count:
            following = index[number + 1]
            if mispredicts(predictor, code.branch[static], static, following, limits.learned):
                resume_at(state.stage, start + limits.mispredict)
                counts.mispredictions[0] += 1
            elif following != static + 1:
                end_pair(state.stage)
        end = start + 1 if timing.unit[static] == _NEON else issue + held
        moved = max(end - state.end[0], 0)
        state.end[0] += moved
        move_end(counts, static, _miss_or(state.registers, reason), moved)
        complete = effect + code.latency[static]
        state.end[1] = max(state.end[1], complete, state.end[0])
        record(counts, number - first, issue, start, complete, state.end[1])


@compiled
def _start(timing: InOrderCode, state: InOrderState, static: int, ready: int, culprit: int) -> tuple[int, int, int]:
    """Return the cycles of issue and start of an instruction whose operands are there at `ready`, and what set them."""
    issue, reason = earliest_issue(state.stage, timing, static)
    unit = timing.unit[static]
    if unit == _NEON:
        entry = soonest_entry(state.lanes)
        if state.lanes.queue[entry] > issue:
            issue = state.lanes.queue[entry]
            reason = QUEUE
        wanted = max(issue, ready)
        if wanted > issue:
            reason = culprit
        start = start_in_lanes(state.lanes, entry, wanted, timing.lanes[static], timing.busy[static])
        return issue, start, FIRST_PORT + unit if start > wanted else reason
    if ready - timing.late[static] > issue:
        issue = ready - timing.late[static]
        reason = culprit
    if unit != _ALU and state.unit_free[unit] > issue:
        issue = state.unit_free[unit]
        reason = FIRST_PORT + unit
    return issue, max(issue, ready), reason


@compiled
def _memory(
    limits: InOrderLimits,
    code: StaticCode,
    shape: CacheShape,
    caches: Caches,
    static: int,
    address: int,
    issue: int,
    start: int,
    is_split_access: bool,
) -> tuple[int, int]:
    """Access the caches; return the cycle from which the latency counts, and the level that delayed it."""
    level, arrival = access(shape, caches, static, address, code.size[static], code.is_store[static], issue)
    if code.is_store[static]:
        return start, IN_L1
    if is_split_access:
        start += limits.split_latency
    latency = code.latency[static]
    if arrival > start + latency:
        return arrival - latency, level
    return start, IN_L1


@compiled
def _miss_or(registers: Registers, reason: int) -> int:
    """Return the cache miss behind a dependence on a loaded register, or `reason` itself."""
    if reason < 0 or reason >= REGISTER_COUNT or registers.level[reason] == IN_L1:
        return reason
    return L2_MISS if registers.level[reason] == IN_MEMORY else L1_MISS

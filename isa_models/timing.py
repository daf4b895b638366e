"""Time traces on a core: the seam between core descriptions, engines and results."""

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isa_models.caches import cache_shape, empty_caches, hits_and_misses, settle
from isa_models.core import Core, InOrderCore
from isa_models.engines import in_order, out_of_order
from isa_models.engines.branches import new_predictor
from isa_models.engines.counts import Counts, new_counts
from isa_models.engines.dataflow import longest_chain
from isa_models.engines.events import Order, new_order
from isa_models.engines.lanes import LANE_COUNT
from isa_models.engines.lowering import StaticCode
from isa_models.engines.lowering_in_order import UNITS, InOrderCode, InOrderLowering
from isa_models.engines.lowering_out_of_order import OutOfOrderCode, OutOfOrderLowering
from isa_models.engines.pipelines import Pipeline
from isa_models.engines.run import new_scratch, run
from isa_models.engines.segments import Segments, split
from isa_models.engines.stalls import reason_name
from isa_models.engines.warm import warm
from isa_models.errors import InputError
from isa_models.operand_syntax import REGISTER_COUNT
from isa_models.operands import register_name
from isa_models.port_bounds import dispatched, port_bounds
from isa_models.simulation import Bound, Hotspot, Simulation, TimelineEntry
from isa_models.trace import Trace

IntArray = NDArray[np.int64]
Lowering = InOrderLowering | OutOfOrderLowering

_TARGETS_KEPT = 16
_TOTALS_KEPT = 1 << 14


class _Target(NamedTuple):
    """A core, what lowers instructions for it, and the totals of traces on it by their content."""

    core: Core
    lowering: Lowering
    totals: dict[bytes, Simulation]


_targets: list[_Target] = []


def time_trace(
    trace: Trace, core: Core, warmup: int = 1, timeline: tuple[int, int] | None = None, reuse: bool = True
) -> Simulation:
    """Time `trace` on `core`.

    `warmup`: how many times the trace passes through caches and branch predictor before the timed pass; 0 starts cold.
    `timeline`: first and last + 1 dynamic instruction whose stages are recorded. `reuse`: whether to reuse what a piece
    of code did to the same state of the pipeline before, which changes nothing but the time that it takes.
    Raises UnsupportedInstructionError for an instruction without operand description, InputError for one without
    timing on this core, for an empty trace or a window outside of it.
    """
    window = _timeline_window(trace, timeline)
    executed = _executed(trace, core)
    done = _run(trace, core, executed, window, warmup, reuse)
    details = _Details(
        _hotspots(trace, executed, done, port_names(core)), None if timeline is None else _timeline(trace, done.counts)
    )
    return _simulation(trace, core, executed, done, details)


def time_totals(trace: Trace, core: Core) -> Simulation:
    """Return what `time_trace` does, of the bounds the largest alone and no hotspots; raises as that.

    All that the engines read of a trace is the digest of `_content`, so totals are remembered by it: kernels that
    differ in constants alone share them.
    """
    executed = _executed(trace, core)
    known = _target(core).totals
    content = _content(trace, executed)
    if content not in known:
        done = _run(trace, core, executed, (0, 0), 1, reuse=True)
        totals = _simulation(trace, core, executed, done, _Details())
        known[content] = replace(totals, bounds=totals.bounds[:1])
        if len(known) > _TOTALS_KEPT:
            del known[next(iter(known))]
    return known[content]


class _Executed(NamedTuple):
    """The instructions that a trace executes.

    `rows`: their indices in the program, ascending; `executions`: of each; `numbers`: of their lowered rows;
    `addresses`: of each.
    """

    rows: NDArray[np.intp]
    executions: IntArray
    numbers: IntArray
    addresses: IntArray


class _Run(NamedTuple):
    """What the engine runs over and writes to."""

    code: StaticCode
    timing: InOrderCode | OutOfOrderCode
    segments: Segments
    order: Order
    pipeline: Pipeline
    state_words: int
    counts: Counts


def port_names(core: Core) -> tuple[str, ...]:
    """Names of the ports (out of order) or units (in order) of a core, in the order of `Simulation.ports`."""
    return UNITS if isinstance(core, InOrderCore) else core.ports


@lru_cache(maxsize=1)
def timing_digest() -> str:
    """Content hash, hexadecimal, of everything that a time depends on besides the core: operand table and engines."""
    folder = Path(__file__).parent
    names = (
        "addressing.py",
        "operand_syntax.py",
        "operand_table.py",
        "operands.py",
        "isa_features.py",
        "class_table.py",
        "instruction_class.py",
        "core.py",
        "caches.py",
        "compilation.py",
        "port_bounds.py",
        "program.py",
        "timing.py",
        "trace.py",
    )
    paths = [folder / name for name in names] + sorted((folder / "engines").glob("*.py"))
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _timeline_window(trace: Trace, timeline: tuple[int, int] | None) -> tuple[int, int]:
    if timeline is None:
        return 0, 0
    first, last = timeline
    if not 0 <= first <= last <= len(trace):
        raise InputError(f"timeline ({first}, {last}) is no window of a trace of {len(trace)} instructions")
    return first, last


def _executed(trace: Trace, core: Core) -> _Executed:
    if trace.first.size == 0:
        raise InputError("the trace holds no instruction: nothing to time")
    counts = trace.counts()
    rows = np.flatnonzero(counts)
    numbers = _target(core).lowering.numbers(trace.program, rows.tolist())
    return _Executed(rows, counts[rows], numbers, trace.program.address_array[rows])


def _content(trace: Trace, executed: _Executed) -> bytes:
    """Return the digest of all that `_run` and `_simulation` read of a trace."""
    digest = hashlib.sha256()
    arrays = (executed.rows, executed.numbers, executed.addresses, trace.first, trace.length, trace.address)
    for array in arrays:
        digest.update(array.size.to_bytes(8, "little"))
        digest.update(np.ascontiguousarray(array).data)
    return digest.digest()


def _run(trace: Trace, core: Core, executed: _Executed, window: tuple[int, int], warmup: int, reuse: bool) -> _Run:
    """Run the engine over a trace on an idle core."""
    run_of = _prepare(trace, core, executed, window)
    for _ in range(warmup):
        warm(run_of.order, run_of.code, run_of.segments, trace.address, reuse)
    settle(run_of.order.caches)
    port_count = len(port_names(core))
    scratch = new_scratch(int(run_of.segments.uses.sum()), run_of.state_words, port_count)
    run(run_of.pipeline, run_of.order, run_of.segments, trace.address, run_of.counts, scratch, reuse)
    return run_of


def _prepare(trace: Trace, core: Core, executed: _Executed, window: tuple[int, int]) -> _Run:
    """Lower the executed instructions, cut the trace into segments and build the idle core."""
    count = executed.rows.size
    counts = new_counts(count, len(port_names(core)), window)
    lowering = _target(core).lowering
    pipeline: Pipeline
    timing: InOrderCode | OutOfOrderCode
    if isinstance(lowering, InOrderLowering):
        code, timing = lowering.lower(executed.numbers, executed.addresses)
        pipeline = in_order.new_pipeline(lowering.core, code, timing)
        state_words = in_order.largest_state(lowering.core)
    else:
        code, timing = lowering.lower(executed.numbers)
        pipeline = out_of_order.new_pipeline(lowering.core, code, timing, counts)
        state_words = out_of_order.largest_state(lowering.core)
    segments = split(trace, executed.rows, code.branch_before)
    order = new_order(core, empty_caches(cache_shape(core), count), new_predictor(count))
    return _Run(code, timing, segments, order, pipeline, state_words, counts)


def _target(core: Core) -> _Target:
    """Return what lowers instructions for a core and the totals of traces on it; the last cores are remembered."""
    for target in _targets:
        if target.core is core:
            return target
    lowering = InOrderLowering(core) if isinstance(core, InOrderCore) else OutOfOrderLowering(core)
    _targets.append(_Target(core, lowering, {}))
    del _targets[:-_TARGETS_KEPT]
    return _targets[-1]


class _Details(NamedTuple):
    """What tells of single instructions."""

    hotspots: tuple[Hotspot, ...] = ()
    timeline: tuple[TimelineEntry, ...] | None = None


def _simulation(trace: Trace, core: Core, executed: _Executed, done: _Run, details: _Details) -> Simulation:
    cycles = int(done.counts.stalls.sum())
    names = port_names(core)
    busy = {name: int(done.counts.port_busy[number]) / _capacity(core, name) for number, name in enumerate(names)}
    return Simulation(
        core=core.name,
        cycles=cycles,
        instructions=len(trace),
        ports={name: min(value / cycles, 1.0) if cycles else 0.0 for name, value in busy.items()},
        stalls=_stalls(done.counts.stalls.sum(axis=0, keepdims=True), names)[0],
        caches=hits_and_misses(done.order.caches),
        mispredictions=int(done.counts.mispredictions[0]),
        hotspots=details.hotspots,
        bounds=_within(cycles, _bounds(len(trace), core, executed.executions, done, busy)),
        timeline=details.timeline,
    )


def _capacity(core: Core, unit: str) -> int:
    """How many cycles of work a port or unit does in a cycle: some of an in-order core come in pairs."""
    if isinstance(core, InOrderCore):
        return {"alu": core.width, "issue slots": core.width, "neon": LANE_COUNT}.get(unit, 1)
    return 1


def _stalls(cycles: IntArray, ports: tuple[str, ...]) -> list[dict[str, int]]:
    """Return for each row of `cycles`, shape (rows, reasons), the cycles of the reasons that there are, most first."""
    rows, reasons = np.nonzero(cycles)
    order = np.lexsort((reasons, -cycles[rows, reasons], rows))
    rows, reasons = rows[order], reasons[order]
    names = {reason: _reason_name(reason, ports) for reason in np.unique(reasons).tolist()}
    stalls: list[dict[str, int]] = [{} for _ in cycles]
    for row, reason, count in zip(rows.tolist(), reasons.tolist(), cycles[rows, reasons].tolist(), strict=True):
        stalls[row][names[reason]] = count
    return stalls


def _reason_name(reason: int, ports: tuple[str, ...]) -> str:
    return reason_name(reason, ports, register_name(reason) if reason < REGISTER_COUNT else None)


def _hotspots(trace: Trace, executed: _Executed, done: _Run, ports: tuple[str, ...]) -> tuple[Hotspot, ...]:
    cycles = done.counts.stalls.sum(axis=1).tolist()
    instructions = map(trace.program.instruction, executed.rows.tolist())
    columns = (instructions, executed.executions.tolist(), cycles, _stalls(done.counts.stalls, ports))
    return tuple(
        Hotspot(
            address=instruction.address,
            source=instruction.source,
            text=instruction.text,
            count=count,
            cycles=moved,
            stalls=stalls,
        )
        for instruction, count, moved, stalls in zip(*columns, strict=True)
    )


def _bounds(length: int, core: Core, executions: IntArray, done: _Run, busy: dict[str, float]) -> list[Bound]:
    """Cycles that each resource alone would need."""
    bounds = [Bound("dependence chain", float(longest_chain(done.code, done.segments)))]
    if isinstance(done.timing, InOrderCode) or isinstance(core, InOrderCore):
        bounds += [Bound(name if name == "issue slots" else f"unit {name}", value) for name, value in busy.items()]
    else:
        bounds += port_bounds(done.timing, executions, core.ports, done.counts.port_busy)
        bounds.append(Bound("front end", length / core.decode_width))
        if core.results_per_cycle is not None:
            results = int((executions * done.timing.results).sum())
            bounds.append(Bound("results per cycle", results / core.results_per_cycle))
        if core.dispatch_width is not None:
            bounds.append(Bound("dispatch", dispatched(done.timing, executions, core) / core.dispatch_width))
    return bounds


def _within(cycles: int, bounds: Iterable[Bound]) -> tuple[Bound, ...]:
    """Return the bounds, the largest first, as far as they lie within a run of so many cycles.

    What is still under way when the last instruction has retired, or issued where that is in order, is not waited for.
    """
    largest_first = sorted(bounds, key=lambda bound: -bound.cycles)
    return tuple(Bound(bound.what, min(bound.cycles, float(cycles))) for bound in largest_first)


def _timeline(trace: Trace, counts: Counts) -> tuple[TimelineEntry, ...]:
    entries = []
    for offset, stages in enumerate(counts.timeline.tolist()):
        number = counts.first + offset
        instruction = trace.program.instruction(trace.index[number])
        entries.append(TimelineEntry(number, instruction.address, instruction.text, *stages))
    return tuple(entries)

"""Time a trace on a core: the seam between core descriptions, engines and results."""

import hashlib
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isa_models.caches import COUNTER_NAMES, Caches, CacheShape, cache_shape, empty_caches, restart_clock
from isa_models.core import Core, InOrderCore, OutOfOrderCore
from isa_models.engines import in_order, out_of_order
from isa_models.engines.branches import Predictor, new_predictor
from isa_models.engines.counts import Counts, new_counts
from isa_models.engines.lanes import LANE_COUNT
from isa_models.engines.lowering import UNITS, StaticCode, lower_in_order, lower_out_of_order
from isa_models.engines.stalls import reason_name
from isa_models.engines.warm import warm
from isa_models.errors import InputError
from isa_models.operand_syntax import REGISTER_COUNT
from isa_models.operands import register_name
from isa_models.simulation import Bound, Hotspot, Simulation, TimelineEntry
from isa_models.trace import Trace

IntArray = NDArray[np.int64]


def time_trace(trace: Trace, core: Core, warmup: int = 1, timeline: tuple[int, int] | None = None) -> Simulation:
    """Time `trace` on `core`.

    `warmup`: how many times the trace passes through caches and branch predictor before the timed pass; 0 starts cold.
    `timeline`: first and last + 1 dynamic instruction whose stages are recorded.
    Raises UnsupportedInstructionError for an instruction without operand description, InputError for one without
    timing on this core, for an empty trace or a window outside of it.
    """
    first, length = _timeline_window(trace, timeline)
    if trace.index.size == 0:
        raise InputError("the trace holds no instruction: nothing to time")
    executed = np.flatnonzero(trace.counts())
    static_count = len(trace.program.instructions)
    shape = cache_shape(core)
    caches = empty_caches(shape, static_count)
    predictor = new_predictor(static_count)
    counts = new_counts(static_count, len(port_names(core)), length)
    index = np.ascontiguousarray(trace.index, dtype=np.int64)
    address = np.ascontiguousarray(trace.address, dtype=np.int64)
    learned = core.branches.learned_iterations
    if isinstance(core, InOrderCore):
        code, in_order_code = lower_in_order(trace.program, executed, core)
        _warm_up(code, shape, caches, predictor, learned, index, address, warmup)
        limits, state = in_order.limits_of(core), in_order.new_state(core)
        in_order.run(limits, code, in_order_code, shape, caches, predictor, state, index, address, counts, first)
    else:
        code, out_code = lower_out_of_order(trace.program, executed, core)
        _warm_up(code, shape, caches, predictor, learned, index, address, warmup)
        out_limits, out_state = out_of_order.limits_of(core), out_of_order.new_state(core, counts)
        out_of_order.run(out_limits, code, out_code, shape, caches, predictor, out_state, index, address, counts, first)
    return _simulation(trace, core, caches, counts, first, timeline is not None)


def port_names(core: Core) -> tuple[str, ...]:
    """Names of the ports (out of order) or units (in order) of a core, in the order of `Simulation.ports`."""
    return core.ports if isinstance(core, OutOfOrderCore) else UNITS


@lru_cache(maxsize=1)
def timing_digest() -> str:
    """Content hash, hexadecimal, of everything that a time depends on besides the core: operand table and engines."""
    folder = Path(__file__).parent
    names = (
        "operand_syntax.py",
        "operands.py",
        "instruction_class.py",
        "core.py",
        "caches.py",
        "compilation.py",
        "timing.py",
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
    if not 0 <= first <= last <= trace.index.size:
        raise InputError(f"timeline ({first}, {last}) is no window of a trace of {trace.index.size} instructions")
    return first, last - first


def _warm_up(
    code: StaticCode,
    shape: CacheShape,
    caches: Caches,
    predictor: Predictor,
    learned: int,
    index: IntArray,
    address: IntArray,
    passes: int,
) -> None:
    for _ in range(passes):
        warm(code, shape, caches, predictor, learned, index, address)
    restart_clock(caches)


def _simulation(trace: Trace, core: Core, caches: Caches, counts: Counts, first: int, has_timeline: bool) -> Simulation:
    cycles = int(counts.cycles[0])
    names = port_names(core)
    busy = {name: int(counts.port_busy[number]) / _capacity(core, name) for number, name in enumerate(names)}
    return Simulation(
        core=core.name,
        cycles=cycles,
        instructions=int(trace.index.size),
        ports={name: value / cycles if cycles else 0.0 for name, value in busy.items()},
        stalls=_stalls(counts.stalls.sum(axis=0), names),
        caches={name: int(caches.counters[number]) for number, name in enumerate(COUNTER_NAMES)},
        mispredictions=int(counts.mispredictions[0]),
        hotspots=_hotspots(trace, counts, names),
        bounds=_bounds(trace, core, counts, busy),
        timeline=_timeline(trace, counts, first) if has_timeline else None,
    )


def _capacity(core: Core, unit: str) -> int:
    """How many cycles of work a port or unit does in a cycle: in-order ALUs and Advanced SIMD lanes come in pairs."""
    if isinstance(core, InOrderCore):
        return {"alu": core.width, "neon": LANE_COUNT}.get(unit, 1)
    return 1


def _stalls(cycles_by_reason: IntArray, ports: tuple[str, ...]) -> dict[str, int]:
    reasons = np.flatnonzero(cycles_by_reason)
    named = {}
    for reason in reasons[np.argsort(-cycles_by_reason[reasons], kind="stable")]:
        register = register_name(int(reason)) if reason < REGISTER_COUNT else None
        named[reason_name(int(reason), ports, register)] = int(cycles_by_reason[reason])
    return named


def _hotspots(trace: Trace, counts: Counts, ports: tuple[str, ...]) -> tuple[Hotspot, ...]:
    executions = trace.counts()
    hotspots = []
    for row in np.flatnonzero(executions):
        instruction = trace.program.instructions[row]
        hotspots.append(
            Hotspot(
                address=instruction.address,
                source=instruction.source,
                text=instruction.text,
                count=int(executions[row]),
                cycles=int(counts.instruction_cycles[row]),
                stalls=_stalls(counts.stalls[row], ports),
            )
        )
    return tuple(hotspots)


def _bounds(trace: Trace, core: Core, counts: Counts, busy: dict[str, float]) -> tuple[Bound, ...]:
    """Cycles that each resource alone would need, the largest first."""
    bounds = [Bound("dependence chain", float(counts.chain[0]))]
    if isinstance(core, OutOfOrderCore):
        bounds += [Bound(f"port {name}", value) for name, value in busy.items()]
        bounds.append(Bound("front end", trace.index.size / core.decode_width))
        if core.results_per_cycle is not None:
            bounds.append(Bound("results per cycle", float(counts.results[0]) / core.results_per_cycle))
    else:
        bounds += [Bound(f"unit {name}", value) for name, value in busy.items()]
        bounds.append(Bound("issue slots", float(counts.results[0]) / core.width))
    return tuple(sorted(bounds, key=lambda bound: -bound.cycles))


def _timeline(trace: Trace, counts: Counts, first: int) -> tuple[TimelineEntry, ...]:
    entries = []
    for offset, stages in enumerate(counts.timeline.tolist()):
        number = first + offset
        instruction = trace.program.instructions[trace.index[number]]
        entries.append(TimelineEntry(number, instruction.address, instruction.text, *stages))
    return tuple(entries)

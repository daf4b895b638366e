"""Behaviour of the engines on small pieces of code."""

from dataclasses import replace

import numpy as np
import pytest

from isa_models import InputError, Program, Trace, list_cores, load_core, time_totals, time_trace, timing, timing_digest
from tests.isa_models.snippets import BUFFER_ADDRESS, assemble, repeated_trace

CORES = ("cortex-a53", "cortex-a72")

SNIPPETS = {
    "logic chain": "eor v0.16b, v0.16b, v31.16b",
    "logic stream": "\n".join(f"eor v{n}.16b, v30.16b, v31.16b" for n in range(16)),
    "narrow stream": "\n".join(f"eor v{n}.8b, v30.8b, v31.8b" for n in range(16)),
    "binary dot": "ldr q0, [x1], #16\nldr q1, [x2], #16\neor v2.16b, v0.16b, v1.16b\ncnt v2.16b, v2.16b\n"
    "uadalp v3.8h, v2.16b\nsubs x0, x0, #1\nb.ne .",
    "load": "ldr q0, [x1]",
    "dot product": "udot v0.4s, v1.16b, v2.16b",
    "unknown": "dc zva, x0",
    "store then load": "str x0, [x28]\nldr x0, [x28]",
    "split load": "ldr q0, [x28, #1]",
    "aligned load": "ldr q0, [x28, #16]",
    "empty": "nop",
    "divides at the end": "fsqrt d0, d0\nfdiv d0, d0, d1",
    "stores at the end": "\n".join(f"st4 {{v0.16b-v3.16b}}, [x{n}]" for n in range(6)),
    "interleaving loads": "ld4 {v0.16b-v3.16b}, [x0]\nadd v0.16b, v0.16b, v1.16b\nst1 {v0.16b}, [x1]",
}


@pytest.fixture(scope="module")
def programs() -> dict[str, Program]:
    source = [text if name != "unknown" else ".arch_extension aes\n" + text for name, text in SNIPPETS.items()]
    return dict(zip(SNIPPETS, assemble(source), strict=True))


def per_pass(program: Program, core_name: str, overrides: dict[str, str] | None = None) -> float:
    core = load_core(core_name, overrides)
    short, long = (time_trace(repeated_trace(program, count), core).cycles for count in (100, 300))
    return (long - short) / 200


def test_chain_takes_the_latency_and_stream_the_throughput(programs):
    assert per_pass(programs["logic chain"], "cortex-a53") == 1.0
    assert per_pass(programs["logic chain"], "cortex-a72") == 3.0
    assert per_pass(programs["logic stream"], "cortex-a53") == 16.0
    assert per_pass(programs["narrow stream"], "cortex-a53") == 8.0
    assert per_pass(programs["logic stream"], "cortex-a72") == pytest.approx(16 / 1.5, abs=0.1)
    assert per_pass(programs["narrow stream"], "cortex-a72") == pytest.approx(8.0, abs=0.1)


def test_results_limit_is_what_slows_whole_registers_down(programs):
    unlimited = per_pass(programs["logic stream"], "cortex-a72", {"results_per_cycle": "null"})
    assert unlimited == pytest.approx(8.0, abs=0.1)


def test_override_of_a_latency_reaches_the_engine(programs):
    slower = per_pass(programs["logic chain"], "cortex-a72", {"classes.simd_logic.latency": "7"})
    assert slower == 7.0


@pytest.mark.parametrize("core_name", CORES)
def test_writeback_is_no_recurrence_on_loads(programs, core_name):
    """Post-indexed loads must not serialise behind their data: the loop is bound by work, not by load latency."""
    cycles = per_pass(programs["binary dot"], core_name)
    assert 3.0 <= cycles <= 9.0


@pytest.mark.parametrize("core_name", CORES)
def test_stalls_and_hotspots_add_up_to_the_cycles(programs, core_name):
    simulation = time_trace(repeated_trace(programs["binary dot"], 500), load_core(core_name))
    assert sum(simulation.stalls.values()) == simulation.cycles
    assert sum(hotspot.cycles for hotspot in simulation.hotspots) == simulation.cycles
    assert all(sum(hotspot.stalls.values()) == hotspot.cycles for hotspot in simulation.hotspots)
    assert all(hotspot.count == 500 for hotspot in simulation.hotspots)
    assert simulation.instructions == 500 * len(simulation.hotspots)


@pytest.mark.parametrize("core_name", CORES)
@pytest.mark.parametrize("name", ["logic chain", "logic stream", "binary dot", "store then load"])
def test_no_bound_exceeds_the_cycles(programs, core_name, name):
    simulation = time_trace(repeated_trace(programs[name], 500), load_core(core_name))
    assert simulation.bound.cycles <= simulation.cycles
    assert all(0.0 <= share <= 1.0 for share in simulation.ports.values())


@pytest.mark.parametrize("core_name", list_cores())
@pytest.mark.parametrize("name", ["divides at the end", "stores at the end"])
def test_what_goes_on_behind_the_end_is_no_part_of_the_run(programs, core_name, name):
    simulation = time_trace(repeated_trace(programs[name], 1), load_core(core_name))
    assert all(bound.cycles <= simulation.cycles for bound in simulation.bounds)
    assert all(0.0 <= share <= 1.0 for share in simulation.ports.values())


def test_in_order_core_ends_where_the_last_instruction_starts(programs):
    trace = repeated_trace(programs["divides at the end"], 1)
    simulation = time_trace(trace, load_core("cortex-a53"), timeline=(0, len(trace)))
    assert simulation.timeline is not None
    assert simulation.cycles == simulation.timeline[-1].issue + 1 < simulation.timeline[-1].complete
    assert simulation.bound.what == "dependence chain"


def test_bound_names_the_limit(programs):
    a72 = load_core("cortex-a72")
    assert time_trace(repeated_trace(programs["logic stream"], 100), a72).bound.what == "results per cycle"
    assert time_trace(repeated_trace(programs["logic chain"], 100), a72).bound.what == "dependence chain"


def test_chain_and_limit_are_the_reported_stalls(programs):
    a72 = load_core("cortex-a72")
    chain = time_trace(repeated_trace(programs["logic chain"], 1000), a72)
    assert next(iter(chain.stalls)) == "dependence on v0"
    stream = time_trace(repeated_trace(programs["logic stream"], 100), a72)
    assert next(iter(stream.stalls)) == "results per cycle"


def _walk(program: Program, stride: int, count: int) -> Trace:
    address = BUFFER_ADDRESS + stride * np.arange(count, dtype=np.int64)
    return Trace.of_instructions(program, np.zeros(count, dtype=np.int32), address)


@pytest.mark.parametrize("core_name", CORES)
def test_working_set_beyond_a_cache_costs_misses(programs, core_name):
    core = load_core(core_name, {"prefetcher.distance": "0"})
    in_l1, in_l2, in_memory = (time_trace(_walk(programs["load"], 64, count), core) for count in (256, 2048, 64 * 1024))
    assert in_l1.caches["l1_misses"] == 0
    assert in_l2.caches["l1_misses"] == 2048
    assert in_l2.caches["l2_misses"] == 0
    assert in_memory.caches["l2_misses"] == 64 * 1024
    assert in_l1.cycles / 256 < in_l2.cycles / 2048 < in_memory.cycles / (64 * 1024)


@pytest.mark.parametrize("core_name", CORES)
def test_prefetcher_hides_misses_of_a_steady_stride(programs, core_name):
    walk = _walk(programs["load"], 64, 2048)
    plain = time_trace(walk, load_core(core_name, {"prefetcher.distance": "0"}))
    prefetched = time_trace(walk, load_core(core_name))
    assert prefetched.caches["prefetches"] > 1500
    assert prefetched.caches["l1_misses"] < plain.caches["l1_misses"] / 4


@pytest.mark.parametrize("core_name", CORES)
def test_warmup_zero_starts_cold(programs, core_name):
    walk = _walk(programs["load"], 64, 128)
    cold = time_trace(walk, load_core(core_name), warmup=0)
    warm = time_trace(walk, load_core(core_name))
    assert warm.caches["l1_misses"] == 0
    assert cold.caches["l1_misses"] > 0
    assert cold.cycles > warm.cycles


@pytest.mark.parametrize("core_name", CORES)
def test_split_access_costs(programs, core_name):
    assert per_pass(programs["split load"], core_name) > per_pass(programs["aligned load"], core_name)


def test_store_to_load_costs_forwarding(programs):
    assert per_pass(programs["store then load"], "cortex-a72") >= 6.5


def _loop(program: Program, iterations: int, loops: int) -> Trace:
    """Body with a loop branch at its end, left after `iterations`, then one instruction before it starts again."""
    body = len(program.instructions) - 1
    once = np.concatenate([np.tile(np.arange(body, dtype=np.int32), iterations), np.array([body], dtype=np.int32)])
    index = np.tile(once, loops)
    return Trace.of_instructions(program, index, np.full(index.size, -1, dtype=np.int64))


@pytest.mark.parametrize(("core_name", "short", "long"), [("cortex-a53", 6, 20), ("cortex-a72", 20, 100)])
def test_exits_of_short_loops_are_learned_and_of_long_ones_mispredicted(core_name, short, long):
    program = assemble(["1:\nadd x1, x1, #1\nsubs x0, x0, #1\nb.ne 1b\nadd x2, x2, #1"])[0]
    core = load_core(core_name)
    assert time_trace(_loop(program, short, 50), core).mispredictions <= 1
    mispredicted = time_trace(_loop(program, long, 50), core)
    assert mispredicted.mispredictions >= 49
    assert mispredicted.stalls["branch misprediction"] >= 49 * core.branches.mispredict / 2


@pytest.mark.parametrize("core_name", list_cores())
@pytest.mark.parametrize("name", ["binary dot", "interleaving loads"])
def test_timeline_stages_are_in_order(programs, core_name, name):
    trace = repeated_trace(programs[name], 50)
    simulation = time_trace(trace, load_core(core_name), timeline=(100, 130))
    assert simulation.timeline is not None
    assert [entry.index for entry in simulation.timeline] == list(range(100, 130))
    for entry in simulation.timeline:
        assert entry.dispatch <= entry.issue <= entry.complete <= entry.retire
    retired = [entry.retire for entry in simulation.timeline]
    assert retired == sorted(retired)


def test_timeline_does_not_change_the_time(programs):
    trace = repeated_trace(programs["binary dot"], 50)
    for core_name in CORES:
        core = load_core(core_name)
        assert time_trace(trace, core).cycles == time_trace(trace, core, timeline=(0, 350)).cycles


@pytest.mark.parametrize(
    ("name", "fragments"),
    [("dot product", ("udot v0.4s", "dotprod", "cortex-a72")), ("unknown", ("dc zva", "table"))],
)
def test_instruction_that_the_core_cannot_time_is_an_error(programs, name, fragments):
    with pytest.raises(InputError) as caught:
        time_trace(repeated_trace_without_addresses(programs[name]), load_core("cortex-a72"))
    assert all(fragment in str(caught.value) for fragment in fragments)
    assert "snippets.S:" in str(caught.value) or "0x" in str(caught.value)
    assert "\n" not in str(caught.value)


def repeated_trace_without_addresses(program: Program) -> Trace:
    count = len(program.instructions)
    return Trace.of_instructions(program, np.arange(count, dtype=np.int32), np.full(count, -1, dtype=np.int64))


def test_class_without_entry_names_instruction_core_and_line(programs):
    core = load_core("cortex-a72")
    lacking = core.model_copy(update={"classes": {k: v for k, v in core.classes.items() if k != "simd_logic"}})
    with pytest.raises(InputError, match=r"cortex-a72 has no entry 'simd_logic' for 'eor v0\.16b"):
        time_trace(repeated_trace(programs["logic chain"], 1), lacking)


def test_empty_trace_and_wrong_timeline_are_errors(programs):
    core = load_core("cortex-a53")
    program = programs["empty"]
    nothing = Trace.of_instructions(program, np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int64))
    with pytest.raises(InputError, match="no instruction"):
        time_trace(nothing, core)
    with pytest.raises(InputError, match="no window"):
        time_trace(repeated_trace(program, 3), core, timeline=(2, 9))


def test_json_holds_plain_values(programs):
    import json

    simulation = time_trace(repeated_trace(programs["binary dot"], 20), load_core("cortex-a72"), timeline=(0, 2))
    fields = json.loads(json.dumps(simulation.to_json()))
    assert fields["cycles"] == simulation.cycles
    assert fields["ipc"] == pytest.approx(simulation.ipc)
    assert fields["bound"]["what"] == simulation.bound.what
    assert len(fields["timeline"]) == 2


def test_digest_is_a_stable_hash():
    assert timing_digest() == timing_digest()
    assert len(timing_digest()) == 64


@pytest.fixture
def contents():
    """Return what tells traces on a core apart."""
    return lambda trace, core: timing._content(trace, timing._executed(trace, core))


@pytest.mark.parametrize("core_name", CORES)
def test_totals_are_shared_by_traces_that_no_engine_tells_apart(contents, core_name):
    core = load_core(core_name)
    base, constant, other, moved = assemble(
        [
            "movi v0.16b, #1\nldr x0, [x28]",
            "movi v0.16b, #2\nldr x0, [x28]",
            "movi v1.16b, #1\nldr x0, [x28]",
            "movi v0.16b, #1\nldr x0, [x28, #8]",
        ]
    )

    def trace(program: Program, shift: int = 0) -> Trace:
        """As if all lay at the same addresses."""
        placed = Program([64, 68], program.words, program.texts)
        return Trace(placed, np.array([0], np.int32), np.array([2], np.int32), np.array([BUFFER_ADDRESS + shift]))

    known = contents(trace(base), core)
    assert contents(trace(constant), core) == known
    assert contents(trace(other), core) != known
    assert contents(trace(base, shift=8), core) != known
    assert contents(trace(moved, shift=8), core) == contents(trace(base, shift=8), core)
    program = trace(base).program
    twice = Trace(program, np.array([0, 0], np.int32), np.array([2, 2], np.int32), np.full(2, BUFFER_ADDRESS))
    assert contents(twice, core) != known
    elsewhere = Program([68, 72], base.words, base.texts)
    assert contents(
        Trace(elsewhere, *(getattr(trace(base), name) for name in ("first", "length", "address"))), core
    ) != (known)


@pytest.mark.parametrize("core_name", CORES)
@pytest.mark.parametrize("name", ["logic chain", "binary dot", "store then load", "split load", "empty"])
def test_totals_are_the_simulation_without_hotspots(programs, core_name, name):
    trace, core = repeated_trace(programs[name], 300), load_core(core_name)
    whole = time_trace(trace, core)
    for _ in range(2):
        assert time_totals(trace, core) == replace(whole, hotspots=(), bounds=(whole.bound,))
    with pytest.raises(InputError, match="nothing to time"):
        time_totals(repeated_trace(programs[name], 0), core)

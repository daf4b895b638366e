"""Instructions that prefetch: what they bring, when it is here, and what they never do."""

from __future__ import annotations

import numpy as np
import pytest

from isa_models import Buffer, Program, Trace, load_core, simulate, time_trace
from isa_models.simulation import TimelineEntry
from isa_models.trace import NO_ADDRESS
from tests.isa_models.snippets import BUFFER_ADDRESS, assemble

CORES = ("cortex-a53", "cortex-a72")
LINE = 64
BEYOND_L1 = 2048
"""Lines: 128 KiB, which every L2 here holds."""
NO_PREFETCHER = {"prefetcher.distance": "0"}
SMALL_L2 = {"l2.size_kib": "64", "l2.ways": "16", **NO_PREFETCHER}
"""Too small for the lines of a walk, which come from memory."""

# A turn: the prefetch, the load, work that depends on what was loaded, so that an in-order core waits for it.
TURN = "prfm {what}, [x1]\nldr x2, [x3]\nadd x4, x4, x2\n" + "add x5, x5, x6\n" * 20
PREFETCH, LOAD = 0, 1


@pytest.fixture(scope="module")
def turns() -> dict[str, Program]:
    kinds = ("pldl1keep", "pldl1strm", "pstl1keep", "pldl2keep", "pstl2strm", "pldl3keep", "plil1keep")
    return dict(zip(kinds, assemble([TURN.format(what=kind) for kind in kinds]), strict=True))


def walk(program: Program, ahead: int | None, lines: int = BEYOND_L1) -> Trace:
    """Load one line after the other, in each turn with a prefetch `ahead` lines further; None: of unmapped memory."""
    addresses = np.full((lines, len(program)), NO_ADDRESS, np.int64)
    addresses[:, LOAD] = BUFFER_ADDRESS + LINE * np.arange(lines)
    if ahead is not None:
        addresses[:, PREFETCH] = addresses[:, LOAD] + LINE * ahead
    index = np.tile(np.arange(len(program), dtype=np.int32), lines)
    return Trace.of_instructions(program, index, addresses.reshape(-1))


def cycles(trace: Trace, core_name: str, overrides: dict[str, str], warmup: int = 1) -> int:
    """Cycles, which are the same with and without reuse."""
    core = load_core(core_name, overrides)
    timed = time_trace(trace, core, warmup)
    assert timed == time_trace(trace, core, warmup, reuse=False)
    return timed.cycles


@pytest.mark.parametrize("core_name", CORES)
@pytest.mark.parametrize("what", ["pldl1keep", "pldl1strm", "pstl1keep"])
def test_far_enough_ahead_nothing_is_waited_for_and_too_near_wins_less(turns, core_name, what):
    overrides = NO_PREFETCHER if core_name == "cortex-a53" else {**NO_PREFETCHER, "window": "16"}  # which else hides L2
    none, near, far = (cycles(walk(turns[what], ahead), core_name, overrides) for ahead in (None, 0, 8))
    in_l1 = cycles(walk(turns[what], None, lines=256), core_name, overrides) / 256
    assert none > near > far
    assert near - far > 4 * (none - near) > 0
    assert far / BEYOND_L1 == pytest.approx(in_l1, rel=0.02)


@pytest.mark.parametrize("core_name", CORES)
def test_from_memory_each_line_further_ahead_wins_until_the_fill_buffers_are_full(turns, core_name):
    core = load_core(core_name)
    overrides = {**SMALL_L2, "window": "16"} if core_name == "cortex-a72" else SMALL_L2
    turn = [cycles(walk(turns["pldl1keep"], ahead), core_name, overrides) / BEYOND_L1 for ahead in (None, 0, 1, 2, 8)]
    assert turn[:4] == sorted(turn[:4], reverse=True)
    assert turn[0] > turn[1] + 0.5 > turn[2] + 20
    assert turn[4] == pytest.approx(max(core.memory.latency / core.l1.outstanding, core.memory.fill_cycles), rel=0.03)


@pytest.mark.parametrize("core_name", CORES)
@pytest.mark.parametrize("what", ["pldl2keep", "pstl2strm", "pldl3keep"])
def test_to_l2_it_leaves_the_way_from_there_and_takes_no_fill_buffer(turns, core_name, what):
    overrides = {**SMALL_L2, "l1.outstanding": "1", "memory.fill_cycles": "1"}
    none, near, far = (time_trace(walk(turns[what], n), load_core(core_name, overrides)) for n in (None, 1, 16))
    in_l2 = time_trace(walk(turns[what], None), load_core(core_name, {**NO_PREFETCHER, "l1.outstanding": "1"}))
    assert none.cycles > near.cycles > far.cycles
    assert far.cycles == pytest.approx(in_l2.cycles, rel=0.1)
    assert none.caches["l1_misses"] == far.caches["l1_misses"] == BEYOND_L1
    assert none.caches["l2_misses"] == BEYOND_L1
    assert far.caches["l2_misses"] == 16  # the first ones
    assert far.caches["prefetches"] == BEYOND_L1


@pytest.mark.parametrize("core_name", CORES)
def test_what_is_not_mapped_or_is_code_only_takes_its_slot(turns, core_name):
    core = load_core(core_name, NO_PREFETCHER)
    unmapped, code = time_trace(walk(turns["pldl1keep"], None), core), time_trace(walk(turns["plil1keep"], None), core)
    assert (unmapped.cycles, unmapped.caches, unmapped.ports) == (code.cycles, code.caches, code.ports)
    assert unmapped.caches["prefetches"] == 0


@pytest.mark.parametrize("core_name", CORES)
def test_it_does_not_train_the_prefetcher(turns, core_name):
    """A load that stays where it is, and prefetches that go on line by line."""
    trace = walk(turns["pldl1keep"], 0)
    loads = trace.accessing == LOAD
    trace.address[loads] = BUFFER_ADDRESS - LINE
    done = time_trace(trace, load_core(core_name))
    assert done.caches["prefetches"] == BEYOND_L1
    assert time_trace(trace, load_core(core_name, NO_PREFETCHER)).cycles == done.cycles


def stages(text: str, core_name: str, overrides: dict[str, str] | None = None) -> list[TimelineEntry]:
    """The timeline of straight-line code, whose addresses are all `BUFFER_ADDRESS`, with cold caches."""
    (program,) = assemble([text])
    addresses = np.full(len(program), BUFFER_ADDRESS, np.int64)
    trace = Trace.of_instructions(program, np.arange(len(program), dtype=np.int32), addresses)
    timed = time_trace(trace, load_core(core_name, overrides), warmup=0, timeline=(0, len(program)))
    assert timed.timeline is not None
    return list(timed.timeline)


@pytest.mark.parametrize("core_name", CORES)
def test_it_does_not_delay_retirement(core_name):
    work = "\n".join(["add x5, x5, x6"] * 8)
    memory = load_core(core_name).memory.latency
    prefetched, *behind = stages(f"prfm pldl1keep, [x1]\n{work}", core_name)
    loaded, *_ = stages(f"ldr x2, [x1]\n{work}", core_name)
    assert prefetched.retire <= prefetched.issue + 1
    assert behind[-1].retire < 20
    assert loaded.retire >= memory


@pytest.mark.parametrize("core_name", CORES)
@pytest.mark.parametrize("between", [0, 40, 400])
def test_a_load_waits_only_for_the_rest(core_name, between):
    work = "\n".join(["add x5, x5, x6"] * between)
    prefetched, *_, load = stages(f"prfm pldl1keep, [x1]\n{work}\nldr x2, [x1]", core_name)
    core = load_core(core_name)
    latency = core.classes["load_x" if "load_x" in core.classes else "load"].latency
    assert load.complete == max(prefetched.issue + core.memory.latency, load.issue + latency)
    assert (load.complete == load.issue + latency) == (between == 400)


@pytest.mark.parametrize("core_name", CORES)
def test_it_takes_a_load_slot_each(core_name):
    count = 64
    last = stages("\n".join(["prfm pldl1keep, [x1]"] * count), core_name)[-1]
    assert count - 1 <= last.issue <= count + 5


@pytest.mark.parametrize("core_name", CORES)
def test_nothing_is_wrong_with_one_outside_of_all_buffers(core_name):
    """In the slack behind a buffer, in its guard pages, and nowhere near."""
    places = ("[x0, x9]", "[x0, #3072]", "[x10, x11]")
    source = ""
    for what in ("pldl1keep", "plil1keep"):
        body = "\n".join(f"prfm {what}, {place}" for place in places)
        source += f".globl {what}\n{what}: mov x9, #3068\n{body}\nldr x2, [x0]\nret\n"
    buffer = Buffer("data", 3064, alignment=64)  # of which 3,072 bytes are mapped from its start on
    data, code = (simulate(source, core_name, what, [buffer]) for what in ("pldl1keep", "plil1keep"))
    assert data.instructions == code.instructions == 6
    assert data.cycles == code.cycles

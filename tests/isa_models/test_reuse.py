"""Reusing what a segment did before changes no figure: the plain engine gives the same simulation, field by field."""

from __future__ import annotations

import functools
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from isa_models import Buffer, Image, Machine, Pointer, Trace, list_cores, load_core, time_trace
from isa_models.assembling import image_of_text
from tests.fuzz import examples

BYTES = 1 << 17

# x1, x2: pointers that walk; x3: a pointer that stays; x9, x10: counters of the loops; x4 to x7: values; x11 is no
# pointer to anything.
_LOADS = (
    "ldr q{v}, [x1], #16",
    "ldr q{v}, [x2, #{q}]",
    "ldr x{g}, [x3, #{x}]",
    "ldr d{v}, [x1, #{x}]",
    "ldp q{v}, q{w}, [x2], #32",
    "ldrb w{g}, [x3, #{x}]",
    "ldur q{v}, [x1, #3]",
    "ldr x{g}, [x3, x8]",
)
_STORES = (
    "str q{v}, [x2, #{q}]",
    "str x{g}, [x3, #{x}]",
    "strb w{g}, [x3, #{x}]",
    "str d{v}, [x1], #8",
    "stp x{g}, x{h}, [x3, #{x}]",
    "stur q{v}, [x2, #60]",
)
_PREFETCHES = (
    "prfm pldl1keep, [x1, #{ahead}]",
    "prfm pldl1strm, [x2, #{ahead}]",
    "prfm pldl2keep, [x2, #{ahead}]",
    "prfm pstl1keep, [x3, #{ahead}]",
    "prfm pstl3strm, [x1, #{ahead}]",
    "prfum pldl1keep, [x2, #-256]",
    "prfm pldl1keep, [x3, x8, lsl #3]",
    "prfm pldl2keep, [x11]",
    "prfm plil1keep, [x1]",
)
_ATOMICS = (
    "ldadd x{g}, x{h}, [x3]",
    "swp w{g}, w{h}, [x3]",
    "stadd x{g}, [x3]",
    "cas x{g}, x{h}, [x3]",
    "casp x4, x5, x6, x7, [x3]",
    "ldr x{g}, [x3]",
    "str w{g}, [x3, #4]",
)
_WORK = (
    "eor v{v}.16b, v{w}.16b, v{u}.16b",
    "cnt v{v}.16b, v{w}.16b",
    "uadalp v{v}.8h, v{w}.16b",
    "add v{v}.16b, v{w}.16b, v{u}.16b",
    "mla v{v}.8h, v{w}.8h, v{u}.8h",
    "fmla v{v}.4s, v{w}.4s, v{u}.4s",
    "addv b{v}, v{w}.16b",
    "ins v{v}.d[1], x{g}",
    "umov w{g}, v{v}.s[1]",
    "add x{g}, x{h}, #1",
    "mul x{g}, x{h}, x{g}",
    "add x{g}, x{h}, x{g}, lsl #2",
    "eor x{g}, x{h}, x{g}",
    "udiv x{g}, x{h}, x{g}",
    "add x2, x2, #{stride}",
    "and x8, x{g}, #0xf8",
    "tst x9, #{bit}\n b.eq {label}f\n add x{g}, x{g}, #7\n{label}:",
)


def _instruction(draw: random.Random, label: int, more: tuple[tuple[str, ...], ...]) -> str:
    template = draw.choice(draw.choice((_LOADS, _STORES, _WORK, _WORK, *more)))
    return template.format(
        v=draw.randrange(8),
        w=16 + draw.randrange(4),
        u=draw.choice((0, 1, 2, 3, 16, 17, 18, 19)),
        g=4 + draw.randrange(4),
        h=4 + draw.randrange(4),
        q=16 * draw.randrange(16),
        x=8 * draw.randrange(16),
        stride=draw.choice((8, 16, 48, 64, 256)),
        bit=draw.choice((1, 2, 4, 8)),
        ahead=draw.choice((0, 64, 128, 1024, 8192)),
        label=label,
    )


def program(seed: int, *more: tuple[str, ...]) -> str:
    """Two nested loops whose body is random, and random code between them; the pointers start anew each time round.

    Half of them prefetch. `more`: further instructions that they may have.
    """
    draw = random.Random(seed)  # noqa: S311
    if seed % 2:
        more = (_PREFETCHES, *more)
    inner = [_instruction(draw, 10 + number, more) for number in range(draw.randrange(2, 24))]
    outer = [_instruction(draw, 50 + number, more) for number in range(draw.randrange(1, 10))]
    lines = [
        "f: mov x3, x0",
        f"mov x9, #{draw.randrange(2, 60)}",
        f"2: add x1, x0, #{64 * draw.randrange(60)}",
        f"add x2, x0, #{8 * draw.randrange(200)}",
        "and x8, x9, #0xf8",
        f"mov x10, #{draw.choice((2, 5, 17, 40, 100))}",
        *outer,
        "3:",
        *inner,
        "subs x10, x10, #1",
        "b.ne 3b",
        "subs x9, x9, #1",
        "b.ne 2b",
        "ret",
    ]
    return ".globl f\n" + "\n".join(lines) + "\n"


_STREAMS = (
    "ldr q{v}, [x{p}], #{stride}",
    "ldr x{g}, [x{p}], #{stride}",
    "ldrb w{g}, [x{p}], #{stride}",
    "ldp q{v}, q{w}, [x{p}], #{pair}",
    "ld1 {{v{v}.16b-v{last}.16b}}, [x{p}], #64",
    "ldr q{v}, [x3]",
    "ldur q{v}, [x{p}, #40]",
    "prfm {what}, [x{p}, #{ahead}]",
)


def streams(seed: int) -> str:
    """Two nested loops that load but do not store: their turns often repeat the one before."""
    draw = random.Random(seed)  # noqa: S311
    lines = ["f: add x3, x0, #16, lsl #12", "mov x9, #12"]
    pointers = [11, 12, 13]
    lines.append("2:")
    lines += [f"add x{p}, x3, #{draw.choice((0, 8, 16, 40, 64, 256)) * draw.randrange(12)}" for p in pointers]
    lines += [f"mov x10, #{draw.choice((3, 20, 33, 50))}", "3:"]
    for _ in range(draw.randrange(1, 6)):
        first = draw.randrange(5)
        values = {"v": first, "w": first + 16, "last": first + 3, "g": draw.randrange(4, 8), "p": draw.choice(pointers)}
        stride, pair = draw.choice((-64, -24, -16, 1, 8, 16, 48, 64, 128)), draw.choice((-64, 16, 32, 64))
        values |= {"what": draw.choice(("pldl1keep", "pldl2keep")), "ahead": draw.choice((64, 256, 1024))}
        lines.append(draw.choice(_STREAMS).format(**values, stride=stride, pair=pair))
    if draw.randrange(3) == 0:
        lines.append("tst x10, #4\n b.eq 4f\n add x4, x4, #1\n4:")
    lines += ["subs x10, x10, #1", "b.ne 3b", "subs x9, x9, #1", "b.ne 2b", "ret"]
    return ".globl f\n" + "\n".join(lines) + "\n"


@functools.lru_cache(maxsize=4)
def traced(text: str) -> Trace:
    machine = Machine(Image.from_elf(image_of_text(text)))
    trace = machine.call("f", [Pointer("data")], [Buffer("data", BYTES, writable=True)], trace=True).trace
    assert trace is not None
    return trace


@pytest.mark.parametrize("core_name", list_cores())
@pytest.mark.parametrize("seed", range(6))
def test_same_simulation_with_and_without_reuse(core_name, seed):
    trace, core = traced(program(seed)), load_core(core_name)
    assert time_trace(trace, core) == time_trace(trace, core, reuse=False)


@pytest.mark.parametrize("core_name", ["cortex-a55", "neoverse-n1", "neoverse-v1", "apple-m1"])
@pytest.mark.parametrize("seed", range(6))
def test_same_simulation_of_atomic_operations(core_name, seed):
    trace, core = traced(program(seed, _ATOMICS, _ATOMICS)), load_core(core_name)
    assert time_trace(trace, core) == time_trace(trace, core, reuse=False)


@settings(max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(100, 10**6),
    core_name=st.sampled_from(("cortex-a53", "cortex-a72")),
    warmup=st.integers(0, 2),
    prefetch=st.sampled_from((0, 4)),
    outstanding=st.sampled_from((1, 6)),
)
def test_same_simulation_for_any_code(seed, core_name, warmup, prefetch, outstanding):
    overrides = {"prefetcher.distance": str(prefetch), "l1.outstanding": str(outstanding), "l1.size_kib": "8"}
    trace, core = traced(program(seed)), load_core(core_name, overrides)
    assert time_trace(trace, core, warmup) == time_trace(trace, core, warmup, reuse=False)


@settings(max_examples=examples(20), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(100, 10**6),
    core_name=st.sampled_from(("cortex-a72", "neoverse-n1", "neoverse-v1", "apple-m1")),
    fields=st.fixed_dictionaries(
        {
            "window": st.sampled_from((1, 7, 33, 128)),
            "port_queue": st.sampled_from((1, 2, 8)),
            "queue_hold": st.sampled_from((0, 1, 4, 32)),
            "fetch_ahead": st.sampled_from((0, 1, 12, 40)),
            "results_per_cycle": st.sampled_from(("null", 1, 3)),
            "steering": st.sampled_from(("shortest_queue", "shortest_queue_listed")),
            "partial_forward_latency": st.sampled_from(("null", 0, 9.5)),
            "store_drain": st.sampled_from((1, 3.25)),
            "classes.store.forward_turn": st.sampled_from((0, 0.58, 3.4)),
        }
    ),
    inputs=st.integers(0, 3),
    width=st.sampled_from(("null", 1, 3)),
    reach=st.sampled_from((None, "null", 1, 3)),
)
def test_same_simulation_for_any_limits(seed, core_name, fields, inputs, width, reach):
    overrides = {field: str(value) for field, value in fields.items()}
    ports = load_core(core_name).ports
    overrides |= {"result_ports": "[]", "issue_reach": "null"}
    if reach is not None:
        overrides |= {"result_ports": f"[{', '.join(ports)}]", "issue_reach": str(reach)}
    if inputs:
        overrides["queue_inputs"] = "{" + ", ".join(f"{port}: {inputs}" for port in ports) + "}"
        overrides["dispatch_width"] = str(width)
    trace, core = traced(program(seed)), load_core(core_name, overrides)
    assert time_trace(trace, core) == time_trace(trace, core, reuse=False)


@settings(max_examples=examples(20), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 10**6),
    core_name=st.sampled_from(("cortex-a53", "cortex-a72", "neoverse-n1")),
    warmup=st.integers(0, 2),
    prefetch=st.sampled_from((0, 4)),
    ways=st.sampled_from((1, 2, 4)),
)
def test_same_simulation_for_loops_whose_turns_repeat(seed, core_name, warmup, prefetch, ways):
    overrides = {"prefetcher.distance": str(prefetch), "l1.ways": str(ways), "l1.size_kib": "4"}
    trace, core = traced(streams(seed)), load_core(core_name, overrides)
    assert time_trace(trace, core, warmup) == time_trace(trace, core, warmup, reuse=False)


@pytest.mark.parametrize("core_name", ["cortex-a53", "cortex-a72"])
@pytest.mark.parametrize("seed", range(3))
def test_a_timeline_in_the_middle_of_reused_code(core_name, seed):
    trace, core = traced(program(seed)), load_core(core_name)
    whole = time_trace(trace, core, timeline=(0, len(trace)), reuse=False).timeline
    for first in (0, len(trace) // 3, len(trace) - 40):
        assert time_trace(trace, core, timeline=(first, first + 40)).timeline == whole[first : first + 40]

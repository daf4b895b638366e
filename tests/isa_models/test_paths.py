"""Paths through code that are easy to get wrong: calls from several places, branches over dead code, stores beside."""

import pytest

from isa_models import Buffer, Image, Machine, Pointer, list_cores, load_core, time_trace
from isa_models.assembling import image_of_text
from isa_models.trace import Trace

# A function with a loop of its own, called from two places that lie differently in a fetch group.
CALLS = """.globl f
f: mov x15, x30
mov x9, #60
.p2align 4
{padding}2: bl g
add x1, x1, #1
add x2, x2, #1
add x3, x3, #1
add x4, x4, #1
bl g
add x5, x5, #1
subs x9, x9, #1
b.ne 2b
mov x30, x15
ret
g: mov x6, #12
8: subs x6, x6, #1
add x7, x7, #1
b.ne 8b
add x8, x8, #1
ret
"""


def traced(text: str) -> Trace:
    machine = Machine(Image.from_elf(image_of_text(text)))
    trace = machine.call("f", [Pointer("data")], [Buffer("data", 4096, writable=True)], trace=True).trace
    assert trace is not None
    return trace


@pytest.mark.parametrize("core_name", list_cores())
@pytest.mark.parametrize("padding", range(4))
def test_a_function_returns_to_where_it_was_called(core_name, padding):
    trace, core = traced(CALLS.format(padding="nop\n" * padding)), load_core(core_name)
    assert time_trace(trace, core) == time_trace(trace, core, reuse=False)


SKIP = """.globl f
f: mov x9, #300
mov x11, #{start}
.p2align 4
1: cbnz x11, 2f
nop
nop
nop
2: mov x11, #1
subs x9, x9, #1
b.ne 1b
ret
"""


def test_a_taken_branch_costs_the_same_whether_the_code_behind_it_ever_runs():
    never, once = (time_trace(traced(SKIP.format(start=start)), load_core("cortex-a53")) for start in (1, 0))
    assert once.instructions == never.instructions + 3
    assert abs(never.cycles - once.cycles) < 20


@pytest.mark.parametrize("core_name", list_cores())
@pytest.mark.parametrize("pair", ["strb w1, [x0, #1]\nldrb w1, [x0, #{}]", "str w1, [x0]\nldr w1, [x0, #{}]"])
def test_a_load_beside_what_a_store_wrote_does_not_wait_for_it(core_name, pair):
    def cycles(offset: int) -> int:
        code = f".globl f\nf: mov x9, #200\n1:\n{pair.format(offset)}\nsubs x9, x9, #1\nb.ne 1b\nret\n"
        return time_trace(traced(code), load_core(core_name)).cycles

    assert cycles(4) == pytest.approx(cycles(256), rel=0.02)


def test_bytes_that_an_older_store_wrote_are_found_behind_a_younger_one_beside_them():
    body = "str w1, [x0]\nstr w2, [x0, #4]\nldr w1, [x0, #{}]"
    code = f".globl f\nf: mov x9, #200\n1:\n{body}\nsubs x9, x9, #1\nb.ne 1b\nret\n"
    core = load_core("neoverse-n1")
    assert time_trace(traced(code.format(0)), core).cycles > 200 * int(core.store_forward_latency)
    assert time_trace(traced(code.format(64)), core).cycles < 200 * 3

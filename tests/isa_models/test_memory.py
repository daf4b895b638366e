"""Buffers reach the code and come back; calls that make no sense are refused before anything runs."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isa_models import Buffer, InputError, Machine, Pointer
from isa_models.memory import GUARD_BYTES, PAGE_BYTES, place
from tests.fuzz import examples

COPY = "1: cbz x2, 2f\nldrb w3, [x1], #1\nstrb w3, [x0], #1\nsub x2, x2, #1\nb 1b\n2: ret"


@pytest.mark.parametrize("hooks", ["native", "python"])
@pytest.mark.parametrize("size", [1, 7, 64, 4095, 4096, 4097, 10_000])
def test_copy(image_of, hooks, size):
    data = np.random.default_rng(size).bytes(size)
    buffers = [Buffer("from", data, alignment=1), Buffer("to", size, writable=True, alignment=4096)]
    result = Machine(image_of(COPY), hooks).call("f", [Pointer("to"), Pointer("from"), size], buffers, trace=True)
    assert result.outputs == {"to": data}


def test_array_contents_and_initial_output(image_of):
    values = np.arange(6, dtype=np.int16).reshape(2, 3)
    result = Machine(image_of("ret")).call("f", [], [Buffer("a", values, writable=True), Buffer("b", values.T)])
    assert result.outputs["a"] == values.tobytes()


def test_pointers_in_an_argument_block(image_of):
    body = "ldp x1, x2, [x0]\nldr w3, [x1]\nldr w4, [x0, #16]\nadd w3, w3, w4\nstr w3, [x2]\nret"
    block = Buffer("args", bytes(16) + (5).to_bytes(4, "little"), pointers={0: "in", 8: "out"})
    buffers = [block, Buffer("in", (37).to_bytes(4, "little")), Buffer("out", 4, writable=True)]
    result = Machine(image_of(body)).call("f", [Pointer("args")], buffers)
    assert result.outputs["out"] == (42).to_bytes(4, "little")


def test_pointers_into_a_buffer(image_of):
    """A list of addresses, as of the pixels of a window; one past the end is an address as well."""
    body = "ldp x1, x2, [x0]\nldp x3, x4, [x0, #16]\nldrb w1, [x1]\nldrb w2, [x2]\nadd x0, x1, x2\n" \
        "sub x4, x4, x3\nadd x0, x0, x4\nret"  # fmt: skip
    pointers = {0: Pointer("data", 2), 8: Pointer("data", 5), 16: "data", 24: Pointer("data", 6)}
    buffers = [Buffer("list", 32, pointers=pointers), Buffer("data", bytes([1, 2, 30, 4, 5, 100]), alignment=1)]
    assert Machine(image_of(body)).call("f", [Pointer("list")], buffers).x0 == 30 + 100 + 6


def test_eight_arguments(image_of):
    body = "".join(f"add x0, x0, x{number}\n" for number in range(1, 8)) + "ret"
    assert Machine(image_of(body)).call("f", [1, 2, 4, 8, 16, 32, 64, -128]).x0 == 127 - 128 + 2**64


def test_registers_and_stack_hold_nothing_useful(image_of):
    """Code that reads what nobody set does not find zeros, and finds the same in every call."""
    machine = Machine(image_of("str x9, [sp, #-16]!\nmov x0, x9\nldr x10, [sp], #16\nret"))
    assert machine.call("f").x0 == machine.call("f").x0 != 0
    stale = Machine(image_of("ldr x1, [sp, #-16]\nstr x0, [sp, #-16]\nmov x0, x1\nret"))
    assert [stale.call("f", [7]).x0 for _ in range(2)] == [0, 0]


def test_dot_product_instructions_run(image_of):
    """They trap on the emulator's models of older cores; the machine has them whichever core is timed."""
    body = "movi v1.16b, #3\nmovi v2.16b, #5\nmovi v0.4s, #0\nudot v0.4s, v1.16b, v2.16b\nfmov w0, s0\nret"
    assert Machine(image_of(body)).call("f").x0 == 60


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(st.tuples(st.integers(1, 9000), st.integers(0, 12), st.booleans()), min_size=1, max_size=6))
def test_placement(wanted):
    """Aligned, at the end of its pages as far as alignment permits, guarded on both sides."""
    buffers = [
        Buffer(f"b{number}", size, writable=writable, alignment=1 << power)
        for number, (size, power, writable) in enumerate(wanted)
    ]
    placements = list(place(buffers).values())
    end = 0
    for placement in placements:
        region, alignment = placement.region, placement.buffer.alignment
        last = placement.first_page + placement.mapped_bytes
        assert region.start % alignment == 0
        assert 0 <= last - region.end < alignment
        assert 0 <= region.start - placement.first_page < PAGE_BYTES
        assert placement.first_page - end >= GUARD_BYTES
        assert len(placement.page_image()) == placement.mapped_bytes
        assert placement.check(placement.page_image()) == bytes(region.size)
        end = last


@pytest.mark.parametrize(
    ("buffers", "arguments", "message"),
    [
        ([Buffer("a", 0)], [], "'a' has 0 bytes"),
        ([Buffer("a", b"")], [], "'a' has 0 bytes"),
        ([Buffer("a", 1 << 40)], [], "'a' has 1099511627776 bytes"),
        ([Buffer("a", [1, 2])], [], "'a' holds a list: give bytes, an array, or its size"),
        ([Buffer("a", "text")], [], "'a' holds a str: give bytes"),
        ([Buffer("a", 2.5)], [], "'a' holds a float: give bytes"),
        ([Buffer("a", 1), Buffer("a", 2)], [], "two buffers are named 'a'"),
        ([Buffer("a", 8, alignment=3)], [], "alignment 3"),
        ([Buffer("a", 8, alignment=8192)], [], "alignment 8192"),
        ([Buffer("a", 8, pointers={0: "b"})], [], "buffer 'a' at offset 0 points to 'b', but the buffers are: a"),
        ([Buffer("a", 8, pointers={1: "a"})], [], "offset 1 does not fit"),
        ([Buffer("a", 8, pointers={0: Pointer("a", 9)})], [], "'a' at offset 0 points to byte 9 of 'a', which has 8"),
        ([Buffer("a", 8)], [Pointer("b")], "an argument points to 'b'"),
        ([Buffer("a", 8)], [Pointer("a", 9)], "byte 9 of 'a'"),
        ([], [2**64], "does not fit 64 bits"),
        ([], [0] * 9, "9 arguments"),
    ],
)
def test_refused_calls(image_of, buffers, arguments, message):
    with pytest.raises(InputError, match=message) as caught:
        Machine(image_of("ret")).call("f", arguments, buffers)
    assert "\n" not in str(caught.value)


def test_budget_must_be_positive(image_of):
    with pytest.raises(InputError, match="budget is 0"):
        Machine(image_of("ret")).call("f", budget=0)


@pytest.mark.parametrize("hooks", ["native", "python"])
def test_budget_must_be_countable(image_of, hooks):
    machine = Machine(image_of("ret"), hooks)
    assert machine.call("f", budget=10**15).instructions == 1
    for budget in (10**15 + 1, 2**63, 10**20):
        with pytest.raises(InputError, match=f"budget is {budget} instructions: give at most"):
            machine.call("f", budget=budget)


def test_a_machine_is_not_shared_between_threads(image_of):
    machine = Machine(image_of("1: subs x0, x0, #1\nb.ne 1b\nret"), "python")
    started = threading.Event()
    outcome: list[object] = []

    def long_call():
        started.set()
        outcome.append(machine.call("f", [200_000], budget=1_000_000).instructions)

    thread = threading.Thread(target=long_call)
    thread.start()
    started.wait()
    refused = 0
    while thread.is_alive():
        try:
            machine.call("f", [1])
        except InputError as error:
            assert "another thread" in str(error)  # noqa: PT017
            refused += 1
            thread.join()
    assert refused == 1
    assert outcome == [400_001]

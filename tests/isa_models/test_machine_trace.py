"""Compiled hooks record exactly what plain Python hooks record, instruction by instruction."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from isa_models import (
    Buffer,
    Image,
    InputError,
    Machine,
    Pointer,
    UnsupportedInstructionError,
    hooks_native,
    plan_words,
)
from isa_models.addressing import UnknownEncodingError, address_form
from isa_models.operands import decode
from tests.fuzz import examples
from tests.isa_models.hook_pairs import MIDDLE, both, snippet_buffers

LOOP = """
    movi v0.8h, #0
    mov x3, x2
1:  ldr q1, [x0], #16
    ldr q2, [x1], #16
    eor v1.16b, v1.16b, v2.16b
    cnt v1.16b, v1.16b
    uadalp v0.8h, v1.16b
    subs x3, x3, #1
    b.ne 1b
    uaddlv s0, v0.8h
    fmov w0, s0
    ret
"""

ACCESSES = [
    "ldr q0, [x0]",
    "ldr q0, [x0, #3]",
    "ldr x4, [x0], #8",
    "ldr x4, [x0, #8]!",
    "ldrb w4, [x0, #1]",
    "ldrh w4, [x0, #2]",
    "ldrsb x4, [x0, #5]",
    "ldr d4, [x0, x3]",
    "ldp x4, x5, [x0], #16",
    "ldp q0, q1, [x0, #32]",
    "ldp w4, w5, [x0, #-8]",
    "str q0, [x1], #16",
    "str w4, [x1, #4]",
    "strb w4, [x1, #7]",
    "stp x4, x5, [x1, #16]!",
    "stp q0, q1, [x1], #32",
    "ld1 {v0.16b}, [x0]",
    "ld1 {v0.16b, v1.16b}, [x0], #32",
    "ld1 {v0.16b, v1.16b, v2.16b, v3.16b}, [x0], #64",
    "ld1 {v0.8b, v1.8b, v2.8b, v3.8b}, [x0]",
    "ld1 {v0.b}[3], [x0]",
    "ld1r {v0.4s}, [x0]",
    "ld1r {v0.16b}, [x0], #1",
    "ld2 {v0.16b, v1.16b}, [x0], #32",
    "ld2 {v0.4s, v1.4s}, [x0], x3",
    "ld3 {v0.8h, v1.8h, v2.8h}, [x0]",
    "ld4 {v0.8b, v1.8b, v2.8b, v3.8b}, [x0]",
    "st1 {v0.16b}, [x1], #16",
    "st1 {v0.16b, v1.16b, v2.16b, v3.16b}, [x1]",
    "st1 {v0.s}[2], [x1], #4",
    "st2 {v0.8h, v1.8h}, [x1]",
    "add x4, x4, #1",
    "ldur x4, [x0, #-5]",
    "ldrsw x4, [x0, #12]",
    "ldpsw x4, x5, [x0, #-4]",
    "ldnp q0, q1, [x0, #-64]",
    "stnp x4, x5, [x1, #-24]",
    "ldr q0, [x0, w3, uxtw #4]",
    "ldr d0, [x0, x8, lsl #3]",
    "ldr w4, [x0, w8, sxtw #2]",
    "ldrh w4, [x0, x8, sxtx]",
    "ldrb w4, [x0, xzr]",
    "str b0, [x1, x3]",
    "ldr h0, [x0, #6]",
    "ldtr x4, [x0, #7]",
    "ldr x4, f",
    "ldr q0, f + 4",
    "ldrsw x4, f",
    "prfm pldl1keep, [x0, #64]",
    "prfm pldl1keep, [x0, x3]",
    "prfum pldl1keep, [x0, #-3]",
    "prfm pldl1keep, f",
    "prfm pstl1strm, [x1, #8]",
    "prfm pldl3keep, [sp]",
    "prfm pldl2strm, [x0, w3, uxtw]",
    "prfm pldl1keep, [x0, w8, sxtw #3]",
    "prfm pldl1keep, [x0, xzr]",
    "prfm pldl1keep, [x4, x5]",
    "prfm plil1keep, [x0]",
    "prfm #6, [x0]",
    "ldr x5, [x1]\nprfm pldl1keep, [x5, #8]",
    "ld4r {v0.2d, v1.2d, v2.2d, v3.2d}, [x0], #32",
    "ld3 {v0.s, v1.s, v2.s}[1], [x0], x3",
    "st4 {v0.8h, v1.8h, v2.8h, v3.8h}, [x1], #64",
    "str x4, [sp, #-16]!\nldr x5, [sp], #16",
    "eor v0.16b, v1.16b, v2.16b",
    "ldapur x4, [x0, #9]",
    "ldapursh x4, [x0, #-3]",
    "stlurb w4, [x1, #-1]",
]


ALIGNED_ACCESSES = [
    "ldxr x4, [x0]",
    "ldar w4, [x0]",
    "stlr w4, [x1]",
    "ldadd x4, x5, [x1]",
    "swp w4, w5, [x1]",
    "cas x4, x5, [x1]",
]
"""Those that fault at an address which is no multiple of their size."""


@pytest.mark.parametrize("access", ACCESSES + ALIGNED_ACCESSES)
def test_one_instruction(image_of, access):
    result = both(image_of(f"mov x8, #-4\n{access}\nret"), MIDDLE, snippet_buffers())
    assert result.trace.index.tolist() == list(range(2 + len(access.splitlines())))
    assert result.trace.addresses_by_instruction[0] == result.trace.addresses_by_instruction[-1] == -1


@pytest.mark.parametrize("access", ACCESSES + ALIGNED_ACCESSES)
def test_addressing_agrees_with_the_operand_table(image_of, access):
    """The encoding and the operand table tell alike whether an instruction touches memory."""
    for instruction in image_of(f"mov x8, #-4\n{access}\nret").program.instructions:
        try:
            operands = decode(instruction)
        except UnsupportedInstructionError:
            continue  # the table holds what the timing models support
        expected = operands.memory is not None or operands.prefetch_level is not None
        assert (address_form(instruction.word, instruction.address) is not None) == expected, instruction


@pytest.mark.parametrize("word", [0xD9200820, 0x69000440, 0xF8200402])
def test_unknown_encodings(word):
    """STG, STGP, LDRAA."""
    with pytest.raises(UnknownEncodingError):
        address_form(word, 0x10000)


def test_addresses_are_those_of_the_instruction(image_of):
    """Against addresses worked out by hand, not only against the other hooks."""
    body = "ldr q0, [x0], #16\nldp q0, q1, [x0, #32]\nst1 {v0.16b-v3.16b}, [x1]\nadd x0, x0, #1\nldrb w3, [x0]\nret"
    machine = Machine(image_of(body))
    arguments = [Pointer("input"), Pointer("output")]
    result = machine.call("f", arguments, [Buffer("input", 64 + 64), Buffer("output", 64, writable=True)], trace=True)
    source, target = result.trace.addresses_by_instruction[0], result.trace.addresses_by_instruction[2]
    assert result.trace.addresses_by_instruction.tolist() == [source, source + 48, target, -1, source + 17, -1]
    assert source % 64 == target % 64 == 0


PREFETCHES = {
    "prfm pldl1keep, [x0, #72]": 72,
    "prfm pstl2strm, [x0, #4088]": 4088,
    "prfum pldl1keep, [x0, #-3]": -3,
    "prfm pldl3keep, [x0, x2, lsl #3]": -24,
    "prfm pldl1keep, [x0, w2, sxtw]": -3,
    "prfm pldl1keep, [x0, w2, uxtw #3]": None,
    "prfm pldl1keep, [x0, #0]\nadd x0, x0, #8\nprfm pldl1keep, [x0]": 0,
    "prfm plil1keep, [x0]": None,
    "prfm #7, [x0]": None,
}
"""What each prefetches, in bytes from x0; None for nothing. x2 holds -3."""


@pytest.mark.parametrize("kind", ["native", "python"])
@pytest.mark.parametrize("text", PREFETCHES)
def test_addresses_that_are_prefetched(image_of, kind, text):
    """Against addresses worked out by hand; what reaches no mapped memory prefetches nothing."""
    machine = Machine(image_of(f"{text}\nret"), kind)
    recorded = machine.call("f", [Pointer("input", 4096), 0, -3], [Buffer("input", 16384)], trace=True).trace
    start = machine.call("f", [Pointer("input", 4096), 0, -3], [Buffer("input", 16384)]).x0
    start -= 8 * text.count("add")
    wanted = -1 if PREFETCHES[text] is None else start + PREFETCHES[text]
    assert recorded.addresses_by_instruction[0] == wanted
    assert recorded.addresses_by_instruction[-1] == -1


@pytest.mark.parametrize("kind", ["native", "python"])
def test_a_prefetch_of_unmapped_memory_has_no_address(image_of, kind):
    """Behind a buffer, in its guard pages, where a load faults; on the last page it still has one."""
    body = "mov x3, #6\n1: prfm pldl1keep, [x0]\nadd x0, x0, #1024\nsubs x3, x3, #1\nb.ne 1b\nret"
    machine = Machine(image_of(body), kind)
    recorded = machine.call("f", [Pointer("input")], [Buffer("input", 3000, alignment=1)], trace=True).trace
    assert (recorded.address > 0).tolist() == [True, True, True, False, False, False]
    assert np.diff(recorded.address[:3]).tolist() == [1024, 1024]
    assert recorded.address.size == (recorded.index == 1).sum() == 6


def test_loop(image_of):
    """Blocks of the first and of later turns overlap; counts follow from the loop."""
    rng = np.random.default_rng(2)
    first, second = rng.integers(0, 256, (2, 16 * 50), np.uint8)
    buffers = [Buffer("a", first), Buffer("b", second)]
    result = both(image_of(LOOP), [Pointer("a"), Pointer("b"), 50], buffers)
    assert result.x0 == np.bitwise_count(first ^ second).sum()
    assert result.trace.counts().tolist() == [1, 1, *[50] * 7, 1, 1, 1]
    loads = result.trace.addresses_by_instruction[result.trace.index == 2]
    assert np.diff(loads).tolist() == [16] * 49


def test_straight_line_across_pages(image_of):
    """Long blocks are cut by the emulator where it likes."""
    body = "\n".join(f"add x3, x3, #{n % 7}\nldr x4, [x0, #{n % 50 * 8}]" for n in range(3000)) + "\nret"
    result = both(image_of(body), MIDDLE, snippet_buffers(), capacity=1 << 20)
    assert result.trace.index.tolist() == list(range(6001))


def test_calls_and_branches(image_of):
    body = """
    stp x29, x30, [sp, #-32]!
    str x2, [sp, #16]
1:  bl 3f
    tbz x2, #0, 2f
    ldr x4, [x0], #8
2:  sub x2, x2, #1
    cbnz x2, 1b
    adr x4, 4f
    blr x4
    ldp x29, x30, [sp], #32
    ret
3:  ld2 {v0.16b, v1.16b}, [x0]
    ret
4:  b 5f
    nop
5:  ret
    """
    result = both(image_of(body), [Pointer("input"), Pointer("output"), 7], snippet_buffers())
    assert result.instructions == 2 + 7 * 6 + 4 + 2 + 2 + 2


@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    outer=st.lists(st.sampled_from(ACCESSES), max_size=4),
    inner=st.lists(st.sampled_from(ACCESSES), min_size=1, max_size=8),
    skipped=st.lists(st.sampled_from(ACCESSES), max_size=3),
    turns=st.integers(1, 3),  # at most 7,104 of the buffers' 7,168 bytes
    capacity=st.integers(1, 40),
)
def test_any_nest_of_loops(assemble, outer, inner, skipped, turns, capacity):
    """Nested loops with a branch that is taken every other turn, at any capacity."""
    lines = ["mov x8, #-2", "mov x6, x2", "1: mov x7, x2", *outer, "2: nop", *inner, "tbnz x7, #0, 3f", *skipped]
    lines += ["3: sub x7, x7, #1", "cbnz x7, 2b", "sub x6, x6, #1", "cbnz x6, 1b", "ret"]
    body = "\n".join(lines)
    arguments = [Pointer("input", 1024), Pointer("output", 1024), turns, 16]
    both(Image.from_elf(assemble(body)), arguments, snippet_buffers(), capacity)


@pytest.mark.parametrize("capacity", [1, 2, 3, 5, 64])
def test_tiny_capacity(image_of, capacity):
    """Room for the trace is made many times."""
    body = "1: ld2 {v0.16b, v1.16b}, [x0]\nldp q0, q1, [x0], #32\nsubs x2, x2, #1\nb.ne 1b\nret"
    result = both(image_of(body), [Pointer("input"), Pointer("output"), 20], snippet_buffers(), capacity)
    assert result.instructions == 81


def test_little_room_for_plans(image_of, monkeypatch):
    """Plans are forgotten and made again."""
    monkeypatch.setattr(hooks_native, "_PLAN_WORDS", 60)
    body = "1: ldr x4, [x0], #8\ncbz x2, 9f\nldr x5, [x0]\nb 2f\nnop\n2: ldr x6, [x1]\nsub x2, x2, #1\nb 1b\n9: ret"
    result = both(image_of(body), [Pointer("input"), Pointer("output"), 20], snippet_buffers())
    assert result.instructions == 20 * 7 + 3


def test_capacity_must_be_positive(image_of):
    with pytest.raises(InputError, match="trace capacity is 0"):
        Machine(image_of("ret"), trace_capacity=0)


@pytest.mark.parametrize(("owner", "name"), [(hooks_native._Recorded, "take_over"), (plan_words.ProgramPlans, "words")])
def test_error_in_a_callback_is_raised(image_of, monkeypatch, owner, name):
    """What happens in Python, Ctrl-C say, is not lost in the compiled code that called it."""

    def interrupted(*_):
        raise KeyboardInterrupt

    machine = Machine(image_of(LOOP), "native", trace_capacity=8)
    buffers = [Buffer("a", 1600), Buffer("b", 1600)]
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, interrupted)
        with pytest.raises(KeyboardInterrupt):
            machine.call("f", [Pointer("a"), Pointer("b"), 100], buffers, trace=True)
    result = machine.call("f", [Pointer("a"), Pointer("b"), 100], buffers, trace=True)
    assert result.instructions == 2 + 7 * 100 + 3


def test_unknown_access_is_an_error_only_where_executed_and_traced(image_of):
    machine = Machine(image_of("cbz x1, 1f\n.inst 0xf8200402 // ldraa x2, [x0]\n1: ret"), "native")
    output = [Buffer("output", 8, writable=True)]
    assert machine.call("f", [Pointer("output"), 0], output, trace=True).instructions == 2
    assert machine.call("f", [Pointer("output"), 1], output).instructions == 3
    with pytest.raises(UnsupportedInstructionError, match=r"'ldraa .* of the ISA feature 'pauth': compile without it"):
        machine.call("f", [Pointer("output"), 1], output, trace=True)


def test_one_machine_for_many_calls(image_of):
    """100 calls with buffers of changing sizes equal 100 calls on fresh machines, traced or not."""
    rng = np.random.default_rng(3)
    shared = Machine(image_of(LOOP))
    for call in range(100):
        turns = int(rng.integers(1, 700))
        first, second = rng.integers(0, 256, (2, 16 * turns), np.uint8)
        buffers = [Buffer("a", first), Buffer("b", second)]
        arguments = [Pointer("a"), Pointer("b"), turns]
        result = shared.call("f", arguments, buffers, trace=call % 2 == 0)
        assert result.x0 == np.bitwise_count(first ^ second).sum()
        if call % 10 == 0:
            fresh = Machine(image_of(LOOP)).call("f", arguments, buffers, trace=True)
            np.testing.assert_array_equal(result.trace.addresses_by_instruction, fresh.trace.addresses_by_instruction)


def test_a_machine_per_thread(image_of):
    """Threads with a machine each do not disturb one another."""
    image = image_of(LOOP)
    turns = 20_000
    wrong: list[str] = []

    def work(seed):
        rng = np.random.default_rng(seed)
        machine = Machine(image, trace_capacity=1000)
        for _ in range(5):
            first, second = rng.integers(0, 256, (2, 16 * turns), np.uint8)
            buffers = [Buffer("a", first), Buffer("b", second)]
            # 16-bit lanes hold up to 65535: 20,000 turns of at most 16 can overflow, so sum as the lanes do
            result = machine.call("f", [Pointer("a"), Pointer("b"), turns], buffers, trace=True)
            lanes = np.bitwise_count(first ^ second).reshape(turns, 8, 2).sum((0, 2)) % 65536
            if (result.x0, len(result.trace)) != (lanes.sum(), 2 + 7 * turns + 3):
                wrong.append(f"seed {seed}: {result.x0}")

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_hooks_say_what_they_are(image_of):
    assert Machine(image_of("ret")).hooks == "native"
    assert Machine(image_of("ret"), "python").hooks == "python"
    with pytest.raises(InputError, match="no hooks of kind 'fast'"):
        Machine(image_of("ret"), "fast")


# Addresses formed in every way at hand. x0, x1, x9, x10 point into the buffers, x3 holds 0 to 127 and x11 -128 to 127,
# w12 less than 2,000 away from 0; x4, x5, x13, x14 hold anything; x6 and x7 count turns.


def test_plans_are_shared_by_programs_that_do_the_same_to_addresses(image_of):
    """And by no others: each kind of difference is traced right behind the program that it differs from."""
    body = "movi v0.8h, #{0}\n1: {1}\nsubs x2, x2, #{2}\nb.{3} 1b\nret"
    first = ("1", "ldr q1, [x0], #16", "1", "ne")
    alike = [("2", *first[1:])]
    others = [(first[0], "ldr q1, [x0, #16]", *first[2:]), (*first[:2], "2", "ne"), (*first[:3], "gt")]
    plans = plan_words.program_plans(image_of(body.format(*first)).program)
    for different, group in ((False, alike), (True, others)):
        for one in group:
            image = image_of(body.format(*one))
            assert (plan_words.program_plans(image.program) is not plans) == different, one
            both(image, [Pointer("a"), 0, 4], [Buffer("a", 160)], 8)

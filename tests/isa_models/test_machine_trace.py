"""Compiled hooks record exactly what plain Python hooks record, instruction by instruction."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from isa_models import Buffer, Image, InputError, Machine, Pointer, UnsupportedInstructionError, hooks_native
from isa_models.addressing import UnknownEncodingError, address_form
from isa_models.operands import decode
from tests.fuzz import examples

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
    "ld4r {v0.2d, v1.2d, v2.2d, v3.2d}, [x0], #32",
    "ld3 {v0.s, v1.s, v2.s}[1], [x0], x3",
    "st4 {v0.8h, v1.8h, v2.8h, v3.8h}, [x1], #64",
    "str x4, [sp, #-16]!\nldr x5, [sp], #16",
    "eor v0.16b, v1.16b, v2.16b",
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


def both(image, arguments, buffers, capacity=64):
    """Run with either kind of hooks; check that they agree, and return the result."""
    results = [
        Machine(image, "native", trace_capacity=capacity).call("f", arguments, buffers, trace=True),
        Machine(image, "python").call("f", arguments, buffers, trace=True),
    ]
    native, plain = results
    assert native.trace is not None
    assert plain.trace is not None
    assert native.outputs == plain.outputs
    assert native.x0 == plain.x0
    assert native.instructions == plain.instructions == len(native.trace) == len(plain.trace)
    np.testing.assert_array_equal(native.trace.index, plain.trace.index)
    np.testing.assert_array_equal(native.trace.addresses_by_instruction, plain.trace.addresses_by_instruction)
    assert native.trace.index.dtype == plain.trace.index.dtype == np.int32
    assert native.trace.addresses_by_instruction.dtype == plain.trace.addresses_by_instruction.dtype == np.int64
    return native


def snippet_buffers():
    rng = np.random.default_rng(1)
    return [
        Buffer("input", rng.integers(0, 256, 8192, np.uint8)),
        Buffer("output", rng.integers(0, 256, 8192, np.uint8), writable=True),
    ]


MIDDLE = [Pointer("input", 1024), Pointer("output", 1024), 3, 16]


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
            expected = decode(instruction).memory is not None
        except UnsupportedInstructionError:
            continue  # the table holds what the timing models support
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


@pytest.mark.parametrize(("owner", "name"), [(hooks_native._Recorded, "take_over"), (hooks_native, "plan_block")])
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
    with pytest.raises(UnsupportedInstructionError, match="ldraa"):
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
ADDRESS_SNIPPETS = [
    "mov x9, x0",
    "mov x10, x9",
    "mov x9, x10",
    "orr x9, xzr, x1",
    "add x9, x1, #40",
    "sub x10, x0, #24",
    "adds x9, x9, #8",
    "subs x10, x10, #8",
    "add x9, x0, x3",
    "add x9, x9, x11",
    "sub x10, x1, x3, lsl #2",
    "add x9, x0, w3, uxtw #2",
    "add x10, x9, w12, sxtw",
    "add x9, x0, x11, lsl #1",
    "csel x9, x0, x10, eq",
    "mov x3, #17",
    "mov w3, #9",
    "mov w3, w2",
    "mov x3, x2",
    "and x3, x3, #0x3f",
    "mul x3, x2, x2",
    "ldrb w3, [x9]\nand x3, x3, #0x7f",
    "mov x11, #-5",
    "neg x11, x3",
    "sxtb x11, w3",
    "mov w12, #-3",
    "movn x12, #2",
    "mov w12, w3",
    "add w12, w12, #1",
    "sub w12, w12, #7",
    "add w12, w3, w3",
    "lsl w12, w3, #1",
    "sub w12, w3, w11",
    "lsl x13, x3, #2\nldrb w4, [x10, x13]",
    "lsl w13, w3, #3\nldrb w4, [x10, w13, uxtw]",
    "sxtw x13, w12\nldrb w4, [x9, x13]",
    "ubfx x13, x3, #1, #4\nldr x4, [x9, x13, lsl #3]",
    "add x13, x9, #1, lsl #12\nldrb w4, [x13]",
    "mov x13, sp\nldr x4, [x13, #-64]",
    "sub x13, sp, #32\nstr x4, [x13]",
    "umov w13, v0.b[0]\nand x13, x13, #7\nldrb w4, [x9, x13]",
    "fmov x13, d1\nand x13, x13, #31\nldrb w4, [x10, x13]",
    "ldr x4, [x9], #8",
    "ldr x4, [x10, #-8]!",
    "ldr x4, [x9, #8]",
    "ldr x4, [x9, x3]",
    "ldr x4, [x10, x11]",
    "ldr w4, [x9, w12, sxtw]",
    "ldr w4, [x9, w12, sxtw #2]",
    "ldrb w4, [x9, w3, uxtw]",
    "ldr x4, [x10, x3, lsl #3]",
    "ldp x4, x5, [x9], #16",
    "stp x4, x5, [x1, #-16]!",
    "str x4, [x1], #24",
    "ldp x4, x5, [x9, #32]\nldp q0, q1, [x9, #-32]!",
    "stp x0, x1, [sp, #-16]!\nldp x10, x9, [sp], #16",
    "str x9, [x1]\nldr x10, [x1]",
    "str x0, [x1]\nmov x9, x1\nldr x9, [x9]\nldr x4, [x9]",
    "str x10, [x1]\nldp x9, x5, [x1]\nldr q0, [x9, #16]\nadd x9, x9, #16",
    "ld1 {v0.16b}, [x9], x3",
    "ld1 {v0.16b, v1.16b, v2.16b}, [x9], #48",
    "ld1 {v0.8b, v1.8b}, [x10], #16",
    "ld2 {v0.d, v1.d}[1], [x9], #16",
    "ld3 {v0.h, v1.h, v2.h}[1], [x9], #6",
    "ld4r {v0.4s, v1.4s, v2.4s, v3.4s}, [x10], #16",
    "st1 {v0.s}[1], [x1], #4",
    "st2 {v0.16b, v1.16b}, [x1], x11",
    "and x13, x1, #~15\nldadd x4, x5, [x13]",
    "and x13, x1, #~15\nswpal x13, x13, [x13]",
    "and x13, x1, #~15\nldxp x4, x5, [x13]\nstxp w14, x4, x5, [x13]\ncasp x4, x5, x4, x5, [x13]",
    "prfm pldl1keep, [x9]",
    "mrs x13, nzcv",
    "yield\nldr x4, [x9]",
    "adr x13, 4f\n4: ldr x4, [x13]",
    "adr x13, 4f\nbr x13\nldr x4, [x0]\n4: ldr x4, [x9]",
    "bl 4f\nb 5f\n4: ldr x4, [x10], #8\nret\n5:",
]


@settings(max_examples=examples(80), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    outer=st.lists(st.sampled_from(ADDRESS_SNIPPETS), max_size=8),
    inner=st.lists(st.sampled_from(ADDRESS_SNIPPETS), min_size=1, max_size=12),
    skipped=st.lists(st.sampled_from(ADDRESS_SNIPPETS), max_size=5),
    entry=st.integers(0, 12),
    turns=st.integers(1, 12),
    capacity=st.integers(1, 40),
)
def test_any_way_to_form_addresses(assemble, outer, inner, skipped, entry, turns, capacity):
    """Registers loaded, moved, added up, cut to words; a branch into the middle, and one taken every other turn."""
    inner = [*inner[:entry], "6:", *inner[entry:]]
    lines = ["stp x29, x30, [sp, #-16]!", "mov x9, x0", "mov x10, x1", "mov x11, #64", "mov x12, #5", "mov x6, #3"]
    lines += ["1: mov x7, x2", *outer, "tbnz x6, #0, 6f", "2:", *inner, "tbnz x7, #0, 3f", *skipped]
    lines += ["3: sub x7, x7, #1", "cbnz x7, 2b", "sub x6, x6, #1", "cbnz x6, 1b", "ldp x29, x30, [sp], #16", "ret"]
    half = 1 << 20
    rng = np.random.default_rng(4)
    content = rng.integers(0, 256, 2 * half, np.uint8)
    buffers = [Buffer("input", content), Buffer("output", content, writable=True)]
    arguments = [Pointer("input", half), Pointer("output", half), turns, 16]
    both(Image.from_elf(assemble("\n".join(lines))), arguments, buffers, capacity)


@pytest.mark.parametrize(
    "body",
    [
        "ldr x4, [x0], #8",
        "ldr x4, [x0, x3]\nadd x0, x0, x3, lsl #1",
        "ldr q0, [x0, x3]\nadd x3, x3, #16\nldr q1, [x1], #32",
        "ldr x4, [x9]\nmov x9, x10\nmov x10, x0\nadd x0, x0, #8",
        "mov x13, x9\nmov x9, x10\nmov x10, x13\nldr x4, [x9]",
        "ldrb w4, [x0, w11, sxtw]\nadd w11, w11, #1",
        "add w13, w12, #3\nadd w12, w12, #1\nldrb w4, [x0, w13, uxtw]",
        "add w13, w12, #3\nadd w12, w12, #1\nldrb w4, [x0, x13]",
        "add w12, w12, #1\nadd x13, x0, w12, sxtw #3\nldr x4, [x13]",
        "add x13, x11, #5\nadd x11, x11, #1\nldrb w4, [x0, w13, sxtw #0]",
        "add x13, x11, #20\nadd w14, w13, w13\nadd x11, x11, #1\nldrb w4, [x0, x14]",
        "add x3, x3, x8\nadd x8, x8, #2\nldrb w4, [x0, x3]",
        "add x13, x3, x3\nldrb w4, [x0, x13]\nadd x3, x13, #1\nand x3, x3, #0x3ff",
        "ldrb w4, [x0, x8]\nadd x8, x8, x8",
        "ldr x4, [x9]\nadd x9, x0, x0\nsub x9, x9, x0\nadd x0, x0, #16",
        "sub x9, x0, x3, lsl #2\nldr x4, [x9]\nadd x3, x3, #1",
        "ld1 {v0.16b}, [x0], x3\nst1 {v0.8b, v1.8b, v2.8b}, [x1], #24",
        "mov x3, #24\nldr x4, [x0, x3]\nadd x0, x0, x3",
        "str x9, [x1]\nldr x9, [x1]\nldr x4, [x9], #8",
        "mov x13, sp\nldr x4, [x13, #-64]\nstr x4, [sp, #-16]!\nldr x5, [sp], #16",
        "",
    ],
)
@pytest.mark.parametrize("turns", [1, 2, 3, 4, 5, 12, 200])
def test_loop_of_one_block(image_of, body, turns):
    """All turns are recorded at once, by extrapolation where addresses move evenly."""
    turns = min(turns, 12) if "add x8, x8" in body else turns  # its addresses soon leave the buffer
    start = "mov x9, x0\nmov x10, x0\nmov x11, #-9\nmov x12, #-2\nmov x8, #1\nmov x3, #3"
    image = image_of(f"{start}\nmov x7, x2\n1:\n{body}\nsubs x7, x7, #1\nb.ne 1b\nret")
    buffers = [Buffer("input", 1 << 16), Buffer("output", bytes(1 << 16), writable=True)]
    both(image, [Pointer("input", 1 << 15), Pointer("output", 1 << 15), turns], buffers, 7)


@pytest.mark.parametrize(
    "body",
    [
        "ldr x9, [x1]\nldr x4, [x9, #8]\nldr x4, [x9], #8\nldr x4, [x9]",
        "ldr x9, [x1]\nmov x10, x9\nmov x9, x0\nldr x4, [x10, #16]\nldr x4, [x9]",
        "ldr x9, [x1]\nadd x10, x9, #8\nldr x9, [x1]\nldr x4, [x10]\nldr x4, [x9, #24]",
        "ldr x9, [x1]\nadd x10, x9, x3\nldr x4, [x10]",
        "ldr x9, [x1]\nadd x10, x3, x9\nldr x4, [x10]",
        "ldrb w9, [x1, #24]\nadd w13, w9, #1\nldr x4, [x0, x13]",
        "ldr x9, [x1]\nadd w13, w9, #1\nand x13, x13, #7\nldr x4, [x0, x13]",
        "ldr x9, [x1]\nadd x10, x9, x3\nldr x4, [x10]\nldr x4, [x9, x3, lsl #3]",
        "ldp x9, x10, [x1]\nldr x4, [x9, #8]\nldr x4, [x10]\nldr x9, [x1], #8\nldr x4, [x9]",
        "mov x9, x1\nldr x9, [x9]\nldr x9, [x9]\nldr x4, [x0]",
        "ldr x9, [x1]\ncbz x2, 1f\n1: ldr x4, [x9]\nmul x3, x3, x3\nldr x4, [x9, x3]",
        "umov w13, v0.b[0]\nadd x9, x0, w13, uxtb\nldr x4, [x9]",
        "fmov w13, s1\nlsr w13, w13, #26\nldr x4, [x0, x13]",
        "mov w9, w0\nsub x9, x0, x9\nadd x9, x9, w0, uxtw\nldr x4, [x9]",
        "mov x3, #0x10\nmovk x3, #0, lsl #16\nldr x4, [x0, x3]",
        "mov w12, #-3\nldr x4, [x0, w12, sxtw #3]\nadd x12, x12, #5\nldr x4, [x0, w12, uxtw #3]",
        "mov x11, #-1\nadd x13, x11, #1\nldr x4, [x0, w13, uxtw]\nadd x13, x0, w13, sxtw\nldr x4, [x13]",
        "sub x13, x3, #1\nsub x13, x13, #9\nldr x4, [x0, w13, sxtw #3]",
        "mov x3, #0xffffffff\nldr x4, [x0, w3, sxtw]\nadd x3, x3, #1\nldr x4, [x0, w3, sxtw]",
    ],
)
def test_straight_line(image_of, body):
    """Loaded, moved and cut registers as addresses in the block in which they are written."""
    pointers = {0: "input", 8: "input", 16: "input"}
    output = Buffer("output", bytes(range(256)), pointers=pointers, writable=True)
    arguments = [Pointer("input", 512), Pointer("output"), 1, 4]
    rng = np.random.default_rng(5)
    both(image_of(f"{body}\nret"), arguments, [Buffer("input", rng.integers(0, 256, 1024, np.uint8)), output])


@pytest.mark.parametrize("access", ["ldrb w4, [x13, w12, uxtw]", "add x14, x13, x12\nldrb w4, [x14]"])
def test_loop_in_which_a_word_wraps(image_of, access):
    """Addresses that move evenly only until a 32-bit index starts again at zero: from a buffer to 4 GiB below it."""
    body = f"adr x13, 1f\nmov w12, #-20\n1: {access}\nadd w12, w12, #1\nsubs x1, x1, #1\nb.ne 1b\nret"
    result = both(image_of(body), [Pointer("input"), 40], [Buffer("input", 18 << 20)])
    loads = result.trace.address
    assert np.diff(loads)[:3].tolist() == [1, 1, 1]
    assert np.diff(loads)[19] == 1 - 2**32

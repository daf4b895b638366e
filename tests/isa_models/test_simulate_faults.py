"""Code and input that cannot be timed: one line that names instruction and source line, and what to do."""

from __future__ import annotations

import pytest

from isa_models import (
    AssemblyError,
    Buffer,
    IllegalInstructionError,
    ImageError,
    InputError,
    MemoryFaultError,
    RunawayError,
    SystemCallError,
    UnsupportedInstructionError,
    simulate,
)

BUFFERS = ("buf:64", "buf:30")


def failure(kind, body, **options):
    """Simulate `f: body`, whose first line is source.S:3; return the error's message."""
    options = {"args": BUFFERS, "budget": 40_000, **options}
    with pytest.raises(kind) as caught:
        simulate(f".globl f\nf:\n{body}\n", **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("kind", "body", "line", "pieces"),
    [
        (RunawayError, "b f", 3, ["'b #", "without returning"]),
        (RunawayError, "1: add x0, x0, #1\nb 1b", 3, ["'add x0, x0, #1'", "budget of 40000 instructions"]),
        (MemoryFaultError, "mov x2, #64\nbr x2", 4, ["'br x2': jumps to 0x40, a null pointer"]),
        (MemoryFaultError, "mov x2, #0x123400000000\nblr x2", 4, ["'blr x2': jumps to", "far from everything"]),
        (
            MemoryFaultError,
            "ldr q0, [x3, #32]\nret",
            3,
            ["formed from x3, which nobody set: give the function as many"],
        ),
        (MemoryFaultError, "nop\nbr x0", 4, ["'br x0': jumps to", "buffer 'x0'"]),
        (MemoryFaultError, "ldr q0, [x0, #64]\nret", 3, ["load from", "1 byte past the end of buffer 'x0'"]),
        (MemoryFaultError, "nop\nldrb w2, [x0, #-1]\nret", 4, ["1 byte before the start of buffer 'x0' (64 bytes"]),
        (MemoryFaultError, "ldr q0, [x1, #16]\nret", 3, ["16-byte load", "1 byte past the end of buffer 'x1' (30"]),
        (MemoryFaultError, "ldr q0, [x1, #32]\nret", 3, ["3 bytes past the end of buffer 'x1'"]),
        (MemoryFaultError, "nop\nstrb w2, [x1, #31]\nret", 4, ["1-byte store", "2 bytes past the end of buffer 'x1'"]),
        (MemoryFaultError, "strb w2, [x1, #-1]\nret", 3, ["1-byte store", "1 byte before the start of buffer 'x1'"]),
        (MemoryFaultError, "adr x2, f\nstr w0, [x2]\nret", 4, ["'str w0, [x2]': 4-byte store", "the image's code"]),
        (MemoryFaultError, "sub sp, sp, #8\nstr x0, [sp]\nadd sp, sp, #8\nret", 4, ["'str x0, [sp]'", "of 16"]),
        (MemoryFaultError, "str x0, [sp, #-8]!\nldr x0, [sp], #8\nret", 4, ["'ldr x0, [sp], #8': sp is no multiple"]),
        (MemoryFaultError, "1: stp x0, x1, [sp, #-16]!\nb 1b", 3, ["before the start of the stack"]),
        (SystemCallError, "nop\nsvc #3\nret", 4, ["'svc #3': system call"]),
        (SystemCallError, "smc #0\nret", 3, ["'smc #0': system call"]),
        (SystemCallError, "wfi\nret", 3, ["'wfi': waits for an interrupt, which never comes; remove it"]),
        (SystemCallError, "nop\nwfi\nadd z0.b, z1.b, z2.b", 4, ["'wfi': waits for an interrupt"]),
        (SystemCallError, "brk #1\nret", 3, ["'brk #1': breakpoint"]),
        (SystemCallError, "hlt #1\nret", 3, ["'hlt #1': there is no system beneath"]),
        (SystemCallError, "hvc #1\nret", 3, ["'hvc #1': there is no system beneath"]),
        (InputError, "nop\nudot v0.4s, v1.16b, v2.16b\nret", 4, ["'udot v0.4s", "'dotprod', cortex-a72 has not"]),
        (InputError, "add z0.b, z1.b, z2.b\nret", 3, ["'add z0.b, z1.b, z2.b' needs the ISA feature 'sve'"]),
        (InputError, "ptrue p0.b\nret", 3, ["'ptrue p0.b' needs the ISA feature 'sve'"]),
        (InputError, "ld1b {z0.b}, p0/z, [x0]\nret", 3, ["'ld1b {z0.b}, p0/z, [x0]' needs the ISA feature 'sve'"]),
        (
            InputError,
            "usdot v0.4s, v1.16b, v2.16b\nret",
            3,
            ["'usdot v0.4s, v1.16b, v2.16b' needs the ISA feature 'i8mm'"],
        ),
        (InputError, "bfdot v0.4s, v1.8h, v2.8h\nret", 3, ["'bfdot v0.4s, v1.8h, v2.8h' needs the ISA feature 'bf16'"]),
        (InputError, "irg x0, x0\nret", 3, ["'irg x0, x0' needs the ISA feature 'mte', which is not emulated"]),
        (InputError, "nop\nst2g x0, [x0]\nret", 4, ["'st2g x0, [x0]' needs the ISA feature 'mte'"]),
        (InputError, "aese v0.16b, v1.16b\nret", 3, ["'aese v0.16b, v1.16b'", "'aes'"]),
        (UnsupportedInstructionError, "mrs x0, midr_el1\nret", 3, ["'mrs x0, midr_el1'"]),
        (AssemblyError, "nop\nfoo x0\nret", 4, ["unrecognized instruction mnemonic"]),
        (AssemblyError, '.include "none.inc"', 3, ["none.inc"]),
    ],
)
def test_error_names_instruction_and_line(kind, body, line, pieces):
    message = failure(kind, body)
    assert message.startswith(f"source.S:{line}")
    for piece in pieces:
        assert piece in message


def test_falling_off_the_end():
    assert "data executed as code" in failure(IllegalInstructionError, "nop")


def test_read_only_buffer():
    message = failure(MemoryFaultError, "str x1, [x0]\nret", args=["buf:64:ro"])
    assert message.startswith("source.S:3")
    assert "(64 bytes, read-only)" in message


def test_a_store_beside_one_of_several_buffers_with_pointers():
    block = Buffer("block", 20, writable=True, pointers={8: "data"})
    body = "ldr x1, [x0, #8]\nstr x1, [x1, #24]\nret"
    message = failure(MemoryFaultError, body, args=[block], buffers=[Buffer("data", 30, writable=True)])
    assert message.startswith("source.S:4")
    assert "8-byte store" in message
    assert "1 byte past the end of buffer 'data' (30 bytes, writable)" in message


def test_an_aligned_stack_and_accesses_up_to_the_ends_are_fine():
    body = "str x0, [sp, #-16]!\nldr q0, [x0, #48]\nldr q0, [x1, #14]\nldrb w2, [x1, #29]\nldr x0, [sp], #16\nret"
    assert simulate(f"f:\n{body}\n", args=BUFFERS).instructions == 6


def test_a_loop_that_goes_one_turn_too_far():
    body = "mov w2, #{}\n1: ldr q0, [x1], #7\nsubs w2, w2, #1\nb.ne 1b\nret"
    assert simulate(f"f:\n{body.format(3)}\n", args=[0, "buf:30"]).instructions == 11
    message = failure(MemoryFaultError, body.format(4))
    assert message.startswith("source.S:4")
    assert "16-byte load" in message


@pytest.mark.parametrize(
    ("options", "piece"),
    [
        ({"function": "g"}, "no function 'g': functions: f"),
        ({"function": "ff"}, "did you mean f?"),
        ({"core": "cortex-a71"}, "unknown core 'cortex-a71': did you mean cortex-a7"),
        ({"overrides": {"l2.latenc": 3}}, "l2.latenc"),
        ({"overrides": {"l2.latency": "slow"}}, "l2.latency"),
        ({"overrides": {"l2.latency": object()}}, "override l2.latency: no value of type object"),
        ({"core": None}, "core of type NoneType: give its name"),
        ({"timeline": 5}, "timeline 5: give its first and last + 1 instruction, such as (0, 100)"),
        ({"timeline": (5,)}, "timeline (5,): give its first"),
        ({"timeline": (0, 2.5)}, "timeline (0, 2.5): give its first"),
        ({"timeline": (3, 9)}, "timeline 3:9 is no window of the 1 executed instructions: give first and last + 1"),
        ({"args": ["bar"]}, "argument 'bar': write an integer, f64:NUMBER, f32:NUMBER, buf:SIZE"),
        ({"args": ["buf:x"]}, "argument 'buf:x'"),
        ({"args": ["buf:"]}, "argument 'buf:'"),
        ({"args": ["buf:8:seed"]}, "argument 'buf:8:seed'"),
        ({"args": ["buf:0"]}, "buffer 'x0' has 0 bytes"),
        ({"args": ["buf:64:align=3"]}, "alignment 3"),
        ({"args": [1, "file:/no/such"]}, "/no/such: No such file"),
        ({"args": [2**64]}, "does not fit 64 bits"),
        ({"args": [0] * 9}, "9 arguments"),
        ({"args": 5}, "arguments 5: give a list"),
        ({"args": "12"}, "arguments '12': give a list"),
        ({"args": {"x0": 1}}, "arguments {'x0': 1}: give a list"),
        ({"buffers": ["buf:64"]}, "buffer 'buf:64': give a Buffer"),
        ({"function": 5}, "no function '5': functions: f"),
        ({"overrides": ["l2.latency=3"]}, "overrides ['l2.latency=3']: give fields and values"),
        ({"overrides": {5: 3}}, "overrides {5: 3}: give fields and values"),
        ({"warmup": -1}, "warm-up of -1 passes: give 0 for cold caches, or up to"),
        ({"warmup": "1"}, "warm-up of '1' passes"),
        ({"warmup": 10**6}, "warm-up of 1000000 passes"),
        ({"budget": 0}, "budget is 0"),
    ],
)
def test_wrong_call(options, piece):
    assert piece in failure(InputError, "ret", **options)


@pytest.mark.parametrize(
    ("source", "kind", "piece"),
    [
        ("nope.S", InputError, "nope.S: No such file"),
        (b"ret", InputError, "source of type bytes: give assembly text or the path of a file"),
        (None, InputError, "source of type NoneType"),
        ("", ImageError, "no executable code"),
        (".data\nf: .word 1\n", ImageError, "no executable code"),
        ("nop\n", InputError, "no function: put a label"),
        (".globl f\nf: ret\n.globl f\nf: ret\n", AssemblyError, "source.S: symbol 'f' is already defined"),
    ],
)
def test_wrong_source(source, kind, piece):
    with pytest.raises(kind) as caught:
        simulate(source)
    assert piece in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "piece"),
    [
        ("notes.txt", b"these are my notes\n", "neither assembly source (.S, .s) nor an ELF file or static library"),
        ("broken.o", b"\x7fELF" + bytes(100), "malformed ELF file"),
        ("broken.a", b"!<arch>\nnonsense", "cannot be linked"),
        ("x86.o", b"\x7fELF\2\1\1" + bytes(9) + b"\1\0\x3e\0" + bytes(44), "x86.o"),
    ],
)
def test_file_of_another_kind(tmp_path, name, content, piece):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        simulate(path)
    assert piece in str(caught.value)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_functions_of_other_sections_and_aliases(tmp_path):
    (tmp_path / "twice.S").write_text(
        '.globl f\nf: ret\n.globl f2\n.set f2, f\n.section other, "ax"\n.globl f3\nf3: ret\n'
    )
    assert simulate(tmp_path / "twice.S", function="f3").instructions == 1
    assert simulate(tmp_path / "twice.S", function="f2").instructions == 1

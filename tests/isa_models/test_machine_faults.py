"""Every way in which emulated code can go wrong ends in the error that names it, in one line."""

from __future__ import annotations

import pytest
import unicorn

from isa_models import (
    Buffer,
    CanaryError,
    ClobberedRegisterError,
    EmulationError,
    IllegalInstructionError,
    InputError,
    Machine,
    MemoryFaultError,
    Pointer,
    RunawayError,
    SystemCallError,
)

HOOKS = ("native", "python")


@pytest.fixture(params=HOOKS)
def run(request, image_of):
    """Call `f(output, input)` with 64 writable and 32 read-only bytes; return the error's text and the error."""

    def call(body, expected, trace=False, **options):
        machine = Machine(image_of(body), request.param)
        buffers = [Buffer("output", 64, writable=True), Buffer("input", bytes(range(32)), alignment=32)]
        with pytest.raises(expected) as caught:
            machine.call("f", [Pointer("output"), Pointer("input")], buffers, trace=trace, **options)
        assert type(caught.value) is expected
        message = str(caught.value)
        assert "\n" not in message
        return message, caught.value

    return call


@pytest.mark.parametrize("trace", [False, True])
@pytest.mark.parametrize(
    ("access", "place"),
    [
        (
            "ldrb w2, [x0, #64]",
            "1-byte load from {past:#x}, 1 byte past the end of buffer 'output' (64 bytes, writable)",
        ),
        (
            "strb w2, [x0, #64]",
            "1-byte store to {past:#x}, 1 byte past the end of buffer 'output' (64 bytes, writable)",
        ),
        ("strb w2, [x1, #36]", "5 bytes past the end of buffer 'input' (32 bytes, read-only)"),
        ("mov x3, #4033\nsub x0, x0, x3\nldrb w2, [x0]", "4033 bytes before the start of buffer 'output'"),
        ("ldr q0, [x0, #56]", "8-byte load from {past:#x}, 1 byte past the end of buffer 'output'"),
        ("mov x3, #-8\nldr x2, [sp, x3, lsl #0]\nldr x2, [sp, #16]", "17 bytes past the end of the stack"),
    ],
)
def test_access_outside_a_buffer(run, access, place, trace):
    message, error = run(f"{access}\nret", MemoryFaultError, trace=trace)
    assert place.format(past=error.state["x0"] + 64) in message
    line = 4 + len(access.splitlines())
    assert message.startswith(f"snippet.S:{line} (0x")
    assert "'ld" in message or "'st" in message


@pytest.mark.parametrize(
    ("body", "pieces"),
    [
        ("mov x2, #8\nldr q0, [x2]\nret", ["snippet.S:6", "'ldr q0, [x2]'", "8-byte load from 0x8, a null pointer"]),
        ("mov x2, #0x123400000000\nstr x0, [x2]", ["8-byte store to 0x123400000000, far from everything mapped"]),
        ("str x0, [x1, #8]\nret", ["8-byte store to", "at offset 8 of buffer 'input' (32 bytes, read-only)"]),
        ("adr x2, f\nstr w0, [x2]\nret", ["4-byte store to", "at offset 0 of the image's code"]),
        ("mov x2, #64\nbr x2", ["snippet.S:6", "'br x2': jumps to 0x40, a null pointer"]),
        ("nop\nbr x0", ["'br x0': jumps to", "at offset 0 of buffer 'output'"]),
        ("adr x2, f\nadd x2, x2, #2\nbr x2", ["snippet.S:7", "'br x2': jumps to", "no multiple of four"]),
        ("add x0, x0, #3\nldaxr x2, [x0]\nret", ["'ldaxr x2, [x0]'", "misaligned"]),
    ],
)
def test_memory_fault(run, body, pieces):
    message, _ = run(body, MemoryFaultError)
    for piece in pieces:
        assert piece in message


@pytest.mark.parametrize("loop", ["b f", "1: ldr x2, [x0]\nb 1b", "nop\n1: sub x3, x3, #1\ncbnz x3, 1b\nret"])
@pytest.mark.parametrize("trace", [False, True])
def test_runaway(run, loop, trace):
    message, _ = run(loop, RunawayError, budget=1000, trace=trace)
    assert "snippet.S:" in message
    assert "budget of 1000 instructions" in message


def test_budget_is_exact(image_of):
    machine = Machine(image_of("mov x2, #10\n1: subs x2, x2, #1\nb.ne 1b\nret"))
    assert machine.call("f", budget=22).instructions == 22
    with pytest.raises(RunawayError):
        machine.call("f", budget=21)


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("mov x19, #1\nret", ["x19 = 0x1"]),
        ("mov x29, #1\nret", ["x29 = 0x1"]),
        ("movi d8, #0\nret", ["d8 = 0x0"]),
        ("movi v15.16b, #1\nmov x28, #2\nret", ["d15 = 0x101010101010101", "x28 = 0x2"]),
        ("sub sp, sp, #16\nret", ["sp = "]),
    ],
)
def test_clobbered_register(run, body, names):
    message, _ = run(body, ClobberedRegisterError)
    for name in names:
        assert name in message


def test_upper_half_of_v8_may_change(image_of):
    Machine(image_of("mov v8.d[1], xzr\nret")).call("f")


@pytest.mark.parametrize(
    ("body", "expected", "text"),
    [
        ("nop\nsvc #3\nret", SystemCallError, "snippet.S:6 (0x{:x}): 'svc #3': system call"),
        ("nop\nbrk #1\nret", SystemCallError, "'brk #1': breakpoint"),
        ("nop\nudf #7\nret", IllegalInstructionError, "snippet.S:6"),
        ("nop\n.word 0xffffffff\nret", IllegalInstructionError, "'.word 0xffffffff'"),
        ("nop\nhlt #1\nret", IllegalInstructionError, "'hlt #1'"),
        ("nop\nwfi\nret", SystemCallError, "snippet.S:6 (0x{:x}): 'wfi': waits for an interrupt"),
    ],
)
def test_exception(run, body, expected, text):
    message, error = run(body, expected)
    assert text.format(error.state["pc"] - 4) in message


@pytest.mark.parametrize(
    ("offset", "place"), [(-1, "1 byte before the start"), (20, "1 byte past"), (31, "12 bytes past")]
)
def test_canary(image_of, offset, place):
    machine = Machine(image_of("strb wzr, [x0, x1]\nret"))
    buffer = Buffer("small", 20, writable=True, alignment=32)
    with pytest.raises(CanaryError, match=f"{place}.*'small' \\(20 bytes, writable\\)"):
        machine.call("f", [Pointer("small"), offset], [buffer])


def test_no_slack_without_alignment(image_of):
    machine = Machine(image_of("strb wzr, [x0, x1]\nret"))
    with pytest.raises(MemoryFaultError, match="1 byte past the end of buffer 'small'"):
        machine.call("f", [Pointer("small"), 20], [Buffer("small", 20, writable=True, alignment=1)])


def test_register_state(run):
    _, error = run("mov x7, #0x1234\nmovi v3.16b, #9\nmov x2, #0\nldr x2, [x2]", MemoryFaultError)
    assert error.state["x7"] == 0x1234
    assert error.state["v3"] == int("09" * 16, 16)
    lines = error.registers.splitlines()
    assert len(lines) > 20
    assert any("x7 0x0000000000001234" in line for line in lines)


@pytest.mark.parametrize("hooks", HOOKS)
def test_machine_works_after_every_kind_of_fault(image_of, hooks):
    """Control returns to a usable machine: the argument chooses the fault, and 0 none."""
    body = """
    cbz x1, 9f
    cmp x1, #1
    b.eq 1f
    cmp x1, #2
    b.eq 2f
    cmp x1, #3
    b.eq 3f
    svc #0
1:  ldr x2, [x0, #4096]
2:  b 2b
3:  mov x20, #0
9:  str x1, [x0]
    ret
    """
    machine = Machine(image_of(body), hooks)
    output = [Buffer("output", b"\xff" * 8, writable=True)]
    for trace in (False, True):
        for choice, expected in enumerate((MemoryFaultError, RunawayError, ClobberedRegisterError, SystemCallError), 1):
            with pytest.raises(expected):
                machine.call("f", [Pointer("output"), choice], output, budget=100, trace=trace)
            result = machine.call("f", [Pointer("output"), 0], output, budget=100, trace=trace)
            assert result.outputs == {"output": bytes(8)}
            assert result.instructions == 3


def test_all_are_emulation_errors():
    for kind in (MemoryFaultError, RunawayError, ClobberedRegisterError, CanaryError, SystemCallError):
        assert issubclass(kind, EmulationError)


def test_a_call_whose_buffers_find_no_memory_leaves_the_machine_usable(image_of, monkeypatch):
    machine = Machine(image_of("ldr x0, [x0]\nret"))
    map_pages, mapped = unicorn.Uc.mem_map, []

    def refuse_second(uc, *arguments):
        mapped.append(arguments)
        if len(mapped) == 2:
            raise unicorn.UcError(unicorn.UC_ERR_NOMEM)
        map_pages(uc, *arguments)

    def first_word(size):
        return machine.call("f", [Pointer("a")], [Buffer("a", bytes(range(64))), Buffer("b", size)]).x0

    expected = first_word(64)
    monkeypatch.setattr(unicorn.Uc, "mem_map", refuse_second)
    with pytest.raises(InputError, match=r"^no memory for \d+ bytes of buffers \(.*\): make them smaller$"):
        first_word(9000)
    assert first_word(64) == expected

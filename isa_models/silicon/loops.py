"""Run pieces of code in loops on the emulated machine, and time one pass through them in the steady state.

All pieces are assembled together and each is a function of its own; one that calls them saves the registers. The two
instructions of the loop itself, a count and a branch, are taken out of the traces: the loops that were measured hold
hundreds of copies, which hides theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from isa_models.assembling import image_of_text
from isa_models.core import Core
from isa_models.image import Image
from isa_models.machine import Machine
from isa_models.memory import Buffer, Pointer
from isa_models.timing import time_trace
from isa_models.trace import Trace

BUFFER_BYTES = 1 << 17
_START = 1 << 13
"""Where in the buffer x28 points: pieces may look behind it."""

_HEAD = f"""
.arch armv8.5-a+crypto+sha2+sha3+sm4+fp16+fp16fml+dotprod+crc+rdm+flagm
.text
.globl call_piece
call_piece:
stp x29, x30, [sp, #-176]!
stp x19, x20, [sp, #16]
stp x21, x22, [sp, #32]
stp x23, x24, [sp, #48]
stp x25, x26, [sp, #64]
stp x27, x28, [sp, #80]
stp d8, d9, [sp, #96]
stp d10, d11, [sp, #112]
stp d12, d13, [sp, #128]
stp d14, d15, [sp, #144]
mov x27, x1
mov x30, x2
add x28, x0, #{_START}
adr x16, 1f
str x16, [sp, #160]
{{clear}}
mov x0, x28
mov x20, x28
mov x21, x28
mov x22, x28
mov x23, x28
mov x24, #3
mov x25, #5
mov x26, #0
cmp x24, x25
br x30
1:
ldp x19, x20, [sp, #16]
ldp x21, x22, [sp, #32]
ldp x23, x24, [sp, #48]
ldp x25, x26, [sp, #64]
ldp x27, x28, [sp, #80]
ldp d8, d9, [sp, #96]
ldp d10, d11, [sp, #112]
ldp d12, d13, [sp, #128]
ldp d14, d15, [sp, #144]
ldp x29, x30, [sp], #176
ret
"""
_CLEAR = "\n".join(
    [f"mov x{number}, #0" for number in range(1, 16)] + [f"movi v{number}.2d, #0" for number in range(32)]
)


_LOOP_INSTRUCTIONS = 2  # subs and b.ne


@dataclass(frozen=True, slots=True)
class Piece:
    """Code to be run again and again: `setup` once, then `body` in a loop.

    Free registers: all but x27 and x29 and the stack pointer; their values at the start are those of `form.Form`.
    `with_loop`: whether counting down and branching back, two instructions behind each pass, are part of its traces.
    """

    body: tuple[str, ...]
    setup: tuple[str, ...] = ()
    with_loop: bool = False


class Loops:
    """Pieces of code, assembled and linked as one image, that can be run and timed. For one thread.

    Raises AssemblyError if the assembler refuses a line.
    """

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._numbers = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
        self._image = Image.from_elf(image_of_text(_source(list(self._numbers))))
        self._machine = Machine(self._image)

    def trace(self, piece: Piece, passes: int) -> Trace:
        """Run `passes` times through the body of a piece and return what it executed.

        Raises EmulationError for code that the machine cannot execute, UnsupportedInstructionError for an access to
        memory that the operand table does not know.
        """
        number = self._numbers[piece]
        first, last = (
            self._image.program.index_of(self._image.symbols[f"{name}_{number}"]) for name in ("body", "loop")
        )
        if piece.with_loop:
            last += _LOOP_INSTRUCTIONS
        entry = self._image.symbols[f"piece_{number}"]
        buffer = Buffer("buffer", BUFFER_BYTES, writable=True)
        run = self._machine.call("call_piece", [Pointer("buffer"), passes, entry], [buffer], trace=True)
        assert run.trace is not None  # noqa: S101  # asked for
        inside = (run.trace.index >= first) & (run.trace.index < last)
        body = self._image.program.part(first, last)
        index = (run.trace.index[inside] - first).astype(np.int32)
        return Trace.of_instructions(body, index, run.trace.addresses_by_instruction[inside])


def cycles_per_pass(trace: Trace, passes: tuple[int, int], core: Core) -> float:
    """Time the first `passes[0]` and `passes[1]` passes of a trace; return the cycles that each further one takes.

    Every pass must execute the same number of instructions.
    """
    short, long = passes
    each = len(trace) // long
    cycles = [time_trace(_first(trace, each * count), core).cycles for count in passes]
    return (cycles[1] - cycles[0]) / (long - short)


def _first(trace: Trace, count: int) -> Trace:
    return Trace.of_instructions(trace.program, trace.index[:count], trace.addresses_by_instruction[:count])


def _source(pieces: Sequence[Piece]) -> str:
    lines = [_HEAD.format(clear=_CLEAR)]
    for number, piece in enumerate(pieces):
        lines += [f".globl piece_{number}", f"piece_{number}:", *piece.setup]
        lines += [f".globl body_{number}", f"body_{number}:", *piece.body]
        lines += [f".globl loop_{number}", f"loop_{number}:", "subs x27, x27, #1", f"b.ne body_{number}"]
        lines += ["ldr x16, [sp, #160]", "br x16"]
    return "\n".join(lines)

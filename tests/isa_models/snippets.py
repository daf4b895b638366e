"""Short pieces of straight-line code as traces, made without running them.

The executed instructions are known, and addresses come from where each base register is said to point.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from isa_models import Core, Image, Instruction, Program, Trace, time_trace
from isa_models.assembling import image_of_text
from isa_models.operands import decode
from isa_models.trace import NO_ADDRESS

BUFFER_ADDRESS = 0x100000
_OFFSET = re.compile(r"\[\w+, #(0x[0-9a-f]+|\d+)\]")
_SHORT, _LONG = 8, 24


def assemble(snippets: Sequence[str]) -> list[Program]:
    """Assemble each snippet (GNU syntax, lines separated by newlines) and return one program per snippet, in order.

    Raises AssemblyError with the assembler's first message.
    """
    lines = []
    for number, snippet in enumerate(snippets):
        lines += [f".globl snippet_{number}", f"snippet_{number}:", snippet]
    lines += [f".globl snippet_{len(snippets)}", f"snippet_{len(snippets)}:", "ret"]
    image = Image.from_elf(image_of_text("\n".join(lines)))
    bounds = [image.program.index_of(image.symbols[f"snippet_{number}"]) for number in range(len(snippets) + 1)]
    return [image.program.part(first, last) for first, last in pairwise(bounds)]


def repeated_trace(program: Program, repetitions: int) -> Trace:
    """Return the trace of a straight-line program executed `repetitions` times in a row.

    Every base register points to `BUFFER_ADDRESS`; immediate offsets are added.
    """
    once = np.arange(len(program.instructions), dtype=np.int32)
    addresses = np.array([_address(instruction) for instruction in program.instructions], dtype=np.int64)
    return Trace.of_instructions(program, np.tile(once, repetitions), np.tile(addresses, repetitions))


def steady_cycles(program: Program, core: Core) -> float:
    """Cycles that one more repetition of a straight-line program takes once the pipeline is full."""
    short = time_trace(repeated_trace(program, _SHORT), core).cycles
    long = time_trace(repeated_trace(program, _LONG), core).cycles
    return (long - short) / (_LONG - _SHORT)


def _address(instruction: Instruction) -> int:
    if decode(instruction).memory is None:
        return NO_ADDRESS
    offset = _OFFSET.search(instruction.operands)
    return BUFFER_ADDRESS + (int(offset[1], 0) if offset else 0)

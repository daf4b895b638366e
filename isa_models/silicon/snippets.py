"""Assemble short pieces of code and turn them into traces, without running them.

The code is straight-line, so the executed instructions are known; addresses come from where each base register points.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from isa_models.errors import InputError
from isa_models.image import Image
from isa_models.operands import decode
from isa_models.program import Instruction, Program
from isa_models.trace import NO_ADDRESS, Trace

BUFFER_ADDRESS = 0x100000
_OFFSET = re.compile(r"\[\w+, #(0x[0-9a-f]+|\d+)\]")


def assemble(snippets: Sequence[str]) -> list[Program]:
    """Assemble each snippet (GNU syntax, lines separated by newlines) and return one program per snippet, in order.

    Raises InputError with the assembler's first message.
    """
    lines = [".arch armv8-a+crc+dotprod", ".text", ".globl _start", "_start:"]
    for number, snippet in enumerate(snippets):
        lines += [f".globl snippet_{number}", f"snippet_{number}:", snippet]
    lines += [f".globl snippet_{len(snippets)}", f"snippet_{len(snippets)}:", "ret", ""]
    image = Image.from_elf(_link("\n".join(lines)))
    bounds = [image.program.index_of(image.symbols[f"snippet_{number}"]) for number in range(len(snippets) + 1)]
    everything = image.program.instructions
    return [Program(everything[first:last]) for first, last in pairwise(bounds)]


def repeated_trace(program: Program, repetitions: int) -> Trace:
    """Return the trace of a straight-line program executed `repetitions` times in a row.

    Every base register points to `BUFFER_ADDRESS`; immediate offsets are added.
    """
    once = np.arange(len(program.instructions), dtype=np.int32)
    addresses = np.array([_address(instruction) for instruction in program.instructions], dtype=np.int64)
    return Trace(program, np.tile(once, repetitions), np.tile(addresses, repetitions))


def _address(instruction: Instruction) -> int:
    if decode(instruction).memory is None:
        return NO_ADDRESS
    offset = _OFFSET.search(instruction.operands)
    return BUFFER_ADDRESS + (int(offset[1], 0) if offset else 0)


def _link(source: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "snippets.S"
        target = Path(folder) / "snippets.elf"
        path.write_text(source, encoding="ascii")
        command = [sys.executable, "-m", "ziglang", "cc", "-target", "aarch64-linux-musl", "-nostdlib", "-static"]
        done = subprocess.run([*command, "-o", str(target), str(path)], capture_output=True, text=True, check=False)
        if done.returncode:
            message = next((line for line in done.stderr.splitlines() if "error:" in line), done.stderr[:200])
            raise InputError(f"cannot assemble snippet: {message.removeprefix(folder)}")
        return target.read_bytes()

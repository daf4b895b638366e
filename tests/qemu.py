"""Runs kernels a second way: as static Linux programs under qemu-user, with the memory of a real process.

The emulator that the timing rests on has its own loader, memory and calls; none of these is used here, only the
kernel's source. Its instructions are executed by another version of QEMU's translator, from which Unicorn stems.
"""

import signal
import struct
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from isa_models import Buffer
from kernels_asm.arguments import ArgumentBlock
from kernels_asm.assembler import Callee, KernelImage, assemble

PROGRAM = "qemu-aarch64"
PACKAGE = "qemu-user"
"""Debian's package that has the program."""

DRIVER = Path(__file__).parent / "qemu_driver.S"
PLAIN_CPU = "cortex-a53"
"""A core without what Armv8.1 and later versions add, so that a kernel which needs that shows."""

SECONDS = 60
_NUMBER, _READ_ONLY, _WRITABLE = range(3)

# Exit codes of the driver.
_FAILED = 2
_KEPT = {number: f"x{number}" for number in range(18, 30)} | {31: "sp"} | {32 + n: f"d{n}" for n in range(8, 16)}


class QemuError(Exception):
    """The kernel did what no kernel may do, or the program could not run."""


def assemble_program(
    source: Path, parameters: Mapping[str, int], arguments: ArgumentBlock, callee: Callee | None = None
) -> KernelImage:
    """Return the program of a kernel; parameters and errors as those of `assemble`."""
    return assemble(source, parameters, arguments, DRIVER, callee)


def run_program(
    program: KernelImage,
    arguments: ArgumentBlock,
    values: Mapping[str, int],
    buffers: Sequence[Buffer],
    cpu: str = PLAIN_CPU,
) -> dict[str, bytes]:
    """Run a kernel's program once and return the final bytes of every writable buffer, by name.

    Args:
        program: It, made by `assemble_program`.
        arguments: Its argument block.
        values: The fields of the block that hold numbers.
        buffers: Memory for its pointers, named as their fields; a pointer without one is null.
        cpu: The core, by qemu's name for it.

    Raises:
        kernels_asm.InputError: A field of the block is missing or unknown.
        QemuError: The kernel touched memory outside its buffers, stored to a read-only one, did not keep a register
            that it must keep, or executed an instruction that the core lacks.

    """
    lent = {buffer.name: buffer for buffer in buffers}
    order = [name for name in arguments.pointers if name in lent]
    assert len(order) == len(buffers), "each buffer is for a pointer of the block, and each pointer has one"
    assert not any(buffer.pointers for buffer in buffers), "the driver fills in no pointers inside buffers"
    contents = {name: lent[name].initial_bytes() for name in order}
    records = _records(arguments, arguments.pack(values), lent)
    call = struct.pack("<Q", len(arguments.fields)) + b"".join(records)
    written = _run(program, call + b"".join(contents.values()), cpu)
    outputs = {}
    for name in order:
        if lent[name].writable:
            size = len(contents[name])
            outputs[name], written = written[:size], written[size:]
    assert not written, "the driver writes the writable buffers and nothing else"
    return outputs


def _records(arguments: ArgumentBlock, packed: bytes, lent: Mapping[str, Buffer]) -> Iterator[bytes]:
    """Yield kind, value and alignment of each field, as the driver reads them."""
    for field, (number,) in zip(arguments.fields, struct.iter_unpack("<q", packed), strict=True):
        buffer = lent.get(field.name)
        if buffer is None:
            yield struct.pack("<QqQ", _NUMBER, number, 1)
        else:
            kind = _WRITABLE if buffer.writable else _READ_ONLY
            yield struct.pack("<QqQ", kind, len(buffer.initial_bytes()), buffer.alignment)


def _run(program: KernelImage, call: bytes, cpu: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="bnn-dse-") as folder:  # a core dump, if any, goes with the folder
        path = Path(folder) / "program"
        path.write_bytes(program.elf)
        path.chmod(0o700)
        command = [PROGRAM, "-cpu", cpu, str(path)]
        done = subprocess.run(command, input=call, capture_output=True, cwd=folder, timeout=SECONDS, check=False)
    if done.returncode != 0:
        raise QemuError(_reason(done.returncode, (done.stdout + done.stderr).decode(errors="replace")))
    return done.stdout


def _reason(status: int, messages: str) -> str:
    if status < 0:
        return f"the kernel ended by {signal.Signals(-status).name}"
    if status in _KEPT:
        return f"the kernel did not keep {_KEPT[status]}"
    if status == _FAILED:
        return "the driver could not read the call, map memory or write the outputs"
    return f"{PROGRAM} failed with exit code {status}: {messages.strip()}"

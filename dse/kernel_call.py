"""Calls an assembled kernel on the emulated machine: writes its argument block, lends it buffers, reads them back."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from isa_models import Buffer, CallResult, Image, Machine, Pointer
from kernels_asm.arguments import ArgumentBlock
from kernels_asm.assembler import KernelImage

_MACHINES_KEPT = 32
_machines: dict[tuple[str, int], Machine] = {}
"""By image and thread, the one used last at the end."""

_changing = threading.Lock()


def call_kernel(
    kernel: KernelImage,
    arguments: ArgumentBlock,
    values: Mapping[str, int],
    buffers: Sequence[Buffer],
    *,
    budget: int,
    trace: bool = False,
) -> CallResult:
    """Run the kernel once.

    Args:
        kernel: Its image.
        arguments: Its argument block.
        values: The fields of the block that hold numbers.
        buffers: Memory for its pointers, named as their fields; a pointer without one is null.
        budget: Instructions that it may execute.
        trace: Whether to record what the timing engines need.

    Raises:
        kernels_asm.InputError: A field of the block is missing or unknown.
        isa_models.EmulationError: The kernel does what no kernel may do.

    """
    lent = {buffer.name for buffer in buffers}
    pointers = {arguments.offsets[name]: name for name in arguments.pointers if name in lent}
    block = Buffer("arguments", arguments.pack(values), pointers=pointers)
    return _machine(kernel).call(
        arguments.function, arguments=[Pointer("arguments")], buffers=[block, *buffers], budget=budget, trace=trace
    )


def _machine(kernel: KernelImage) -> Machine:
    """Return this thread's machine for the image; those used last are kept, and the others give back their memory."""
    key = (kernel.digest, threading.get_ident())
    with _changing:
        machine = _machines.pop(key, None)
    if machine is None:
        # Lines are well formed, as the assembler wrote them and images are kept with a checksum.
        machine = Machine(Image.from_elf(kernel.elf, lines_on_demand=True))
    with _changing:
        _machines[key] = machine
        dropped = [_machines.pop(oldest) for oldest in list(_machines)[:-_MACHINES_KEPT]]
    for other in dropped:
        other.close()
    return machine

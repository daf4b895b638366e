"""Calls an assembled kernel on the emulated machine: writes its argument block, lends it buffers, reads them back."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from functools import lru_cache

from isa_models import Buffer, CallResult, Image, Machine, Pointer
from kernels_asm.arguments import ArgumentBlock
from kernels_asm.assembler import KernelImage

_MACHINES_KEPT = 32


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
    machine = _machine(kernel.digest, kernel.elf, threading.get_ident())
    return machine.call(
        arguments.function, arguments=[Pointer("arguments")], buffers=[block, *buffers], budget=budget, trace=trace
    )


@lru_cache(maxsize=_MACHINES_KEPT)
def _machine(_digest: str, elf: bytes, _thread: int) -> Machine:
    """One machine for each image and thread; the digest spares a comparison of images."""
    return Machine(Image.from_elf(elf, lines_on_demand=True))  # the assembler's own, with a checksum

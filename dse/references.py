"""Runs the reference kernels on the emulated machine: a layer's output, checked against its oracle, and its cycles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dse.emulation import random_operands
from dse.kernel_call import call_kernel
from dse.output_check import require_equal
from isa_models import Buffer, Core, Pointer, Simulation, Trace, time_trace
from kernels_asm import ConvShape
from kernels_asm.arguments import FIELD_BYTES, ArgumentBlock
from kernels_asm.assembler import KernelImage
from kernels_asm.references import indirect_16bit, one_channel_direct
from kernels_asm.references.indirect_16bit import INDIRECT_16BIT
from kernels_asm.references.layout import pack_input
from kernels_asm.references.one_channel_direct import ONE_CHANNEL_DIRECT

Signs = NDArray[np.integer]
Floats = NDArray[np.float32]

_CACHE_LINE = 64
_DATA_SEED = 20240
_INSTRUCTIONS_OF_A_STEP = 8
"""Generously, of one channel block, window position, output channel and output pixel."""


@dataclass(frozen=True, slots=True)
class ReferenceRun:
    """One run of a reference kernel.

    Attributes:
        output: The output feature map, float32, (out height, out width, channels out).
        instructions: Instructions executed.
        trace: What the timing engines need.

    """

    output: Floats
    instructions: int
    trace: Trace


@dataclass(frozen=True, slots=True)
class ReferenceTiming:
    """One layer with a reference kernel on one core.

    Attributes:
        kernel: The kernel's name.
        shape: The layer.
        simulation: Where the cycles went, with warm caches.

    """

    kernel: str
    shape: ConvShape
    simulation: Simulation

    @property
    def products_per_cycle(self) -> float:
        """Binary products a cycle, those with padding included."""
        return self.shape.products / self.simulation.cycles


def run_indirect_16bit(
    shape: ConvShape,
    activations: Signs,
    weights: Signs,
    multipliers: Floats,
    biases: Floats,
    alignment: int = _CACHE_LINE,
) -> ReferenceRun:
    """Run `indirect_16bit_8x4` once and check its output.

    Args:
        shape: The layer.
        activations: +1/-1, (height, width, channels in).
        weights: +1/-1, (channels out, kernel height, kernel width, channels in).
        multipliers: One an output channel.
        biases: One an output channel.
        alignment: Of the buffers, in bytes; with 1 they end where a guard page begins.

    Raises:
        kernels_asm.InputError: The kernel cannot compute the layer.
        KernelMismatchError: Its output is not, bit for bit, the oracle's.

    """
    kernel = indirect_16bit.assemble_indirect(shape)
    buffers = [
        Buffer("input", pack_input(activations, shape), alignment=alignment),
        _indirection(shape, alignment),
        Buffer("weights", indirect_16bit.pack_filters(weights, shape), alignment=alignment),
        Buffer("scales", indirect_16bit.pack_scales(multipliers, biases, shape), alignment=alignment),
    ]
    values = indirect_16bit.argument_values(shape)
    run = _run(kernel, INDIRECT_16BIT, values, buffers, shape, indirect_16bit.output_channels(shape), alignment)
    expected = indirect_16bit.indirect_16bit(activations, weights, multipliers, biases, shape)
    require_equal(INDIRECT_16BIT.function, shape, run.output, expected)
    return run


def run_one_channel_direct(
    shape: ConvShape, activations: Signs, weights: Signs, alignment: int = _CACHE_LINE
) -> ReferenceRun:
    """Run `one_channel_direct` once and check its output; arguments and errors as of `run_indirect_16bit`."""
    kernel = one_channel_direct.assemble_one_channel(shape)
    buffers = [
        Buffer("input", pack_input(activations, shape), alignment=alignment),
        Buffer("weights", one_channel_direct.pack_filters(weights, shape), alignment=alignment),
    ]
    values = one_channel_direct.argument_values(shape)
    run = _run(kernel, ONE_CHANNEL_DIRECT, values, buffers, shape, shape.channels_out, alignment)
    expected = one_channel_direct.one_channel_direct(activations, weights, shape)
    require_equal(ONE_CHANNEL_DIRECT.function, shape, run.output, expected)
    return run


def time_indirect_16bit(shape: ConvShape, core: Core) -> ReferenceTiming:
    """Time a layer with `indirect_16bit_8x4` and warm caches, on random data; errors as of `run_indirect_16bit`."""
    multipliers, biases = np.random.default_rng(_DATA_SEED).normal(size=(2, shape.channels_out)).astype(np.float32)
    run = run_indirect_16bit(shape, *random_operands(shape), multipliers, biases)
    return ReferenceTiming(INDIRECT_16BIT.function, shape, time_trace(run.trace, core))


def time_one_channel_direct(shape: ConvShape, core: Core) -> ReferenceTiming:
    """Time a layer with `one_channel_direct` and warm caches, on random data; errors as of `run_indirect_16bit`."""
    run = run_one_channel_direct(shape, *random_operands(shape))
    return ReferenceTiming(ONE_CHANNEL_DIRECT.function, shape, time_trace(run.trace, core))


def _indirection(shape: ConvShape, alignment: int) -> Buffer:
    """Return the list of addresses of input pixels."""
    offsets: Sequence[int] = indirect_16bit.input_offsets(shape).ravel().tolist()
    pointers = {FIELD_BYTES * index: Pointer("input", offset) for index, offset in enumerate(offsets)}
    return Buffer("indirection", FIELD_BYTES * len(offsets), alignment=alignment, pointers=pointers)


def _run(
    kernel: KernelImage,
    arguments: ArgumentBlock,
    values: Mapping[str, int],
    inputs: Sequence[Buffer],
    shape: ConvShape,
    channels: int,
    alignment: int,
) -> ReferenceRun:
    """Run a kernel that writes `channels` floats a pixel."""
    output_bytes = shape.out_pixels * channels * np.dtype(np.float32).itemsize
    output = Buffer("output", output_bytes, writable=True, alignment=alignment)
    done = call_kernel(kernel, arguments, values, [*inputs, output], budget=_instruction_budget(shape), trace=True)
    if done.trace is None:
        raise AssertionError("a call that wants a trace records one")
    pixels = np.frombuffer(done.outputs["output"], np.float32).reshape(shape.out_height, shape.out_width, channels)
    return ReferenceRun(pixels[..., : shape.channels_out], done.instructions, done.trace)


def _instruction_budget(shape: ConvShape) -> int:
    """Return more instructions than a correct kernel needs, so that a runaway one ends soon."""
    blocks = -(-shape.channels_in // 64)
    steps = shape.kernel_height * shape.kernel_width * blocks
    outputs = (shape.out_pixels + 4) * (shape.channels_out + 8)
    return outputs * (_INSTRUCTIONS_OF_A_STEP * steps + 100 * blocks) + 10_000

"""Runs the int8 convolution on the emulated machine: a layer's output, checked against the oracle, and its cycles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.isa_feature import require_feature
from dse.kernel_call import call_kernel
from dse.output_check import require_equal
from isa_models import Buffer, Core, Simulation, Trace, time_trace
from kernels_asm import ConvShape
from kernels_asm.int8_conv import (
    BLOCK,
    INT8_CONV,
    LARGEST_WEIGHT,
    Int8Path,
    Int8Variant,
    argument_values,
    assemble_int8,
    int8_conv,
    pack_int8_activations,
    pack_int8_weights,
)
from kernels_asm.packing import padded_channels_out

Integers = NDArray[np.integer]

_CACHE_LINE = 64
_DATA_SEED = 20240


@dataclass(frozen=True, slots=True)
class Int8Run:
    """One run of the kernel.

    Attributes:
        output: The output feature map, (out height, out width, channels out), int32 or int8.
        instructions: Instructions executed.
        trace: What the timing engines need.

    """

    output: Integers
    instructions: int
    trace: Trace


@dataclass(frozen=True, slots=True)
class Int8Timing:
    """One layer's int8 kernel on one core.

    Attributes:
        shape: The layer.
        variant: The kernel.
        simulation: Where the cycles went, with warm caches.

    """

    shape: ConvShape
    variant: Int8Variant
    simulation: Simulation

    @property
    def products_per_cycle(self) -> float:
        """Products a cycle, those with padding included."""
        return self.shape.products / self.simulation.cycles


def run_int8(
    shape: ConvShape, variant: Int8Variant, activations: Integers, weights: Integers, alignment: int = _CACHE_LINE
) -> Int8Run:
    """Run the kernel once and check its output.

    Args:
        shape: The layer; its padding is of zeros.
        variant: The kernel.
        activations: -128 to 127, (height, width, channels in).
        weights: -127 to 127, (channels out, kernel height, kernel width, channels in).
        alignment: Of the buffers, in bytes; with 1 they end where a guard page begins.

    Raises:
        kernels_asm.InputError: A value or the layer is out of the kernel's range.
        KernelMismatchError: The output is not the oracle's.

    """
    values = argument_values(shape, variant)
    channels = padded_channels_out(shape.channels_out, variant.tile.channels)
    output_bytes = shape.out_pixels * channels * variant.output.itemsize
    buffers = [
        Buffer("input", pack_int8_activations(activations, shape), alignment=alignment),
        Buffer("weights", pack_int8_weights(weights, shape, variant), alignment=alignment),
        Buffer("output", output_bytes, writable=True, alignment=alignment),
    ]
    budget = _instruction_budget(shape, variant)
    done = call_kernel(assemble_int8(variant), INT8_CONV, values, buffers, budget=budget, trace=True)
    if done.trace is None:
        raise AssertionError("a call that wants a trace records one")
    written: NDArray[Any] = np.frombuffer(done.outputs["output"], variant.output)
    output = written.reshape(shape.out_height, shape.out_width, channels)[..., : shape.channels_out]
    require_equal(str(variant), shape, output, int8_conv(activations, weights, shape, variant.shift))
    return Int8Run(output, done.instructions, done.trace)


def time_int8(shape: ConvShape, variant: Int8Variant, core: Core) -> Int8Timing:
    """Time a layer with warm caches, on random data.

    Raises:
        UsageError: The core lacks the instructions of the variant's path.
        kernels_asm.InputError: The layer is out of the kernel's range.
        KernelMismatchError: The output is not the oracle's.

    """
    require_feature(f"int8_conv with path {variant.path}", variant.path.feature, core, "path smull")
    generator = np.random.default_rng(_DATA_SEED)
    activations = generator.integers(-128, 128, (shape.height, shape.width, shape.channels_in), np.int8)
    filters = (shape.channels_out, shape.kernel_height, shape.kernel_width, shape.channels_in)
    weights = generator.integers(-LARGEST_WEIGHT, LARGEST_WEIGHT + 1, filters, np.int8)
    run = run_int8(shape, variant, activations, weights)
    return Int8Timing(shape, variant, time_trace(run.trace, core))


def int8_path(core: Core) -> Int8Path:
    """Return the fastest path of the int8 convolution that the core has the instructions for."""
    return Int8Path.SDOT if Int8Path.SDOT.feature in core.features else Int8Path.SMULL


def _instruction_budget(shape: ConvShape, variant: Int8Variant) -> int:
    """Return about twice the instructions that a correct kernel needs, so that a runaway one ends soon."""
    tile = variant.tile
    outputs = tile.channels * tile.pixels
    steps = shape.kernel_height * shape.kernel_width * -(-shape.channels_in // BLOCK)
    step = 3 * outputs + tile.channels + tile.pixels + 8
    tiles = -(-shape.out_pixels // tile.pixels) * -(-shape.channels_out // tile.channels)
    return 2 * tiles * (steps * step + shape.kernel_height * 8 + 4 * outputs + 16 * tile.pixels + 32) + 10_000

"""Runs kernel variants on the emulated machine: a layer's output, checked against the oracle, and its cycles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dse.isa_feature import require_tile_feature
from dse.kernel_call import call_kernel
from dse.layout_digest import layout_digest
from dse.output_check import require_equal
from isa_models import Buffer, Core, Simulation, Trace, time_trace, timing_digest
from kernels_asm import ConvShape, KernelVariant
from kernels_asm.assembler import assemble_variant, variant_digest
from kernels_asm.oracle import binary_conv
from kernels_asm.packing import output_bytes, pack_activations, padded_channels_out

Signs = NDArray[np.integer]

_LAYOUT_SOURCES = ("conv_arguments.py", "lane_tile.py", "packing.py", "tree_arguments.py", "tree_tile.py")
_CACHE_LINE = 64
_DATA_SEED = 20240


@dataclass(frozen=True, slots=True)
class KernelRun:
    """One run of a kernel.

    Attributes:
        output: The output feature map, (out height, out width, channels out), in the arithmetic's output type.
        instructions: Instructions executed.
        trace: What the timing engines need, if it was asked for.
    """

    output: Signs
    instructions: int
    trace: Trace | None


@dataclass(frozen=True, slots=True)
class LayerTiming:
    """One layer's kernel on one core.

    Attributes:
        shape: The layer.
        variant: The kernel.
        simulation: Where the cycles went, with warm caches.
    """

    shape: ConvShape
    variant: KernelVariant
    simulation: Simulation

    @property
    def products_per_cycle(self) -> float:
        """Binary products a cycle, those with padding included."""
        return self.shape.products / self.simulation.cycles


class KernelRunner:
    """A kernel variant for one layer, assembled and loaded, to be run on any number of inputs.

    Not to be shared between threads. Feature maps and filters start at multiples of `alignment` bytes; with 1 they end
    where a guard page begins, so that reading a byte too far is a fault. Raises InputError if the variant cannot
    compute the layer.
    """

    def __init__(self, variant: KernelVariant, shape: ConvShape, alignment: int = _CACHE_LINE) -> None:
        self.variant = variant
        self.shape = shape
        self._alignment = alignment
        self._kernel = assemble_variant(variant, shape)
        output = variant.arithmetic.output.dtype
        self._channels = padded_channels_out(shape.channels_out, variant.tile.channels)
        self._output_bytes = output_bytes(shape, variant.tile.channels, output.itemsize)
        self._values = variant.tile.argument_values(shape, output.itemsize)

    def pack(self, weights: Signs) -> Buffer:
        """Return filters of +1/-1, (channels out, kernel height, kernel width, channels in), in the kernel's order."""
        return Buffer("weights", self.variant.tile.pack_weights(weights, self.shape), alignment=self._alignment)

    def run(self, activations: Signs, weights: Buffer, trace: bool = False) -> KernelRun:
        """Run the kernel on an input feature map of +1/-1, (height, width, channels in), and packed filters.

        Raises isa_models.EmulationError if the kernel does what no kernel may do.
        """
        inputs = Buffer("input", pack_activations(activations, self.shape), alignment=self._alignment)
        output = Buffer("output", self._output_bytes, writable=True, alignment=self._alignment)
        done = call_kernel(
            self._kernel,
            self.variant.tile.arguments,
            self._values,
            [inputs, weights, output],
            budget=self.variant.tile.instruction_budget(self.shape),
            trace=trace,
        )
        written = np.frombuffer(done.outputs["output"], self.variant.arithmetic.output.dtype)
        pixels = written.reshape(self.shape.out_height, self.shape.out_width, self._channels)
        return KernelRun(pixels[..., : self.shape.channels_out], done.instructions, done.trace)


def checked_run(
    variant: KernelVariant, shape: ConvShape, activations: Signs, weights: Signs, alignment: int = _CACHE_LINE
) -> KernelRun:
    """Run a kernel once with a trace; raises KernelMismatchError if its output is not, bit for bit, the oracle's."""
    runner = KernelRunner(variant, shape, alignment)
    run = runner.run(activations, runner.pack(weights), trace=True)
    expected = binary_conv(activations, weights, shape, variant.arithmetic)
    require_equal(str(variant), shape, run.output, expected)
    return run


def random_operands(shape: ConvShape, seed: int = _DATA_SEED) -> tuple[Signs, Signs]:
    """Return random activations (height, width, channels in) and filters (channels out, kernel, channels in)."""
    generator = np.random.default_rng(seed)
    activations = _random_signs(generator, (shape.height, shape.width, shape.channels_in))
    filters = (shape.channels_out, shape.kernel_height, shape.kernel_width, shape.channels_in)
    return activations, _random_signs(generator, filters)


def time_layer(shape: ConvShape, variant: KernelVariant, core: Core, timeline: int = 0) -> LayerTiming:
    """Time a layer's kernel with warm caches; its output on random data is checked against the oracle first.

    `timeline`: how many instructions in the middle of the run have their stages recorded, fewer if it is shorter.
    Raises UsageError if the core lacks instructions of the kernel, InputError if the variant cannot compute the layer,
    KernelMismatchError if it computes something else.
    """
    trace = layer_trace(shape, variant, core)
    timed = time_trace(trace, core, timeline=middle_of(trace, timeline))
    return LayerTiming(shape, variant, replace(timed, function=variant.tile.arguments.function))


def layer_trace(shape: ConvShape, variant: KernelVariant, core: Core) -> Trace:
    """Return the trace of a layer's kernel on random data, whose output is checked; raises as `time_layer`."""
    require_tile_feature(variant.tile, core)
    run = checked_run(variant, shape, *random_operands(shape))
    if run.trace is None:
        raise AssertionError("a checked run records its trace")
    return run.trace


def middle_of(trace: Trace, count: int) -> tuple[int, int] | None:
    """Return the window of so many instructions, or of all if there are fewer, in the middle; None for 0."""
    first = max(len(trace) - count, 0) // 2
    return (first, min(first + count, len(trace))) if count else None


def latency_key(shape: ConvShape, variant: KernelVariant, core: Core) -> Mapping[str, str]:
    """Return everything that `time_layer` depends on, by name."""
    return {
        "kernel": variant_digest(variant, shape),
        "layout": layout_digest(*_LAYOUT_SOURCES),
        "variant": str(variant),
        "shape": str(shape),
        "core": core.digest,
        "timing": timing_digest(),
    }


def _random_signs(generator: np.random.Generator, size: tuple[int, ...]) -> Signs:
    return generator.choice(np.array([-1, 1], np.int8), size)

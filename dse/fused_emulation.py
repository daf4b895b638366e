"""Runs fused convolutions on the emulated machine: a layer's bits and map, checked against the oracle, and cycles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.emulation import middle_of, random_operands
from dse.isa_feature import require_tile_feature
from dse.kernel_call import call_kernel
from dse.layout_digest import layout_digest
from dse.output_check import require_equal
from isa_models import Buffer, Core, Simulation, Trace, time_trace, timing_digest
from kernels_asm import ConvShape, InputError
from kernels_asm.borders import border_corrections
from kernels_asm.fused import FusedVariant, assemble_fused, fused_bit_map, fused_conv, fused_digest
from kernels_asm.fused_arguments import transform_field
from kernels_asm.packing import pack_activations
from kernels_asm.threshold import fold_scale
from kernels_asm.transforms import FloatBatchNorm, Parameters, ThresholdBits, Transform

Array = NDArray[Any]

_LAYOUT_SOURCES = ("borders.py", "fused*.py", "packing.py", "transforms.py", "tree_*.py", "companions/*.py")
_CACHE_LINE = 64
_DATA_SEED = 20240


@dataclass(frozen=True, slots=True)
class FusedOperands:
    """What a layer works on.

    Attributes:
        activations: +1/-1, (height, width, channels in).
        weights: +1/-1, (channels out, kernel height, kernel width, channels in).
        parameters: Of the transform, each of shape (channels out,).
        shortcut: What is added, of the output's shape and the transform's type; None for nothing.
    """

    activations: NDArray[np.integer]
    weights: NDArray[np.integer]
    parameters: Parameters
    shortcut: Array | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a run finds memory.

    Attributes:
        border: Pixels around the packed output, which the kernel leaves as they were: bytes of `background`.
        background: See `border`.
        alignment: Of the buffers, in bytes; with 1 they end where a guard page begins.
    """

    border: int = 1
    background: int = 0
    alignment: int = _CACHE_LINE


@dataclass(frozen=True, slots=True)
class FusedRun:
    """One run of a kernel.

    Attributes:
        bits: The packed output with its border.
        output: The output map, None where the bits are all.
        instructions: Instructions executed.
        trace: What the timing engines need, if it was asked for.
    """

    bits: NDArray[np.uint8]
    output: Array | None
    instructions: int
    trace: Trace | None


@dataclass(frozen=True, slots=True)
class FusedTiming:
    """One layer's fused kernel on one core.

    Attributes:
        shape: The layer.
        variant: The kernel.
        simulation: Where the cycles went, with warm caches.
    """

    shape: ConvShape
    variant: FusedVariant
    simulation: Simulation

    @property
    def products_per_cycle(self) -> float:
        """Binary products a cycle, those with padding included."""
        return self.shape.products / self.simulation.cycles


_DEFAULT = Placement()


class FusedRunner:
    """A fused variant for one layer with its weights and parameters, to be run on any number of inputs.

    Not to be shared between threads. Raises InputError if the variant cannot compute the layer or an operand does not
    fit.
    """

    def __init__(
        self,
        shape: ConvShape,
        variant: FusedVariant,
        weights: NDArray[np.integer],
        parameters: Parameters,
        placement: Placement = _DEFAULT,
    ) -> None:
        self.shape = shape
        self.variant = variant
        self._placement = placement
        self._kernel = assemble_fused(variant, shape)
        self._values = variant.argument_values(shape, fused_bit_map(shape, placement.border))
        self._fixed = fixed_inputs(shape, variant, weights, parameters)

    def buffers(self, activations: NDArray[np.integer], shortcut: Array | None) -> list[Buffer]:
        """Return the memory of a run, named as the fields of the argument block."""
        _check_shortcut(self.shape, self.variant.transform, shortcut)
        inputs = {"input": pack_activations(activations, self.shape), **self._fixed}
        if shortcut is not None:
            inputs[transform_field("shortcut")] = shortcut
        written: dict[str, int | Array] = {
            "output": self.variant.scratch_bytes(self.shape),
            transform_field("bits"): _background(self.shape, self._placement),
        }
        element = self.variant.transform.element
        if element is not None:
            written[transform_field("output")] = self.shape.out_pixels * self.shape.channels_out * element.itemsize
        alignment = self._placement.alignment
        return [
            *(Buffer(name, np.ascontiguousarray(array), alignment=alignment) for name, array in inputs.items()),
            *(Buffer(name, contents, writable=True, alignment=alignment) for name, contents in written.items()),
        ]

    def run(self, activations: NDArray[np.integer], shortcut: Array | None = None, *, trace: bool = False) -> FusedRun:
        """Run the kernel once; its output is what it is: `run_fused` compares it.

        Args:
            activations: +1/-1, (height, width, channels in).
            shortcut: What is added, of the output's shape and the transform's type; None for nothing.
            trace: Whether to record what the timing engines need.

        Raises isa_models.EmulationError if the kernel does what no kernel may do.
        """
        done = call_kernel(
            self._kernel,
            self.variant.arguments,
            self._values,
            self.buffers(activations, shortcut),
            budget=self.variant.instruction_budget(self.shape),
            trace=trace,
        )
        border = fused_bit_map(self.shape, self._placement.border)
        bits = np.frombuffer(done.outputs[transform_field("bits")], np.uint8).reshape(border.shape)
        element = self.variant.transform.element
        if element is None:
            return FusedRun(bits, None, done.instructions, done.trace)
        size = (self.shape.out_height, self.shape.out_width, self.shape.channels_out)
        output = np.frombuffer(done.outputs[transform_field("output")], element).reshape(size)
        return FusedRun(bits, output, done.instructions, done.trace)


def run_fused(
    shape: ConvShape, variant: FusedVariant, operands: FusedOperands, placement: Placement = _DEFAULT
) -> FusedRun:
    """Run the kernel once with a trace and check its output and the border around it.

    Raises InputError if the variant cannot compute the layer or an operand does not fit, KernelMismatchError if the
    output is not, bit for bit, the oracle's.
    """
    runner = FusedRunner(shape, variant, operands.weights, operands.parameters, placement)
    run = runner.run(operands.activations, operands.shortcut, trace=True)
    _check(shape, variant, operands, placement, run)
    return run


def fused_buffers(
    shape: ConvShape, variant: FusedVariant, operands: FusedOperands, placement: Placement = _DEFAULT
) -> list[Buffer]:
    """Return the memory of a run, named as the fields of the argument block; raises InputError as `run_fused`."""
    runner = FusedRunner(shape, variant, operands.weights, operands.parameters, placement)
    return runner.buffers(operands.activations, operands.shortcut)


def time_fused(shape: ConvShape, variant: FusedVariant, core: Core, timeline: int = 0) -> FusedTiming:
    """Time a layer with warm caches, on random data; `timeline` as of `dse.emulation.time_layer`.

    Raises UsageError if the core lacks instructions of the kernel, else as `run_fused`.
    """
    trace = fused_trace(shape, variant, core)
    timed = time_trace(trace, core, timeline=middle_of(trace, timeline))
    return FusedTiming(shape, variant, replace(timed, function=variant.arguments.function))


def fused_trace(shape: ConvShape, variant: FusedVariant, core: Core) -> Trace:
    """Return the trace of a layer's kernel on random data, whose output is checked; raises as `time_fused`."""
    require_tile_feature(variant.tile, core)
    run = run_fused(shape, variant, random_fused_operands(shape, variant.transform))
    if run.trace is None:
        raise AssertionError("a checked run records its trace")
    return run.trace


def fused_latency_key(shape: ConvShape, variant: FusedVariant, core: Core) -> Mapping[str, str]:
    """Return everything that `time_fused` depends on, by name."""
    return {
        "kernel": fused_digest(variant, shape),
        "layout": layout_digest(*_LAYOUT_SOURCES),
        "variant": str(variant),
        "shape": str(shape),
        "core": core.digest,
        "timing": timing_digest(),
    }


def random_fused_operands(shape: ConvShape, transform: Transform, seed: int = _DATA_SEED) -> FusedOperands:
    """Return random operands: see `random_parameters` and `dse.emulation.random_operands`."""
    generator = np.random.default_rng(seed)
    parameters = random_parameters(shape, transform, generator)
    shortcut: Array | None = None
    if transform.adds_shortcut and transform.element is not None:
        size = (shape.out_height, shape.out_width, shape.channels_out)
        shortcut = generator.integers(-128, 128, size).astype(transform.element)
    return FusedOperands(*random_operands(shape, seed), parameters, shortcut)


def random_parameters(shape: ConvShape, transform: Transform, generator: np.random.Generator) -> Parameters:
    """Return parameters of the transform that bring about as many bits of 1 as of 0."""
    channels = shape.channels_out
    scale = generator.normal(size=channels).astype(np.float32)
    bias = generator.normal(scale=np.sqrt(shape.window), size=channels).astype(np.float32)
    if isinstance(transform, ThresholdBits):
        thresholds = fold_scale(scale, bias, shape.window)
        return thresholds.limits, thresholds.flips
    if isinstance(transform, FloatBatchNorm):
        return scale, bias
    multiplier = generator.choice([-1, 1], channels) * generator.integers(2**14, 2**15, channels)
    return multiplier, generator.integers(0, 4, channels), generator.integers(-40, 41, channels)


def fixed_inputs(
    shape: ConvShape, variant: FusedVariant, weights: NDArray[np.integer], parameters: Parameters
) -> dict[str, Array]:
    """Return what the pointers to read-only memory point to that is the same for every input."""
    inputs: dict[str, Array] = {"weights": variant.tile.pack_weights(weights, shape)}
    if shape.pads_zeros:
        borders = border_corrections(weights, shape, variant.tile.channels)
        inputs |= {
            "corrections": borders.corrections,
            "border_rows": borders.rows,
            "border_columns": borders.columns,
        }
    for name, array in variant.transform.pack(parameters).items():
        inputs[transform_field(name)] = array
    return inputs


def _check(
    shape: ConvShape, variant: FusedVariant, operands: FusedOperands, placement: Placement, run: FusedRun
) -> None:
    layer = (operands.activations, operands.weights)
    inside, output = fused_conv(shape, variant.transform, layer, operands.parameters, operands.shortcut)
    expected = _background(shape, placement)
    fused_bit_map(shape, placement.border).inside(expected)[...] = inside
    require_equal(f"{variant} (bits)", shape, run.bits, expected)
    if output is not None and run.output is not None:
        same_bits = np.dtype(f"u{output.itemsize}")  # so that -0.0 differs from 0.0
        require_equal(str(variant), shape, run.output.view(same_bits), np.ascontiguousarray(output).view(same_bits))


def _background(shape: ConvShape, placement: Placement) -> NDArray[np.uint8]:
    """Return the packed map as it is before a run."""
    return np.full(fused_bit_map(shape, placement.border).shape, placement.background, np.uint8)


def _check_shortcut(shape: ConvShape, transform: Transform, shortcut: Array | None) -> None:
    if (shortcut is not None) != transform.adds_shortcut:
        raise InputError(f"transform {transform} {'needs a' if transform.adds_shortcut else 'has no'} shortcut")
    expected = (shape.out_height, shape.out_width, shape.channels_out)
    if shortcut is not None and (shortcut.shape != expected or shortcut.dtype != transform.element):
        raise InputError(f"a shortcut of {shortcut.dtype} {shortcut.shape} where {transform.element} {expected} is "
                         "needed: give that")  # fmt: skip

"""A binary layer of the exported program: its kernels' calls for the C driver, and what it must put out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.block_emulation import channels_last, fixed_point_parameters, transform_parameters
from dse.companion_calls import Call as EmulatedCall
from dse.companion_calls import CompanionRun, run_float_batch_norm, run_int8_batch_norm, run_threshold_bits
from dse.emulation import KernelRunner
from dse.errors import VerificationError
from dse.export.constants import Constants, identifier
from dse.export.folding import float_parameters
from dse.export.kernel_table import Kernel, KernelTable
from dse.export.layer_kernels import PixelsAtOnce
from dse.export.memory import MapMemory
from dse.export.steps import Binary
from dse.fused_emulation import FusedRunner, Placement, fixed_inputs
from dse.layer_work import Convolution, FusedConvolution, LayerWork
from dse.networks import BinaryConv
from dse.nn.blocks import BinaryBlock
from dse.normalisation_pass import NormalisationPass
from kernels_asm import OutputType
from kernels_asm.assembler import SOURCES
from kernels_asm.companions import float_batch_norm, int8_batch_norm, threshold_bits
from kernels_asm.companions.bit_map import BitMap
from kernels_asm.fused_arguments import transform_field
from kernels_asm.packing import padded_channels_out
from kernels_asm.threshold import Thresholds

Array = NDArray[Any]
Signs = NDArray[np.integer]

UNUSED_BITS = "unused_bits"
SUMS = "sums"
POOLED_SUMS = "pooled_sums"
SCRATCH = "scratch_tile"


@dataclass(frozen=True, slots=True)
class KernelCall:
    """One call: the name of its argument block, the kernel, numbers, and C expressions for pointers."""

    name: str
    kernel: Kernel
    values: Mapping[str, int]
    pointers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sums:
    """What a convolution leaves in the buffer `SUMS`: rows, columns, channels with those that fill a tile, and type."""

    height: int
    width: int
    channels: int
    pitch: int
    element: OutputType


@dataclass(frozen=True, slots=True)
class LayerOutputs:
    """What a layer must put out.

    Attributes:
        sums: Outputs of the convolution; None where a fused kernel keeps them to itself.
        map: The feature map; None where only signs come out.
        bits: Packed signs (rows, columns, bytes), without border.
    """

    sums: Array | None
    map: Array | None
    bits: NDArray[np.uint8]


@dataclass(frozen=True)
class Surroundings:
    """What the calls of every layer share.

    Attributes:
        kernels: Where kernels are entered.
        constants: Where weights and parameters are entered.
        memory: Where maps lie.
        pixels_at_once: Of passes behind convolutions.
    """

    kernels: KernelTable
    constants: Constants
    memory: MapMemory
    pixels_at_once: PixelsAtOnce


class BinaryLayer:
    """A binary layer with its kernels.

    Attributes:
        step: The layer among the steps.
        block: The trained layer.
        input: Its packed input.
        packs: The packed map that its signs go to.
        calls: Its kernels' calls.
        sums: What the first of two kernels leaves; None for a fused one.
        scratch_bytes: Of the scratch tile of a fused kernel.

    Raises kernels_asm.InputError if a kernel cannot compute the layer.
    """

    def __init__(
        self,
        step: Binary,
        blocks: Mapping[str, BinaryBlock],
        works: Sequence[LayerWork],
        surroundings: Surroundings,
    ) -> None:
        self.step = step
        self.block = blocks[step.layer.name]
        self.name = identifier(step.layer.name)
        self.input = packed_input(step.layer)
        self.packs = _packed_output(step)
        self.sums: Sums | None = None
        self.scratch_bytes = 0
        self.calls: tuple[KernelCall, ...]
        self._next = blocks[step.packs.name] if step.packs is not None else None
        self._weights = channels_last(self.block.integer_weights())
        self._around = surroundings
        match tuple(works):
            case (FusedConvolution() as fused,):
                self._fused: FusedRunner | None = self._runner_of(fused)
                self.calls = (self._fused_call(fused),)
            case (Convolution() as convolution, NormalisationPass() as behind):
                self._fused = None
                self._convolution = KernelRunner(convolution.variant, convolution.shape)
                self._packed_weights = self._convolution.pack(self._weights)
                self._behind = self._as_computed(behind)
                self._pixels = surroundings.pixels_at_once(behind)
                self.sums = self._sums_of(convolution)
                self.calls = (self._convolution_call(convolution), self._pass_call(self.sums))
            case _:
                raise AssertionError(f"layer {step.layer.name} has kernels {', '.join(map(str, works))}")

    @property
    def pools_sums(self) -> bool:
        """Whether something in C stands between the convolution and the pass behind it: a maximum or a ReLU of sums."""
        return self.step.layer.sums_pool > 1 or self.step.layer.sums_relu

    def run(self, signs: Signs, shortcut: Array | None) -> LayerOutputs:
        """Return what comes out for signs (rows, columns, channels) and the map that is added: from the emulator.

        Raises VerificationError if the emulated convolution is not what the network was trained with.
        """
        if self._fused is not None:
            run = self._fused.run(signs, shortcut)
            return LayerOutputs(None, run.output, run.bits)
        sums = self._convolution.run(signs, self._packed_weights).output
        self._require_trained(signs, sums)
        done = self._run_pass(np.ascontiguousarray(_finish_sums(sums, self.step.layer)), shortcut)
        return LayerOutputs(sums, done.output, done.bits)

    def _require_trained(self, signs: Signs, sums: Array) -> None:
        import torch

        as_tensor = torch.from_numpy(np.ascontiguousarray(signs.transpose(2, 0, 1)))[None]
        expected = self.block.integer_convolution(as_tensor, self.block.integer_weights())
        if not np.array_equal(channels_last(expected)[0], sums):
            raise VerificationError(
                f"layer {self.step.layer.name}: the emulated convolution differs from the trained network's: the "
                "weights belong to another arithmetic"
            )

    def _run_pass(self, sums: Array, shortcut: Array | None) -> CompanionRun:
        call = EmulatedCall(pixels_at_once=self._pixels)
        if self._behind.signs_alone:
            return run_threshold_bits(sums, Thresholds(*transform_parameters(self.block)), call)
        if self._behind.in_int8:
            return run_int8_batch_norm(sums, fixed_point_parameters(self.block), shortcut, call)
        return run_float_batch_norm(sums, float_parameters(self.block, self._next), shortcut, call)

    def _as_computed(self, behind: NormalisationPass) -> NormalisationPass:
        """Return the pass with what the layer has, where it was timed with what costs as much."""
        thresholds = self._next is not None and self._next.features.threshold is not None
        return replace(behind, activation=self.step.layer.activation, thresholds=thresholds)

    def _runner_of(self, fused: FusedConvolution) -> FusedRunner:
        parameters = transform_parameters(self.block)
        return FusedRunner(fused.shape, fused.variant, self._weights, parameters, Placement(border=0))

    def _sums_of(self, convolution: Convolution) -> Sums:
        shape, variant = convolution.shape, convolution.variant
        pitch = padded_channels_out(shape.channels_out, variant.tile.channels)
        return Sums(shape.out_height, shape.out_width, shape.channels_out, pitch, variant.arithmetic.output)

    # ---- calls ----

    def _fused_call(self, work: FusedConvolution) -> KernelCall:
        shape, variant = work.shape, work.variant
        kernels, constants = self._around.kernels, self._around.constants
        callee = variant.callee(shape)
        transform = kernels.add(callee.source, callee.parameters, callee.arguments)
        kernel = kernels.add(SOURCES / variant.tile.source, variant.parameters(shape), variant.arguments, transform)
        fixed = fixed_inputs(shape, variant, self._weights, transform_parameters(self.block))
        fields = {field.name: field.c_type for field in variant.arguments.fields}
        pointers = {
            "input": self.input_name,
            **{name: constants.add(f"{self.name}_{name}", array, fields[name]) for name, array in fixed.items()},
            "output": SCRATCH,
            transform_field("bits"): self._bits_name(),
            **self._map_pointers(transform_field("shortcut"), transform_field("output")),
        }
        self.scratch_bytes = variant.scratch_bytes(shape)
        return KernelCall(f"{self.name}_arguments", kernel, variant.argument_values(shape, self.packs), pointers)

    def _convolution_call(self, work: Convolution) -> KernelCall:
        shape, variant = work.shape, work.variant
        tile = variant.tile
        kernel = self._around.kernels.add(SOURCES / tile.source, variant.parameters(shape), tile.arguments)
        packed = tile.pack_weights(self._weights, shape)
        weights = self._around.constants.add(f"{self.name}_weights", packed, "const uint8_t *")
        values = tile.argument_values(shape, variant.arithmetic.output.dtype.itemsize)
        pointers = {"input": self.input_name, "weights": weights, "output": f"{SUMS}.{variant.arithmetic.output}"}
        return KernelCall(f"{self.name}_convolution", kernel, values, pointers)

    def _pass_call(self, sums: Sums) -> KernelCall:
        element = sums.element.dtype
        skip = 0 if self.pools_sums else (sums.pitch - sums.channels) * element.itemsize
        name, has_shortcut = f"{self.name}_normalisation", self.step.shortcut is not None
        kernels, constants, bits = self._around.kernels, self._around.constants, self.packs
        read = POOLED_SUMS if self.pools_sums else SUMS
        pointers = {"input": f"{read}.{sums.element}", "bits": self._bits_name()}
        if self._behind.signs_alone:
            thresholds = Thresholds(*transform_parameters(self.block))
            symbols = threshold_bits.symbols(bits, self._pixels, skip)
            kernel = kernels.add(threshold_bits.SOURCE, symbols, threshold_bits.THRESHOLD_BITS)
            limits, flips = threshold_bits.pack_limits(thresholds), threshold_bits.pack_flips(thresholds)
            pointers["parameters"] = constants.add(f"{self.name}_limits", limits)
            pointers["flips"] = constants.add(f"{self.name}_flips", flips, "const uint8_t *")
            return KernelCall(name, kernel, threshold_bits.argument_values(bits), pointers)
        pointers |= self._map_pointers("shortcut", "output")
        if self._behind.in_int8:
            packed = int8_batch_norm.pack_parameters(*fixed_point_parameters(self.block))
            symbols = int8_batch_norm.symbols(bits, element, has_shortcut, self._pixels, skip)
            kernel = kernels.add(int8_batch_norm.SOURCE, symbols, int8_batch_norm.INT8_BATCH_NORM)
            pointers["parameters"] = constants.add(f"{self.name}_parameters", packed)
            return KernelCall(name, kernel, int8_batch_norm.argument_values(bits), pointers)
        parameters = float_parameters(self.block, self._next)
        symbols = float_batch_norm.symbols(
            bits,
            element,
            has_shortcut,
            self._pixels,
            skip,
            activation=parameters.activation,
            has_thresholds=parameters.threshold is not None,
        )
        kernel = kernels.add(float_batch_norm.SOURCE, symbols, float_batch_norm.FLOAT_BATCH_NORM)
        pointers["parameters"] = constants.add(f"{self.name}_parameters", parameters.pack())
        return KernelCall(name, kernel, float_batch_norm.argument_values(bits), pointers)

    @property
    def input_name(self) -> str:
        """Name of the packed input's buffer."""
        return f"{self.name}_input"

    def _bits_name(self) -> str:
        return f"{identifier(self.step.packs.name)}_input" if self.step.packs is not None else UNUSED_BITS

    def _map_pointers(self, shortcut: str, output: str) -> dict[str, str]:
        places = self._around.memory.places
        maps = {shortcut: self.step.shortcut, output: self.step.output}
        return {name: places[where] for name, where in maps.items() if where is not None}


def packed_input(layer: BinaryConv) -> BitMap:
    """Return the packed input of a layer, with its padding."""
    shape = layer.shape
    return BitMap(shape.height, shape.width, shape.channels_in, shape.padding)


def with_border(bits: NDArray[np.uint8], border: int) -> NDArray[np.uint8]:
    """Return a packed map with so many pixels of +1 around it."""
    around = (border, border)
    return np.pad(bits, (around, around, (0, 0)))


def _packed_output(step: Binary) -> BitMap:
    if step.packs is not None:
        return packed_input(step.packs)
    return BitMap(step.layer.out_height, step.layer.out_width, step.layer.out_channels)


def _finish_sums(sums: Array, layer: BinaryConv) -> Array:
    """Return what the pass behind a convolution reads: maxima of windows that do not overlap, and a ReLU of them."""
    size = layer.sums_pool
    if size > 1:
        height, width = layer.out_height, layer.out_width
        windows = sums[: height * size, : width * size].reshape(height, size, width, size, sums.shape[2])
        sums = windows.max(axis=(1, 3))
    return np.maximum(sums, 0) if layer.sums_relu else sums

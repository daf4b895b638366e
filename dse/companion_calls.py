"""Runs the companions of the binary convolution on the emulated machine, each call checked against its oracle.

Feature maps are arrays of (height, width, channels). Buffers start at multiples of `alignment` bytes; with 1 they end
where a guard page begins. A packed output can have a border, which the kernel leaves as it was: bytes of `background`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dse.errors import KernelMismatchError
from dse.kernel_call import call_kernel
from isa_models import Buffer, Trace
from kernels_asm import InputError
from kernels_asm.arguments import ArgumentBlock
from kernels_asm.assembler import assemble
from kernels_asm.companions import (
    channel_groups,
    float_batch_norm,
    int8_batch_norm,
    int8_batch_norm_slabs,
    max_pool_bits,
    pack_bits,
    residual_add,
    threshold_bits,
    threshold_bits_slabs,
)
from kernels_asm.companions.bit_map import BitMap, pack_signs
from kernels_asm.companions.float_batch_norm import FloatParameters
from kernels_asm.companions.max_pool_bits import PoolShape
from kernels_asm.fixed_point import batch_norm_int8
from kernels_asm.packing import pack_bits as pack_signs_of
from kernels_asm.threshold import Thresholds

Array = NDArray[np.generic]
Bytes = NDArray[np.uint8]

_CACHE_LINE = 64


@dataclass(frozen=True, slots=True)
class Call:
    """How to call: see the module.

    `pixels_at_once`: of a batch norm, see `kernels_asm.companions.channel_groups.PIXELS_AT_ONCE`;
    `in_slabs`: whether an int8 batch norm or thresholds go by `kernels_asm.companions.int8_batch_norm_slabs` or
    `threshold_bits_slabs`; `trace`: whether to record what the timing engines need.
    """

    border: int = 0
    background: int = 0
    alignment: int = _CACHE_LINE
    pixels_at_once: int = 2
    in_slabs: bool = False
    trace: bool = False


@dataclass(frozen=True, slots=True)
class CompanionRun:
    """One run of a companion.

    Attributes:
        bits: The packed output with its border.
        output: The output feature map, None where the bits are all.
        instructions: Instructions executed.
        trace: What the timing engines need, if it was asked for.
    """

    bits: Bytes
    output: Array | None
    instructions: int
    trace: Trace | None


_DEFAULT = Call()


def run_pack_bits(values: NDArray[np.number], call: Call = _DEFAULT) -> CompanionRun:
    """Pack the sign bits of a map of float32, int8 or int16.

    Raises InputError for other types, KernelMismatchError if the kernel's output is not the oracle's.
    """
    bits = BitMap.of(values, call.border)
    kernel = _Kernel(pack_bits.SOURCE, pack_bits.PACK_BITS, pack_bits.symbols(bits, values.dtype))
    job = _Job(kernel, pack_bits.argument_values(bits), {"input": values}, bits, pack_bits.oracle(values))
    return _run(job, call)


def run_residual_add(values: NDArray[np.int8], shortcut: NDArray[np.int8], call: Call = _DEFAULT) -> CompanionRun:
    """Add two int8 maps of one shape; raises as `run_pack_bits`."""
    channel_groups.check_shape("shortcut", shortcut, values.shape)
    inputs = {"input": _typed(values, "int8"), "shortcut": _typed(shortcut, "int8")}
    expected = residual_add.oracle(values, shortcut)
    bits = BitMap.of(values, call.border)
    kernel = _Kernel(residual_add.SOURCE, residual_add.RESIDUAL_ADD, residual_add.symbols(bits))
    job = _Job(kernel, residual_add.argument_values(bits), inputs, bits, pack_signs(expected), expected)
    return _run(job, call)


def run_float_batch_norm(
    values: NDArray[np.number],
    parameters: FloatParameters,
    shortcut: NDArray[np.float32] | None = None,
    call: Call = _DEFAULT,
) -> CompanionRun:
    """Normalise a map of float32 or signed integers with parameters of as many channels; raises as `run_pack_bits`."""
    channel_groups.check_shape("scales", parameters.scale, values.shape[-1:])
    inputs: dict[str, Array] = {"input": values, "parameters": parameters.pack()}
    if shortcut is not None:
        channel_groups.check_shape("shortcut", shortcut, values.shape)
        inputs["shortcut"] = _typed(shortcut, "float32")
    bits = BitMap.of(values, call.border)
    symbols = float_batch_norm.symbols(
        bits,
        values.dtype,
        shortcut is not None,
        call.pixels_at_once,
        activation=parameters.activation,
        has_thresholds=parameters.threshold is not None,
    )
    kernel = _Kernel(float_batch_norm.SOURCE, float_batch_norm.FLOAT_BATCH_NORM, symbols)
    expected, is_one = float_batch_norm.oracle(values, parameters, shortcut)
    expected_bits = pack_signs_of(np.where(is_one, -1, 1))
    return _run(_Job(kernel, float_batch_norm.argument_values(bits), inputs, bits, expected_bits, expected), call)


def run_int8_batch_norm(
    values: NDArray[np.int8] | NDArray[np.int16] | NDArray[np.int32],
    parameters: tuple[NDArray[np.integer], NDArray[np.integer], NDArray[np.integer]],
    shortcut: NDArray[np.int8] | None = None,
    call: Call = _DEFAULT,
) -> CompanionRun:
    """Normalise a map of int8, int16 or int32 with multipliers, shifts and offsets, each (channels,).

    Raises as `run_pack_bits`, and InputError for parameters that the contract does not allow.
    """
    expected = batch_norm_int8(values, *parameters, shortcut)
    inputs: dict[str, Array] = {"input": values, "parameters": int8_batch_norm.pack_parameters(*parameters)}
    if shortcut is not None:
        inputs["shortcut"] = _typed(shortcut, "int8")
    bits = BitMap.of(values, call.border)
    if call.in_slabs:
        _typed(values, "int16")
        symbols = int8_batch_norm_slabs.symbols(bits, shortcut is not None)
        kernel = _Kernel(int8_batch_norm_slabs.SOURCE, int8_batch_norm_slabs.INT8_BATCH_NORM_SLABS, symbols)
    else:
        symbols = int8_batch_norm.symbols(bits, values.dtype, shortcut is not None, call.pixels_at_once)
        kernel = _Kernel(int8_batch_norm.SOURCE, int8_batch_norm.INT8_BATCH_NORM, symbols)
    job = _Job(kernel, int8_batch_norm.argument_values(bits), inputs, bits, pack_signs(expected), expected)
    return _run(job, call)


def run_threshold_bits(values: NDArray[np.int16], thresholds: Thresholds, call: Call = _DEFAULT) -> CompanionRun:
    """Compare a map of int16 with thresholds of as many channels; raises as `run_pack_bits`."""
    channel_groups.check_shape("limits", thresholds.limits, values.shape[-1:])
    inputs: dict[str, Array] = {
        "input": _typed(values, "int16"),
        "parameters": threshold_bits.pack_limits(thresholds),
        "flips": threshold_bits.pack_flips(thresholds),
    }
    bits = BitMap.of(values, call.border)
    if call.in_slabs:
        symbols = threshold_bits_slabs.symbols(bits)
        kernel = _Kernel(threshold_bits_slabs.SOURCE, threshold_bits_slabs.THRESHOLD_BITS_SLABS, symbols)
    else:
        symbols = threshold_bits.symbols(bits, call.pixels_at_once)
        kernel = _Kernel(threshold_bits.SOURCE, threshold_bits.THRESHOLD_BITS, symbols)
    expected = pack_signs_of(np.where(thresholds.bits(values), -1, 1))
    return _run(_Job(kernel, threshold_bits.argument_values(bits), inputs, bits, expected), call)


def run_max_pool_bits(
    signs: NDArray[np.integer], pool: PoolShape, input_border: int = 0, call: Call = _DEFAULT
) -> CompanionRun:
    """Pool a map of +1/-1, which is packed with `input_border` pixels of `background` around it.

    Raises as `run_pack_bits`, and InputError if a window is larger than the padded map.
    """
    inputs = BitMap.of(signs, input_border)
    bits = pool.output(inputs, call.border)
    symbols = max_pool_bits.symbols(inputs.channels, pool)
    kernel = _Kernel(max_pool_bits.SOURCE, max_pool_bits.MAX_POOL_BITS, symbols)
    packed = np.full(inputs.shape, call.background, np.uint8)
    inputs.inside(packed)[...] = pack_signs(signs)
    expected = pack_signs(max_pool_bits.oracle(signs, pool))
    return _run(_Job(kernel, max_pool_bits.argument_values(inputs, bits), {"input": packed}, bits, expected), call)


@dataclass(frozen=True, slots=True)
class _Kernel:
    source: Path
    arguments: ArgumentBlock
    symbols: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Job:
    """What to run and what must come out; `expected` is the map of a kernel that puts out one beside the bits."""

    kernel: _Kernel
    values: Mapping[str, int]
    inputs: Mapping[str, Array]
    bits: BitMap
    expected_bits: Bytes
    expected: Array | None = None


def _run(job: _Job, call: Call) -> CompanionRun:
    kernel, bits = job.kernel, job.bits
    whole = np.full(bits.shape, call.background, np.uint8)
    buffers = [
        Buffer(name, np.ascontiguousarray(array), alignment=call.alignment) for name, array in job.inputs.items()
    ]
    buffers.append(Buffer("bits", whole.copy(), writable=True, alignment=call.alignment))
    if job.expected is not None:
        buffers.append(Buffer("output", job.expected.nbytes, writable=True, alignment=call.alignment))
    image = assemble(kernel.source, kernel.symbols, kernel.arguments)
    budget = _instruction_budget(bits)
    done = call_kernel(image, kernel.arguments, job.values, buffers, budget=budget, trace=call.trace)
    bits.inside(whole)[...] = job.expected_bits
    written_bits = np.frombuffer(done.outputs["bits"], np.uint8).reshape(bits.shape)
    _compare(kernel, "byte", written_bits, whole)
    written = None
    if job.expected is not None:
        written = np.frombuffer(done.outputs["output"], job.expected.dtype).reshape(job.expected.shape)
        _compare(kernel, "channel", written, job.expected)
    return CompanionRun(written_bits, written, done.instructions, done.trace)


def _compare(kernel: _Kernel, last_axis: str, written: Array, expected: Array) -> None:
    """Raise KernelMismatchError at the first difference; a NaN equals any other, and -0.0 differs from 0.0."""
    bits_of = np.dtype(f"u{expected.itemsize}")
    are_nan = (written != written) & (expected != expected)
    differ = (written.view(bits_of) != np.ascontiguousarray(expected).view(bits_of)) & ~are_nan
    if differ.any():
        row, column, last = np.argwhere(differ)[0]
        raise KernelMismatchError(
            f"kernel {kernel.arguments.function} with {dict(kernel.symbols)} computes wrongly: {differ.sum()} of "
            f"{differ.size} differ, the first at row {row}, column {column}, {last_axis} {last}: "
            f"{written[row, column, last]} instead of {expected[row, column, last]}"
        )


def _typed(array: Array, name: str) -> Array:
    if array.dtype.name != name:
        raise InputError(f"a feature map of {array.dtype.name} where the kernel takes {name}: convert it")
    return array


def _instruction_budget(bits: BitMap) -> int:
    """Return several times the instructions that a correct kernel needs, so that a runaway one ends soon."""
    return bits.height * bits.width * (8 * bits.channels + 1_000) + 10_000

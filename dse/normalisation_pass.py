"""The pass over a feature map behind a binary convolution, timed: batch norm, shortcut, activation and packed signs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dse.companion_calls import Call, CompanionRun, run_float_batch_norm, run_int8_batch_norm, run_threshold_bits
from dse.layout_digest import layout_digest
from isa_models import Core, Simulation, time_totals, timing_digest
from kernels_asm import InputError, OutputType
from kernels_asm.activation import Activation
from kernels_asm.arguments import ArgumentBlock
from kernels_asm.assembler import KernelImage, KernelSource, assemble, source_digest
from kernels_asm.companions import float_batch_norm, int8_batch_norm, threshold_bits
from kernels_asm.companions.bit_map import BitMap
from kernels_asm.companions.channel_groups import PIXELS_AT_ONCE
from kernels_asm.companions.float_batch_norm import FloatParameters, parameters_of
from kernels_asm.threshold import Thresholds

_LAYOUT_SOURCES = ("companions/*.py", "packing.py")
_DATA_SEED = 20240
_BORDER = 1
"""Pixels around the packed signs, for a next layer that pads by one."""


@dataclass(frozen=True, slots=True)
class NormalisationPass:
    """One call of a batch norm kernel.

    Attributes:
        height: Rows of the map.
        width: Its columns.
        channels: Its channels.
        sums: Type of the convolution's outputs, which it reads.
        in_int8: Whether the map that it writes, and the shortcut, are int8 in fixed point instead of float32.
        signs_alone: Whether it compares sums, int16, with a threshold for each channel and only packs the bits.
        shortcut: Whether it adds a map of the output's shape.
        activation: What it does to the sum; none in int8.
        thresholds: Whether signs are those of the differences from a threshold for each channel; not in int8.

    Raises InputError for what the int8 kernel does not do.

    """

    height: int
    width: int
    channels: int
    sums: OutputType
    in_int8: bool = False
    signs_alone: bool = False
    shortcut: bool = True
    activation: Activation = Activation.NONE
    thresholds: bool = False

    def __post_init__(self) -> None:
        if (self.in_int8 or self.signs_alone) and (self.activation is not Activation.NONE or self.thresholds):
            raise InputError(f"{self}: int8 maps have neither activation nor thresholds: use float32 maps")
        if self.signs_alone and (self.shortcut or self.sums is not OutputType.INT16):
            raise InputError(f"{self}: sums of int16 without a shortcut have thresholds: give such")

    def __str__(self) -> str:
        extras = [
            *(["shortcut"] if self.shortcut else []),
            *([self.activation.value] if self.activation is not Activation.NONE else []),
            *(["thresholds"] if self.thresholds else []),
        ]
        kind = "int8" if self.in_int8 else "float32"
        if self.signs_alone:
            return f"threshold bits of {self.sums.value} {self.height}x{self.width}x{self.channels}"
        return " + ".join(
            [f"{kind} batch norm of {self.sums.value} {self.height}x{self.width}x{self.channels}", *extras]
        )


def time_normalisation(work: NormalisationPass, core: Core) -> Simulation:
    """Return where its cycles go on random data with warm caches, with one pixel at once or two, whichever is faster.

    Raises KernelMismatchError if the output is not the oracle's.
    """
    return min((_time(work, pixels, core) for pixels in PIXELS_AT_ONCE), key=lambda timed: timed.cycles)


def fastest_pixels(work: NormalisationPass, core: Core) -> int:
    """Return how many pixels at once are the fastest: those that `time_normalisation` tells the cycles of."""
    return min(PIXELS_AT_ONCE, key=lambda pixels: _time(work, pixels, core).cycles)


def normalisation_key(work: NormalisationPass, core: Core) -> Mapping[str, Any]:
    """Return everything that `time_normalisation` depends on, by name."""
    return {
        "kernels": [source_digest(*_kernel(work, pixels)) for pixels in PIXELS_AT_ONCE],
        "layout": layout_digest(*_LAYOUT_SOURCES),
        "pass": str(work),
        "core": core.digest,
        "timing": timing_digest(),
    }


def normalisation_images(work: NormalisationPass) -> tuple[KernelImage, ...]:
    """Return the images of both forms of the pass, of which the faster is timed."""
    return tuple(assemble(*_kernel(work, pixels)) for pixels in PIXELS_AT_ONCE)


def normalisation_kernels(work: NormalisationPass) -> tuple[KernelSource, ...]:
    """Return what these images are made of."""
    return tuple(KernelSource(*_kernel(work, pixels)) for pixels in PIXELS_AT_ONCE)


def normalisation_parameter_bytes(work: NormalisationPass) -> int:
    """Return the bytes of the constants and thresholds that the kernel reads."""
    if work.signs_alone:
        thresholds = Thresholds(np.zeros(work.channels, np.int16), np.zeros(work.channels, np.bool_))
        return threshold_bits.pack_limits(thresholds).nbytes + threshold_bits.pack_flips(thresholds).nbytes
    if work.in_int8:
        multiplier = np.full(work.channels, 2**14)
        zeros = np.zeros(work.channels, np.int64)
        return int8_batch_norm.pack_parameters(multiplier, zeros, zeros).nbytes
    numbers = {name: np.zeros(work.channels, np.float32) for name in _numbers(work)}
    return FloatParameters(activation=work.activation, **numbers).pack().nbytes


def _numbers(work: NormalisationPass) -> tuple[str, ...]:
    """Return the names of the numbers that the float32 kernel has for each channel."""
    return ("scale", "bias", *parameters_of(work.activation), *(["threshold"] if work.thresholds else []))


def _time(work: NormalisationPass, pixels: int, core: Core) -> Simulation:
    trace = _run(work, Call(border=_BORDER, pixels_at_once=pixels, trace=True)).trace
    if trace is None:
        raise AssertionError("a call that wants a trace records one")
    return replace(time_totals(trace, core), function=_block(work).function)


def _run(work: NormalisationPass, call: Call) -> CompanionRun:
    generator = np.random.default_rng(_DATA_SEED)
    size, channels = (work.height, work.width, work.channels), work.channels
    sums = generator.integers(-100, 101, size).astype(work.sums.dtype)
    if work.signs_alone:
        thresholds = Thresholds(sums[0, 0].astype(np.int16), generator.random(channels) < 0.5)
        return run_threshold_bits(sums, thresholds, call)
    if work.in_int8:
        scaled = generator.choice([-1, 1], channels) * generator.integers(2**14, 2**15, channels)
        parameters = (scaled, generator.integers(0, 4, channels), generator.integers(-40, 41, channels))
        added = generator.integers(-128, 128, size).astype(np.int8) if work.shortcut else None
        return run_int8_batch_norm(sums, parameters, added, call)
    numbers = {name: generator.standard_normal(channels).astype(np.float32) for name in _numbers(work)}
    shortcut = generator.standard_normal(size).astype(np.float32) if work.shortcut else None
    return run_float_batch_norm(sums, FloatParameters(activation=work.activation, **numbers), shortcut, call)


def _kernel(work: NormalisationPass, pixels: int) -> tuple[Path, dict[str, int], ArgumentBlock]:
    """Return source, assembler symbols and argument block of the form that takes so many pixels at once."""
    bits = BitMap(work.height, work.width, work.channels, _BORDER)
    if work.signs_alone:
        return threshold_bits.SOURCE, threshold_bits.symbols(bits, pixels), _block(work)
    if work.in_int8:
        symbols = int8_batch_norm.symbols(bits, work.sums.dtype, work.shortcut, pixels)
        return int8_batch_norm.SOURCE, symbols, _block(work)
    symbols = float_batch_norm.symbols(
        bits,
        work.sums.dtype,
        work.shortcut,
        pixels,
        activation=work.activation,
        has_thresholds=work.thresholds,
    )
    return float_batch_norm.SOURCE, symbols, _block(work)


def _block(work: NormalisationPass) -> ArgumentBlock:
    if work.signs_alone:
        return threshold_bits.THRESHOLD_BITS
    return int8_batch_norm.INT8_BATCH_NORM if work.in_int8 else float_batch_norm.FLOAT_BATCH_NORM

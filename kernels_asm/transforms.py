"""Output transforms: what a fused convolution makes of its int16 dot products, by which kernel, and the oracle."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kernels_asm.arguments import ArgumentBlock
from kernels_asm.assembler import Callee
from kernels_asm.companions import (
    float_batch_norm,
    int8_batch_norm,
    int8_batch_norm_slabs,
    threshold_bits,
    threshold_bits_slabs,
)
from kernels_asm.companions.bit_map import BitMap
from kernels_asm.companions.channel_groups import PIXELS_AT_ONCE, Walk
from kernels_asm.companions.float_batch_norm import FloatParameters
from kernels_asm.errors import InputError
from kernels_asm.fixed_point import batch_norm_int8
from kernels_asm.threshold import Thresholds

Array = NDArray[Any]
Parameters = tuple[Array, ...]

_DOT = np.dtype(np.int16)


@dataclass(frozen=True, slots=True)
class Transform(ABC):
    """A companion kernel, run on each row of a tile; `pixels_at_once`: see `channel_groups.PIXELS_AT_ONCE`.

    `str` of a transform, such as "int8+shortcut.by2", is read back by `parse_transform`. Raises InputError for another
    number of pixels.
    """

    name: ClassVar[str]
    source: ClassVar[Path]
    arguments: ClassVar[ArgumentBlock]
    element: ClassVar[np.dtype[Any] | None]
    """Type of the shortcut and of the output map; None where bits are the only output."""

    pixels_at_once: int = 2

    def __post_init__(self) -> None:
        if self.pixels_at_once not in PIXELS_AT_ONCE:
            raise InputError(f"transform {self}: {self.pixels_at_once} pixels at once: give 1 or 2")

    def __str__(self) -> str:
        return f"{self.name}{'+shortcut' if self.adds_shortcut else ''}.by{self.pixels_at_once}"

    @property
    def adds_shortcut(self) -> bool:
        """Whether it adds a feature map of the output's shape."""
        return False

    def callee(self, row: BitMap, input_skip: int) -> Callee:
        """Return the function for such a row, with so many bytes between the channels of two pixels of its input.

        Raises InputError for channels that it cannot have.
        """
        return Callee(self.source, self._symbols(row, input_skip), self.arguments)

    def values(self, row: BitMap) -> dict[str, int]:
        """Return the fields of its argument block for such a row, pointers aside."""
        return Walk.by_pixels(row).argument_values(row)

    @abstractmethod
    def _symbols(self, row: BitMap, input_skip: int) -> dict[str, int]: ...

    @abstractmethod
    def pack(self, parameters: Parameters) -> Mapping[str, Array]:
        """Return what its pointers to parameters point to; raises InputError for parameters that it cannot have."""

    @abstractmethod
    def oracle(self, dot: Array, parameters: Parameters, shortcut: Array | None) -> tuple[Array, Array | None]:
        """Return where bits are 1, and the output map if it has one, each of the shape of `dot`, (..., channels)."""


class ThresholdBits(Transform):
    """Sign bits of a batch norm by `kernels_asm.threshold`; parameters: limits and flips."""

    __slots__ = ()
    name = "bits"
    source = threshold_bits.SOURCE
    arguments = threshold_bits.THRESHOLD_BITS
    element = None

    def _symbols(self, row: BitMap, input_skip: int) -> dict[str, int]:
        return threshold_bits.symbols(row, self.pixels_at_once, input_skip)

    def pack(self, parameters: Parameters) -> Mapping[str, Array]:
        """See `Transform`."""
        thresholds = Thresholds(*parameters)
        return {
            "parameters": threshold_bits.pack_limits(thresholds),
            "flips": threshold_bits.pack_flips(thresholds),
        }

    def oracle(self, dot: Array, parameters: Parameters, shortcut: Array | None) -> tuple[Array, Array | None]:
        """See `Transform`; there is no shortcut."""
        if shortcut is not None:
            raise InputError(f"transform {self} adds no shortcut: give none")
        return Thresholds(*parameters).bits(dot), None


class ThresholdSlabs(ThresholdBits):
    """The same, 64 channels of all pixels of a row before the next 64: see `companions.threshold_bits_slabs`."""

    __slots__ = ()
    source = threshold_bits_slabs.SOURCE
    arguments = threshold_bits_slabs.THRESHOLD_BITS_SLABS

    def __str__(self) -> str:
        return f"{self.name}.slabs"

    def _symbols(self, row: BitMap, input_skip: int) -> dict[str, int]:  # noqa: ARG002 - 0: whole slabs are whole tiles
        return threshold_bits_slabs.symbols(row)


@dataclass(frozen=True, slots=True)
class _BatchNorm(Transform):
    shortcut: bool = False

    @property
    def adds_shortcut(self) -> bool:
        """See `Transform`."""
        return self.shortcut


class Int8BatchNorm(_BatchNorm):
    """Batch norm by `kernels_asm.fixed_point` and sign bits of it; parameters: multipliers, shifts and offsets."""

    __slots__ = ()
    name = "int8"
    source = int8_batch_norm.SOURCE
    arguments = int8_batch_norm.INT8_BATCH_NORM
    element = np.dtype(np.int8)

    def _symbols(self, row: BitMap, input_skip: int) -> dict[str, int]:
        return int8_batch_norm.symbols(row, _DOT, self.shortcut, self.pixels_at_once, input_skip)

    def pack(self, parameters: Parameters) -> Mapping[str, Array]:
        """See `Transform`."""
        multiplier, shift, offset = parameters
        return {"parameters": int8_batch_norm.pack_parameters(multiplier, shift, offset)}

    def oracle(self, dot: Array, parameters: Parameters, shortcut: Array | None) -> tuple[Array, Array | None]:
        """See `Transform`."""
        multiplier, shift, offset = parameters
        result = batch_norm_int8(dot, multiplier, shift, offset, shortcut)
        return result < 0, result


class Int8Slabs(Int8BatchNorm):
    """The same, 32 channels of all pixels of a row before the next 32: see `companions.int8_batch_norm_slabs`."""

    __slots__ = ()
    source = int8_batch_norm_slabs.SOURCE
    arguments = int8_batch_norm_slabs.INT8_BATCH_NORM_SLABS

    def __str__(self) -> str:
        return f"{self.name}{'+shortcut' if self.shortcut else ''}.slabs"

    def _symbols(self, row: BitMap, input_skip: int) -> dict[str, int]:  # noqa: ARG002 - 0: whole slabs are whole tiles
        return int8_batch_norm_slabs.symbols(row, self.shortcut)


class FloatBatchNorm(_BatchNorm):
    """Batch norm in float32 and sign bits of it, see `companions.float_batch_norm`; parameters: scales and biases."""

    __slots__ = ()
    name = "float"
    source = float_batch_norm.SOURCE
    arguments = float_batch_norm.FLOAT_BATCH_NORM
    element = np.dtype(np.float32)

    def _symbols(self, row: BitMap, input_skip: int) -> dict[str, int]:
        return float_batch_norm.symbols(row, _DOT, self.shortcut, self.pixels_at_once, input_skip)

    def pack(self, parameters: Parameters) -> Mapping[str, Array]:
        """See `Transform`."""
        scale, bias = parameters
        return {"parameters": FloatParameters(scale, bias).pack()}

    def oracle(self, dot: Array, parameters: Parameters, shortcut: Array | None) -> tuple[Array, Array | None]:
        """See `Transform`."""
        scale, bias = parameters
        result, is_one = float_batch_norm.oracle(dot, FloatParameters(scale, bias), shortcut)
        return is_one, result


def all_transforms() -> tuple[Transform, ...]:
    """Return every transform."""
    return (
        *(ThresholdBits(pixels) for pixels in PIXELS_AT_ONCE),
        *(
            kind(pixels, shortcut)
            for kind in (Int8BatchNorm, FloatBatchNorm)
            for shortcut in (False, True)
            for pixels in PIXELS_AT_ONCE
        ),
        ThresholdSlabs(),
        *(Int8Slabs(shortcut=shortcut) for shortcut in (False, True)),
    )


def parse_transform(text: str) -> Transform:
    """Read what `str` writes; raises InputError for anything else."""
    for transform in all_transforms():
        if str(transform) == text:
            return transform
    names = ", ".join(str(transform) for transform in all_transforms())
    raise InputError(f"transform {text!r}: write one of {names}")

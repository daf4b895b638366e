"""The int8 direct convolution `int8_conv`: its variants, its inputs and what it must put out.

It computes the same layers as the binary convolution, from 8-bit integers, so that one can see what binarising buys.
Padding is of zeros. Sums are int32; the output is the sums themselves, or int8 after a rounding right shift. See
asm/int8_conv.S.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from kernels_asm.arguments import ArgumentBlock, Field
from kernels_asm.assembler import SOURCES, KernelImage, assemble
from kernels_asm.errors import InputError
from kernels_asm.matrix_product import exact_product
from kernels_asm.oracle import sliding_windows
from kernels_asm.packing import padded_channels_out
from kernels_asm.shape import ConvShape
from kernels_asm.tile import VECTOR_REGISTERS

Integers = NDArray[np.integer]

BLOCK = 16
"""Input channels of a block: a vector register of bytes. Pixels are filled with zeros up to whole blocks."""

TILE_CHANNELS = (4, 8, 16)
"""Output channels of a tile: four sums fill a register."""

TILE_PIXELS = range(1, 9)
"""Output pixels of a tile: each needs two general registers, of which there are enough for eight."""

LARGEST_WEIGHT = 127
LARGEST_WINDOW = (2**31 - 1) // (128 * LARGEST_WEIGHT)
"""Products a window whose sum cannot leave int32."""

LARGEST_SHIFT = 31

INT8_CONV = ArgumentBlock(
    "int8_conv",
    "kernels_asm/int8_conv.py",
    (
        Field("input", "const int8_t *", "input feature map with its padding, pixel by pixel"),
        Field("weights", "const int8_t *", "filters in tiles of output channels"),
        Field("output", "void *", "output feature map, pixel by pixel, channels contiguous"),
        Field("kernel_rows", "int64_t", "rows of the window"),
        Field("row_blocks", "int64_t", "channel blocks in one row of the window"),
        Field("row_skip", "int64_t", "bytes from the end of a window's row to the start of its next row"),
        Field("out_width", "int64_t", "output pixels in a row"),
        Field("out_pixels", "int64_t", "output pixels in all"),
        Field("pixel_step", "int64_t", "input bytes from one output pixel's window to the next"),
        Field("line_skip", "int64_t", "input bytes added to that at the end of an output row"),
        Field("channel_tiles", "int64_t", "tiles of output channels"),
        Field("out_pitch", "int64_t", "output bytes from one pixel to the next"),
    ),
)

_SKEWS = ((2, 1), (1, 1), (0, 1), (0, 0))
"""SKEW and AHEAD of path smull, the best first; a greater skew gains nothing on any core."""


class Int8Path(StrEnum):
    """The instructions that multiply."""

    SMULL = "smull"
    """SMULL, SMLAL2 and SADALP, which every core has."""
    SDOT = "sdot"
    """SDOT, of the extension `dotprod`."""

    @property
    def feature(self) -> str | None:
        """The extension of the instruction set that it needs, as compilers name it; None for none."""
        return "dotprod" if self is Int8Path.SDOT else None

    @property
    def default_tile(self) -> "Int8Tile":
        """A tile that is good on every core."""
        return Int8Tile(8, 8) if self is Int8Path.SDOT else Int8Tile(4, 4)

    @property
    def good_tiles(self) -> "tuple[Int8Tile, ...]":
        """Few tiles, among which each core has one that is good: a search of all takes minutes."""
        sdot, smull = ((8, 2), (8, 4), (8, 8), (16, 2), (16, 4)), ((4, 4), (4, 6), (8, 2), (8, 3))
        return tuple(Int8Tile(*size) for size in (sdot if self is Int8Path.SDOT else smull))


@dataclass(frozen=True, slots=True)
class Int8Tile:
    """Output channels times output pixels whose sums stay in registers; raises InputError if out of range."""

    channels: int
    pixels: int

    def __post_init__(self) -> None:
        if self.channels not in TILE_CHANNELS:
            raise InputError(f"int8_conv: tile {self}: output channels must be one of 4, 8, 16")
        if self.pixels not in TILE_PIXELS:
            raise InputError(f"int8_conv: tile {self}: output pixels must be 1 to {TILE_PIXELS[-1]}")

    def __str__(self) -> str:
        return f"{self.channels}x{self.pixels}"


@dataclass(frozen=True, slots=True)
class Int8Variant:
    """One instance of the kernel.

    Attributes:
        path: The instructions that multiply.
        tile: Output channels times output pixels whose sums stay in registers.
        shift: None puts out the int32 sums. A number, 0 to 31, puts out int8: sums are divided by 2**shift, rounded to
            nearest with halves up, and saturated to [-128, 127].

    Raises:
        InputError: The tile needs more registers than there are, or the shift is out of range.

    """

    path: Int8Path
    tile: Int8Tile
    shift: int | None = None

    def __post_init__(self) -> None:
        if self._least_registers > VECTOR_REGISTERS:
            raise InputError(
                f"int8_conv: tile {self.tile} needs {self._least_registers} vector registers of {VECTOR_REGISTERS} "
                f"with path {self.path}: give a smaller tile"
            )
        if self.shift is not None and not 0 <= self.shift <= LARGEST_SHIFT:
            raise InputError(f"int8_conv: shift is {self.shift}: give 0 to {LARGEST_SHIFT}, or None for int32 output")

    def __str__(self) -> str:
        output = "int32" if self.shift is None else f"int8-shift{self.shift}"
        return f"int8_conv-{self.path}-{output}-{self.tile}"

    @property
    def output(self) -> np.dtype[np.signedinteger]:
        """Type of an output element."""
        return np.dtype(np.int32) if self.shift is None else np.dtype(np.int8)

    def parameters(self) -> dict[str, int]:
        """Return the assembler symbols that make this variant."""
        free = VECTOR_REGISTERS - self._accumulators - self.tile.pixels
        symbols = {
            "PATH": int(self.path is Int8Path.SDOT),
            "OUT_BITS": 8 * self.output.itemsize,
            "SHIFT": self.shift or 0,
            "TILE_CHANNELS": self.tile.channels,
            "TILE_PIXELS": self.tile.pixels,
        }
        if self.path is Int8Path.SDOT:
            return symbols | {"WEIGHT_SETS": _power_of_two(free // self._quads, most=4)}
        skew, ahead = next(plan for plan in _SKEWS if self._skewed_registers(*plan) <= free)
        return symbols | {"SKEW": skew, "AHEAD": ahead, "WEIGHT_REGISTERS": self._weight_registers(skew, ahead)}

    @property
    def _quads(self) -> int:
        return self.tile.channels // 4

    @property
    def _accumulators(self) -> int:
        registers_a_pixel = self._quads if self.path is Int8Path.SDOT else self.tile.channels
        return registers_a_pixel * self.tile.pixels

    @property
    def _least_registers(self) -> int:
        least = self._quads if self.path is Int8Path.SDOT else self._skewed_registers(*_SKEWS[-1])
        return self._accumulators + self.tile.pixels + least

    def _skewed_registers(self, skew: int, ahead: int) -> int:
        """Registers for weights and products of path smull."""
        return self._weight_registers(skew, ahead) + 2 * skew + 1

    def _weight_registers(self, skew: int, ahead: int) -> int:
        """Channels whose weights are needed at once: they are read up to `skew` products after the channel's last."""
        return 1 + ahead + -(-skew // self.tile.pixels)


def legal_int8_tiles(path: Int8Path) -> Iterator[Int8Tile]:
    """Yield every tile that fits the registers."""
    for channels in TILE_CHANNELS:
        for pixels in TILE_PIXELS:
            tile = Int8Tile(channels, pixels)
            try:
                Int8Variant(path, tile)
            except InputError:
                continue
            yield tile


def assemble_int8(variant: Int8Variant) -> KernelImage:
    """Return the variant's image."""
    return assemble(SOURCES / "int8_conv.S", variant.parameters(), INT8_CONV)


def argument_values(shape: ConvShape, variant: Int8Variant) -> dict[str, int]:
    """Return every field but the pointers; raises InputError if a sum of the layer could leave int32."""
    if shape.window > LARGEST_WINDOW:
        raise InputError(
            f"int8_conv adds in int32, and a window of layer {shape} has {shape.window} products: "
            f"give one of at most {LARGEST_WINDOW}"
        )
    pixel = _pixel_bytes(shape)
    row_pitch = shape.padded_width * pixel
    pixel_step = shape.stride * pixel
    channels = padded_channels_out(shape.channels_out, variant.tile.channels)
    return {
        "kernel_rows": shape.kernel_height,
        "row_blocks": shape.kernel_width * pixel // BLOCK,
        "row_skip": row_pitch - shape.kernel_width * pixel,
        "out_width": shape.out_width,
        "out_pixels": shape.out_pixels,
        "pixel_step": pixel_step,
        "line_skip": shape.stride * row_pitch - shape.out_width * pixel_step,
        "channel_tiles": channels // variant.tile.channels,
        "out_pitch": channels * variant.output.itemsize,
    }


def pack_int8_activations(activations: Integers, shape: ConvShape) -> NDArray[np.int8]:
    """Store an input feature map, (height, width, channels in), with padding and whole blocks of channels, of zeros.

    Returns int8 of shape (padded height, padded width, channels in rounded up to 16). Raises InputError if the shape
    is not the layer's or a value does not fit 8 bits.
    """
    expected = (shape.height, shape.width, shape.channels_in)
    if activations.shape != expected:
        raise InputError(f"activations of shape {activations.shape} for a layer that takes {expected}")
    _check_range("activation", activations, -128, 127)
    around = (shape.padding, shape.padding)
    filled = (0, _pixel_bytes(shape) - shape.channels_in)
    return np.pad(activations.astype(np.int8), (around, around, filled))


def pack_int8_weights(weights: Integers, shape: ConvShape, variant: Int8Variant) -> NDArray[np.int8]:
    """Store filters, (channels out, kernel height, kernel width, channels in), in the order in which the kernel reads.

    Returns int8 of shape (channel tiles, kernel height, kernel width, channel blocks, ...): path smull goes on with
    (tile channels, 16), path sdot with (4 groups of input channels, tile channels, 4 input channels). Raises InputError
    if the shape is not the layer's or a weight is outside [-127, 127].
    """
    expected = (shape.channels_out, shape.kernel_height, shape.kernel_width, shape.channels_in)
    if weights.shape != expected:
        raise InputError(f"weights of shape {weights.shape} for a layer that takes {expected}")
    _check_range("weight", weights, -LARGEST_WEIGHT, LARGEST_WEIGHT)
    channels = padded_channels_out(shape.channels_out, variant.tile.channels)
    none, filled = (0, 0), (0, _pixel_bytes(shape) - shape.channels_in)
    padded = np.pad(weights.astype(np.int8), ((0, channels - shape.channels_out), none, none, filled))
    kernel = (shape.kernel_height, shape.kernel_width)
    group = 4 if variant.path is Int8Path.SDOT else BLOCK
    tiled = padded.reshape(-1, variant.tile.channels, *kernel, _pixel_bytes(shape) // BLOCK, BLOCK // group, group)
    ordered = np.ascontiguousarray(tiled.transpose(0, 2, 3, 4, 5, 1, 6))
    return ordered if variant.path is Int8Path.SDOT else ordered[:, :, :, :, 0]


def int8_conv(activations: Integers, weights: Integers, shape: ConvShape, shift: int | None) -> Integers:
    """Return the output (out height, out width, channels out), int32 or, with a shift, int8, computed in integers.

    activations: (height, width, channels in); weights: (channels out, kernel height, kernel width, channels in); both
    of 8 bits.
    """
    around = (shape.padding, shape.padding)
    padded = np.pad(activations, (around, around, (0, 0)))
    windows = sliding_windows(padded, shape).reshape(shape.out_pixels, shape.window)
    sums = exact_product(windows, weights.reshape(shape.channels_out, shape.window), shape.window << 14)
    output = sums.reshape(shape.out_height, shape.out_width, shape.channels_out)
    return output.astype(np.int32) if shift is None else shift_to_int8(output, shift)


def shift_to_int8(sums: NDArray[np.int64], shift: int) -> NDArray[np.int8]:
    """Return sums / 2**shift, rounded to nearest with halves up and saturated: SRSHR and SQXTN."""
    rounded: NDArray[np.int64] = (sums + (1 << shift >> 1)) >> shift
    return np.clip(rounded, -128, 127).astype(np.int8)


def _pixel_bytes(shape: ConvShape) -> int:
    return -(-shape.channels_in // BLOCK) * BLOCK


def _check_range(what: str, values: Integers, least: int, most: int) -> None:
    if values.size and not (least <= values.min() and values.max() <= most):
        wrong = values.min() if values.min() < least else values.max()
        raise InputError(f"int8_conv: {what} {wrong} is outside [{least}, {most}]: quantise the tensor to that range")


def _power_of_two(available: int, most: int) -> int:
    """Return the largest power of two up to both."""
    return 1 << min(available, most).bit_length() - 1

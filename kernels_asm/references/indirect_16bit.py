"""The reference kernel `indirect_16bit_8x4`: its argument block, its inputs and what it must put out.

An indirect convolution with 16-bit accumulators, 8 output channels x 4 output pixels a tile, and float output
y = (K - 2 * count) * multiplier[channel] + bias[channel]; see asm/references/indirect_16bit_8x4.S.
"""

import numpy as np
from numpy.typing import NDArray

from kernels_asm.arguments import ArgumentBlock, Field
from kernels_asm.assembler import SOURCES, KernelImage, assemble
from kernels_asm.errors import InputError
from kernels_asm.oracle import Signs, dot_products, sliding_windows
from kernels_asm.packing import channel_block, channel_blocks, pack_weights, padded_channels_out, pixel_bytes
from kernels_asm.references.layout import fill_channels, stored_shape
from kernels_asm.shape import ConvShape

TILE_CHANNELS = 8
TILE_PIXELS = 4
LARGEST_WINDOW = 65535
"""Products a window: the largest count of a 16-bit accumulator."""

INDIRECT_16BIT = ArgumentBlock(
    "indirect_16bit_8x4",
    "kernels_asm/references/indirect_16bit.py",
    (
        Field("indirection", "const void *", "addresses of input pixels, by pixel tile, window position, pixel"),
        Field("weights", "const uint8_t *", "packed filters in tiles of 8 output channels"),
        Field("scales", "const float *", "8 multipliers and 8 biases for each tile of output channels"),
        Field("output", "float *", "output feature map, pixel by pixel, channels contiguous"),
        Field("window", "int64_t", "products a window, K"),
        Field("positions", "int64_t", "positions of the window"),
        Field("blocks", "int64_t", "channel blocks of a pixel"),
        Field("channel_tiles", "int64_t", "tiles of output channels"),
        Field("out_pixels", "int64_t", "output pixels in all"),
        Field("out_pitch", "int64_t", "output bytes from one pixel to the next"),
    ),
)


def assemble_indirect(shape: ConvShape) -> KernelImage:
    """Return the kernel's image for the layer; raises InputError if its window is too large for 16 bits."""
    if shape.window > LARGEST_WINDOW:
        raise InputError(
            f"indirect_16bit_8x4 counts in 16 bits, and a window of layer {shape} has {shape.window} products: "
            f"give one of at most {LARGEST_WINDOW}"
        )
    source = SOURCES / "references" / "indirect_16bit_8x4.S"
    return assemble(source, {"BLOCK_BYTES": channel_block(stored_shape(shape).channels_in) // 8}, INDIRECT_16BIT)


def output_channels(shape: ConvShape) -> int:
    """Return the channels that the kernel writes: those of the layer, rounded up to whole tiles."""
    return padded_channels_out(shape.channels_out, TILE_CHANNELS)


def argument_values(shape: ConvShape) -> dict[str, int]:
    """Return every field but the pointers."""
    return {
        "window": shape.window,
        "positions": shape.kernel_height * shape.kernel_width,
        "blocks": channel_blocks(stored_shape(shape).channels_in),
        "channel_tiles": output_channels(shape) // TILE_CHANNELS,
        "out_pixels": shape.out_pixels,
        "out_pitch": output_channels(shape) * np.dtype(np.float32).itemsize,
    }


def input_offsets(shape: ConvShape) -> NDArray[np.int64]:
    """Return where the input pixels of each window begin in the packed input, in bytes.

    The shape is (pixel tiles, window positions, 4); output pixels beyond the last repeat it. The packed input is that
    of `kernels_asm.references.layout.pack_input`.
    """
    pixels = np.arange(shape.padded_height * shape.padded_width, dtype=np.int64) * pixel_bytes(
        stored_shape(shape).channels_in
    )
    windows = sliding_windows(pixels.reshape(shape.padded_height, shape.padded_width, 1), shape)
    offsets = windows.reshape(shape.out_pixels, -1)
    missing = -shape.out_pixels % TILE_PIXELS
    filled = np.pad(offsets, ((0, missing), (0, 0)), mode="edge")
    return np.ascontiguousarray(filled.reshape(-1, TILE_PIXELS, offsets.shape[1]).transpose(0, 2, 1))


def pack_filters(signs: Signs, shape: ConvShape) -> NDArray[np.uint8]:
    """Pack filters of +1/-1, (channels out, kernel height, kernel width, channels in), in the kernel's order."""
    return pack_weights(fill_channels(signs), stored_shape(shape), TILE_CHANNELS)


def pack_scales(multipliers: NDArray[np.float32], biases: NDArray[np.float32], shape: ConvShape) -> NDArray[np.float32]:
    """Interleave multipliers and biases, one a channel, as (channel tiles, 2, 8).

    Channels beyond the last get 0. Raises InputError if there is not one of each for every output channel.
    """
    expected = (shape.channels_out,)
    if multipliers.shape != expected or biases.shape != expected:
        raise InputError(f"multipliers {multipliers.shape} and biases {biases.shape} for a layer that takes {expected}")
    filled = np.zeros((2, output_channels(shape)), np.float32)
    filled[0, : shape.channels_out] = multipliers
    filled[1, : shape.channels_out] = biases
    return np.ascontiguousarray(filled.reshape(2, -1, TILE_CHANNELS).transpose(1, 0, 2))


def indirect_16bit(
    activations: Signs,
    weights: Signs,
    multipliers: NDArray[np.float32],
    biases: NDArray[np.float32],
    shape: ConvShape,
) -> NDArray[np.float32]:
    """Return the output (out height, out width, channels out); inputs as in `kernels_asm.oracle.dot_products`.

    Dot products are exact in float32; the product and the sum are each rounded to nearest even, as the kernel does.
    """
    dots = dot_products(activations, weights, shape).astype(np.float32)
    scaled: NDArray[np.float32] = dots * multipliers.astype(np.float32)
    return scaled + biases.astype(np.float32)

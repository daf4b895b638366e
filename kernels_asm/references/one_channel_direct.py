"""The reference kernel `one_channel_direct`: its argument block, its inputs and what it must put out.

A direct convolution of one output channel at a time, whose float output is accumulated in memory, channel block by
channel block; see asm/references/one_channel_direct.S.
"""

import numpy as np
from numpy.typing import NDArray

from kernels_asm.arguments import ArgumentBlock, Field
from kernels_asm.assembler import SOURCES, KernelImage, assemble
from kernels_asm.errors import InputError
from kernels_asm.oracle import Signs, dot_products
from kernels_asm.packing import channel_block, pack_weights, pixel_bytes
from kernels_asm.references.layout import fill_channels, stored_shape
from kernels_asm.shape import ConvShape

PART_POSITIONS = 25
"""Window positions whose weights fit the registers: PART in the assembly."""

LARGEST_WINDOW = 2**24
"""Products a window: up to there, float32 holds every dot product exactly."""

_FLOAT_BYTES = 4
_LARGEST_LOAD_OFFSET = {8: 32760, 16: 65520}  # of LDR D and LDR Q: a 12-bit number of 8 and of 16 bytes

ONE_CHANNEL_DIRECT = ArgumentBlock(
    "one_channel_direct",
    "kernels_asm/references/one_channel_direct.py",
    (
        Field("input", "const uint8_t *", "packed input feature map with its padding"),
        Field("weights", "const uint8_t *", "packed filters, by output channel, channel block, window position"),
        Field("output", "float *", "output feature map, pixel by pixel, channels contiguous"),
        Field("channels_in", "int64_t", "input channels"),
        Field("channels_out", "int64_t", "output channels"),
        Field("row_pitch", "int64_t", "bytes of an input row with its padding"),
        Field("out_width", "int64_t", "output pixels in a row"),
        Field("out_height", "int64_t", "output rows"),
        Field("out_values", "int64_t", "output values in all"),
        Field("out_pitch", "int64_t", "output bytes from one pixel to the next"),
        Field("pixel_step", "int64_t", "input bytes from one output pixel's window to the next"),
        Field("line_skip", "int64_t", "input bytes added to that at the end of an output row"),
    ),
)


def assemble_one_channel(shape: ConvShape) -> KernelImage:
    """Return the kernel's image for the layer.

    Raises InputError if a dot product could be inexact in float32 or a window's row is longer than a load can reach.
    """
    if shape.window > LARGEST_WINDOW:
        raise InputError(
            f"one_channel_direct adds in float32, and a window of layer {shape} has {shape.window} products: "
            f"give one of at most {LARGEST_WINDOW}"
        )
    block, pixel = channel_block(stored_shape(shape).channels_in) // 8, pixel_bytes(stored_shape(shape).channels_in)
    if (shape.kernel_width - 1) * pixel > _LARGEST_LOAD_OFFSET[block]:
        raise InputError(
            f"one_channel_direct reaches {_LARGEST_LOAD_OFFSET[block]} bytes into a window's row, and those of layer "
            f"{shape} are longer: give fewer channels or a narrower kernel"
        )
    symbols = {
        "KERNEL_ROWS": shape.kernel_height,
        "KERNEL_COLUMNS": shape.kernel_width,
        "BLOCK_BYTES": block,
        "PIXEL_BYTES": pixel,
    }
    return assemble(SOURCES / "references" / "one_channel_direct.S", symbols, ONE_CHANNEL_DIRECT)


def argument_values(shape: ConvShape) -> dict[str, int]:
    """Return every field but the pointers."""
    row_pitch = shape.padded_width * pixel_bytes(stored_shape(shape).channels_in)
    pixel_step = shape.stride * pixel_bytes(stored_shape(shape).channels_in)
    return {
        "channels_in": shape.channels_in,
        "channels_out": shape.channels_out,
        "row_pitch": row_pitch,
        "out_width": shape.out_width,
        "out_height": shape.out_height,
        "out_values": shape.out_pixels * shape.channels_out,
        "out_pitch": shape.channels_out * _FLOAT_BYTES,
        "pixel_step": pixel_step,
        "line_skip": shape.stride * row_pitch - shape.out_width * pixel_step,
    }


def pack_filters(signs: Signs, shape: ConvShape) -> NDArray[np.uint8]:
    """Pack filters of +1/-1, (channels out, kernel height, kernel width, channels in), in the kernel's order.

    Returns bytes of shape (channels out, channel blocks, kernel height, kernel width, block bytes).
    """
    by_position = pack_weights(fill_channels(signs), stored_shape(shape), 1)[:, :, :, :, 0]
    return np.ascontiguousarray(by_position.transpose(0, 3, 1, 2, 4))


def one_channel_direct(activations: Signs, weights: Signs, shape: ConvShape) -> NDArray[np.float32]:
    """Return the output (out height, out width, channels out); inputs as in `kernels_asm.oracle.dot_products`.

    Every partial sum is an integer of at most 2**24, so the order in which the kernel adds them does not matter.
    """
    return dot_products(activations, weights, shape).astype(np.float32)

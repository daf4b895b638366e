"""Bit packing: feature maps and filters of +1 and -1 as the kernels read them.

Bit 1 stands for -1. Channel c of a pixel is bit c mod 8 of byte c // 8. A pixel is filled with zero bits up to a whole
number of channel blocks; the same zero bits in activations and weights cancel in the XOR.
"""

import numpy as np
from numpy.typing import NDArray

from kernels_asm.errors import InputError
from kernels_asm.shape import ConvShape


def channel_block(channels_in: int) -> int:
    """Return the channel block in bits: 32 or 64 where they hold all channels of a pixel, else a vector's 128."""
    return 32 if channels_in <= 32 else 64 if channels_in <= 64 else 128


def channel_blocks(channels_in: int) -> int:
    """Return how many channel blocks a pixel has."""
    return -(-channels_in // channel_block(channels_in))


def block_sizes(channels_in: int) -> tuple[int, ...]:
    """Return how many channels each block of a pixel holds: whole blocks, and what is left in the last one."""
    block, blocks = channel_block(channels_in), channel_blocks(channels_in)
    return (block,) * (blocks - 1) + (channels_in - (blocks - 1) * block,)


def pixel_bytes(channels_in: int) -> int:
    """Return the bytes of one packed pixel."""
    return channel_blocks(channels_in) * channel_block(channels_in) // 8


def activation_bytes(shape: ConvShape) -> int:
    """Return the bytes of the packed input feature map with its padding."""
    return shape.padded_height * shape.padded_width * pixel_bytes(shape.channels_in)


def filter_bytes(shape: ConvShape, tile_channels: int) -> int:
    """Return the bytes of the packed filters, those that fill the last tile of output channels included."""
    filters = padded_channels_out(shape.channels_out, tile_channels)
    return filters * shape.kernel_height * shape.kernel_width * pixel_bytes(shape.channels_in)


def output_bytes(shape: ConvShape, tile_channels: int, element_bytes: int) -> int:
    """Return the bytes of the output feature map as a kernel writes it, in whole tiles of output channels."""
    return shape.out_pixels * padded_channels_out(shape.channels_out, tile_channels) * element_bytes


def pack_bits(signs: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Pack +1/-1 values of shape (..., channels) into bytes of shape (..., pixel bytes).

    Raises InputError if a value is neither +1 nor -1.
    """
    if not np.all(np.abs(signs) == 1):
        raise InputError("bit packing: a value is neither +1 nor -1: binarise the tensor first")
    channels = signs.shape[-1]
    packed = np.zeros((*signs.shape[:-1], pixel_bytes(channels)), np.uint8)
    bits = np.packbits(signs < 0, axis=-1, bitorder="little")
    packed[..., : bits.shape[-1]] = bits
    return packed


def unpack_bits(packed: NDArray[np.uint8], channels: int) -> NDArray[np.int8]:
    """Undo `pack_bits`: bytes of shape (..., pixel bytes) to int8 +1/-1 of shape (..., channels)."""
    bits = np.unpackbits(packed, axis=-1, count=channels, bitorder="little")
    return (1 - 2 * bits.astype(np.int8)).astype(np.int8)


def pack_activations(signs: NDArray[np.integer], shape: ConvShape) -> NDArray[np.uint8]:
    """Pack an input feature map of +1/-1, (height, width, channels in), with its padding.

    Returns bytes of shape (padded height, padded width, pixel bytes); padding pixels are zero bits, which is +1:
    where the layer pads with 0, a kernel takes back what they add.
    """
    expected = (shape.height, shape.width, shape.channels_in)
    if signs.shape != expected:
        raise InputError(f"activations of shape {signs.shape} for a layer that takes {expected}")
    around = (shape.padding, shape.padding)
    return np.pad(pack_bits(signs), (around, around, (0, 0)))


def padded_channels_out(channels_out: int, tile_channels: int) -> int:
    """Return the output channels rounded up to whole tiles; channels added have filters of +1 only."""
    return -(-channels_out // tile_channels) * tile_channels


def pack_filters(signs: NDArray[np.integer], shape: ConvShape, tile_channels: int) -> NDArray[np.uint8]:
    """Pack filters of +1/-1, (channels out, kernel height, kernel width, channels in), padded to whole tiles.

    Returns bytes of shape (padded channels, kernel height, kernel width, pixel bytes).
    """
    expected = (shape.channels_out, shape.kernel_height, shape.kernel_width, shape.channels_in)
    if signs.shape != expected:
        raise InputError(f"weights of shape {signs.shape} for a layer that takes {expected}")
    padded = padded_channels_out(shape.channels_out, tile_channels)
    return np.pad(pack_bits(signs), ((0, padded - shape.channels_out), (0, 0), (0, 0), (0, 0)))


def pack_weights(signs: NDArray[np.integer], shape: ConvShape, tile_channels: int) -> NDArray[np.uint8]:
    """Pack filters of +1/-1, (channels out, kernel height, kernel width, channels in), for tiles of output channels.

    Returns bytes of shape (channel tiles, kernel height, kernel width, channel blocks, tile channels, block bytes):
    the order in which the kernel with an accumulator for each output reads them.
    """
    packed = pack_filters(signs, shape, tile_channels)
    blocks = channel_blocks(shape.channels_in)
    tiled = packed.reshape(
        -1, tile_channels, shape.kernel_height, shape.kernel_width, blocks, packed.shape[-1] // blocks
    )
    return np.ascontiguousarray(tiled.transpose(0, 2, 3, 4, 1, 5))

"""The argument block of a kernel: the one definition behind the C header, the assembly offsets and the Python writer.

A kernel is an AAPCS64 function of one pointer, ``void binary_conv(const struct binary_conv_arguments *)``. Every field
is 8 bytes, little-endian. Pointers come first; the caller writes them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kernels_asm.packing import channel_blocks, padded_channels_out, pixel_bytes
from kernels_asm.shape import ConvShape

FIELD_BYTES = 8


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its name, its C type and what it means."""

    name: str
    c_type: str
    meaning: str


FIELDS = (
    Field("input", "const uint8_t *", "packed input feature map with its padding"),
    Field("weights", "const uint8_t *", "packed filters in tiles of output channels"),
    Field("output", "void *", "output feature map, pixel by pixel, channels contiguous"),
    Field("window", "int64_t", "products a window, K"),
    Field("half_window", "int64_t", "K / 2 rounded down"),
    Field("window_parity", "int64_t", "K modulo 2"),
    Field("kernel_rows", "int64_t", "rows of the window"),
    Field("row_blocks", "int64_t", "channel blocks in one row of the window"),
    Field("row_skip", "int64_t", "bytes from the end of a window's row to the start of its next row"),
    Field("out_width", "int64_t", "output pixels in a row"),
    Field("out_pixels", "int64_t", "output pixels in all"),
    Field("pixel_step", "int64_t", "input bytes from one output pixel's window to the next"),
    Field("line_skip", "int64_t", "input bytes added to that at the end of an output row"),
    Field("channel_tiles", "int64_t", "tiles of output channels"),
    Field("out_pitch", "int64_t", "output bytes from one pixel to the next"),
)

OFFSETS: Mapping[str, int] = {field.name: FIELD_BYTES * index for index, field in enumerate(FIELDS)}
"""Byte offset of each field."""

POINTERS = ("input", "weights", "output")


def argument_values(shape: ConvShape, tile_channels: int, output_bytes: int) -> dict[str, int]:
    """Return every field but the pointers, for a layer, the channels of a tile and the bytes of an output element."""
    pixel = pixel_bytes(shape.channels_in)
    row_pitch = shape.padded_width * pixel
    pixel_step = shape.stride * pixel
    channels = padded_channels_out(shape.channels_out, tile_channels)
    return {
        "window": shape.window,
        "half_window": shape.window // 2,
        "window_parity": shape.window % 2,
        "kernel_rows": shape.kernel_height,
        "row_blocks": shape.kernel_width * channel_blocks(shape.channels_in),
        "row_skip": row_pitch - shape.kernel_width * pixel,
        "out_width": shape.out_width,
        "out_pixels": shape.out_pixels,
        "pixel_step": pixel_step,
        "line_skip": shape.stride * row_pitch - shape.out_width * pixel_step,
        "channel_tiles": channels // tile_channels,
        "out_pitch": channels * output_bytes,
    }


def argument_block(values: Mapping[str, int]) -> bytes:
    """Return the block with the given fields; pointers that are not given are 0, to be filled in by the caller."""
    block = np.zeros(len(FIELDS), "<i8")
    for index, field in enumerate(FIELDS):
        block[index] = values.get(field.name, 0) if field.name in POINTERS else values[field.name]
    return block.tobytes()


def assembly_offsets() -> str:
    """Return the offsets as assembler symbols, `ARG_INPUT` and so on."""
    lines = (f".equ ARG_{name.upper()}, {offset}" for name, offset in OFFSETS.items())
    return "// Made from kernels_asm/arguments.py.\n" + "\n".join(lines) + "\n"


def c_header() -> str:
    """Return the C header with the structure and the function's prototype."""
    fields = "\n".join(f"    {field.c_type} {field.name}; /* {field.meaning} */" for field in FIELDS)
    return (
        "/* Made from kernels_asm/arguments.py. */\n"
        "#ifndef BINARY_CONV_H\n#define BINARY_CONV_H\n\n#include <stdint.h>\n\n"
        f"struct binary_conv_arguments {{\n{fields}\n}};\n\n"
        "void binary_conv(const struct binary_conv_arguments *arguments);\n\n#endif\n"
    )

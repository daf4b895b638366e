"""The argument block of the convolution by summing trees, `binary_conv_tree`."""

from kernels_asm.arguments import ArgumentBlock, Field
from kernels_asm.packing import padded_channels_out, pixel_bytes
from kernels_asm.shape import ConvShape

BINARY_CONV_TREE = ArgumentBlock(
    "binary_conv_tree",
    "kernels_asm/tree_arguments.py",
    (
        Field("input", "const uint8_t *", "packed input feature map with its padding"),
        Field("weights", "const uint8_t *", "packed filters in tiles of output channels"),
        Field("output", "void *", "output feature map, pixel by pixel, channels contiguous"),
        Field("window", "int64_t", "products a window, K"),
        Field("half_window", "int64_t", "K / 2 rounded down"),
        Field("row_pitch", "int64_t", "bytes from one input row to the next"),
        Field("row_step", "int64_t", "input bytes from the windows of one output row to those of the next"),
        Field("out_height", "int64_t", "output rows"),
        Field("tile_columns", "int64_t", "tiles along an output row"),
        Field("last_shift", "int64_t", "input bytes by which the last tile of a row moves back"),
        Field("last_shift_out", "int64_t", "output bytes by which it moves back"),
        Field("channel_tiles", "int64_t", "tiles of output channels"),
        Field("out_pitch", "int64_t", "output bytes from one pixel to the next"),
        Field("out_line", "int64_t", "output bytes from one row to the next"),
    ),
)


def tree_argument_values(shape: ConvShape, tile_channels: int, tile_pixels: int, output_bytes: int) -> dict[str, int]:
    """Return every field but the pointers, for a layer, a tile's channels and pixels along a row, and output bytes."""
    row_pitch = shape.padded_width * pixel_bytes(shape.channels_in)
    channels = padded_channels_out(shape.channels_out, tile_channels)
    columns = -(-shape.out_width // tile_pixels)
    shift = columns * tile_pixels - shape.out_width
    out_pitch = channels * output_bytes
    return {
        "window": shape.window,
        "half_window": shape.window // 2,
        "row_pitch": row_pitch,
        "row_step": shape.stride * row_pitch,
        "out_height": shape.out_height,
        "tile_columns": columns,
        "last_shift": shift * shape.stride * pixel_bytes(shape.channels_in),
        "last_shift_out": shift * out_pitch,
        "channel_tiles": channels // tile_channels,
        "out_pitch": out_pitch,
        "out_line": shape.out_width * out_pitch,
    }

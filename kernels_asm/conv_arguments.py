"""The argument block of the binary convolution, `binary_conv`."""

from kernels_asm.arguments import ArgumentBlock, Field
from kernels_asm.packing import channel_blocks, padded_channels_out, pixel_bytes
from kernels_asm.shape import ConvShape

BINARY_CONV = ArgumentBlock(
    "binary_conv",
    "kernels_asm/conv_arguments.py",
    (
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
    ),
)


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

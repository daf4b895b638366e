"""`max_pool_bits`: max pooling of packed +1/-1 feature maps.

The largest of some +1 and -1 is -1 only where all of them are -1: the bit of an output is the AND of the bits of its
window. Pixels outside of the map take no part.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kernels_asm.arguments import ArgumentBlock, Field
from kernels_asm.companions.bit_map import BITS, PLACE_FIELDS, BitMap
from kernels_asm.companions.channel_groups import SOURCES
from kernels_asm.errors import InputError
from kernels_asm.packing import channel_block, channel_blocks

SOURCE = SOURCES / "max_pool_bits.S"

MAX_POOL_BITS = ArgumentBlock(
    "max_pool_bits",
    "kernels_asm/companions/max_pool_bits.py",
    (
        Field("input", "const uint8_t *", "packed input map with its border, which is not read"),
        BITS,
        Field("input_start", "int64_t", "bytes from the start of the input to its first pixel inside the border"),
        Field("input_row_bytes", "int64_t", "bytes of an input row with its border"),
        Field("last_row", "int64_t", "bytes from the first row inside the border to the last one"),
        Field("last_column", "int64_t", "bytes from the first pixel of a row inside the border to the last one"),
        Field("pixel_bytes", "int64_t", "bytes of a pixel"),
        Field("blocks", "int64_t", "channel blocks of a pixel"),
        *PLACE_FIELDS,
    ),
)


@dataclass(frozen=True, slots=True)
class PoolShape:
    """Windows of `window` x `window` pixels, `stride` apart, the first one `padding` pixels outside of the map.

    Raises InputError for what the kernel cannot do.
    """

    window: int = 2
    stride: int = 2
    padding: int = 0

    def __post_init__(self) -> None:
        for name, allowed in (("window", (2, 3)), ("stride", (1, 2)), ("padding", (0, 1))):
            value = getattr(self, name)
            if value not in allowed:
                raise InputError(f"max pooling: {name} is {value}: give {allowed[0]} or {allowed[1]}")

    def output(self, inputs: BitMap, border: int = 0) -> BitMap:
        """Return the map of the pooled input; raises InputError if a window is larger than the padded input."""
        height, width = (size + 2 * self.padding - self.window for size in (inputs.height, inputs.width))
        if min(height, width) < 0:
            raise InputError(
                f"max pooling: a window of {self.window}x{self.window} does not fit a map of {inputs.height}x"
                f"{inputs.width} with {self.padding} pixels around it: give a smaller window"
            )
        return BitMap(height // self.stride + 1, width // self.stride + 1, inputs.channels, border)


def symbols(channels: int, pool: PoolShape) -> dict[str, int]:
    """Return the assembler symbols."""
    return {
        "WINDOW": pool.window,
        "STRIDE": pool.stride,
        "PADDING": pool.padding,
        "BLOCK_BYTES": channel_block(channels) // 8,
    }


def argument_values(inputs: BitMap, outputs: BitMap) -> dict[str, int]:
    """Return every field but the pointers."""
    pixel = inputs.shape[2]
    return {
        "input_start": inputs.start,
        "input_row_bytes": inputs.row_bytes,
        "last_row": (inputs.height - 1) * inputs.row_bytes,
        "last_column": (inputs.width - 1) * pixel,
        "pixel_bytes": pixel,
        "blocks": channel_blocks(inputs.channels),
        **outputs.place_values(),
    }


def oracle(signs: NDArray[np.integer], pool: PoolShape) -> NDArray[np.int8]:
    """Return the pooled map of +1/-1, int8 (out height, out width, channels), for a map (height, width, channels)."""
    around = (pool.padding, pool.padding)
    padded = np.pad(signs, (around, around, (0, 0)), constant_values=-1)  # never larger than a pixel of the map
    windows = np.lib.stride_tricks.sliding_window_view(padded, (pool.window, pool.window), axis=(0, 1))
    largest: NDArray[np.integer] = windows[:: pool.stride, :: pool.stride].max(axis=(-2, -1))
    return largest.astype(np.int8)

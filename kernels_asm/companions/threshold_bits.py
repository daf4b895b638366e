"""`threshold_bits`: the sign of a batch norm of dot products as one comparison, straight to packed bits.

The contract is `kernels_asm.threshold`.
"""

import numpy as np
from numpy.typing import NDArray

from kernels_asm.arguments import ArgumentBlock, Field
from kernels_asm.companions import channel_groups
from kernels_asm.companions.bit_map import BitMap
from kernels_asm.companions.channel_groups import GROUP, Walk
from kernels_asm.packing import pack_bits
from kernels_asm.threshold import Thresholds

SOURCE = channel_groups.SOURCES / "threshold_bits.S"

THRESHOLD_BITS = ArgumentBlock(
    "threshold_bits",
    "kernels_asm/companions/threshold_bits.py",
    (
        Field("input", "const int16_t *", "dot products, pixel by pixel, channels contiguous"),
        Field("parameters", "const int16_t *", "limits, for whole groups of 16 channels"),
        Field("flips", "const uint8_t *", "packed pixel of the bits that are inverted"),
        *channel_groups.OUTPUT_FIELDS,
    ),
)

_NEVER = -(2**15)
"""Limit of the channels that fill a group: their bits are 0."""


def symbols(bits: BitMap, pixels_at_once: int = 2, input_skip: int = 0) -> dict[str, int]:
    """Return the assembler symbols for a packed output; arguments as of `channel_groups.pixels_symbols`."""
    return {**channel_groups.pixels_symbols(pixels_at_once, input_skip), **Walk.by_pixels(bits).symbols()}


def argument_values(bits: BitMap) -> dict[str, int]:
    """Return every field but the pointers, for the packed output."""
    return Walk.by_pixels(bits).argument_values(bits)


def pack_limits(thresholds: Thresholds) -> NDArray[np.int16]:
    """Return the limits as the kernel reads them, (groups, 16)."""
    limits = thresholds.limits.astype(np.int16)
    filled = np.pad(limits, (0, -len(limits) % GROUP), constant_values=_NEVER)
    return filled.reshape(-1, GROUP)


def pack_flips(thresholds: Thresholds) -> NDArray[np.uint8]:
    """Return the flips as the kernel reads them, (pixel bytes,)."""
    return pack_bits(np.where(thresholds.flips, -1, 1))

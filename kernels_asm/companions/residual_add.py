"""`residual_add`: the saturating sum of two int8 feature maps and its packed sign bits, in one pass."""

import numpy as np
from numpy.typing import NDArray

from kernels_asm.arguments import ArgumentBlock, Field
from kernels_asm.companions import channel_groups
from kernels_asm.companions.bit_map import BitMap
from kernels_asm.companions.channel_groups import Walk

SOURCE = channel_groups.SOURCES / "residual_add.S"

RESIDUAL_ADD = ArgumentBlock(
    "residual_add",
    "kernels_asm/companions/residual_add.py",
    (
        Field("input", "const int8_t *", "feature map, pixel by pixel, channels contiguous"),
        Field("shortcut", "const int8_t *", "feature map to add, of the same shape"),
        Field("output", "int8_t *", "sum, of the same shape"),
        *channel_groups.OUTPUT_FIELDS,
    ),
)


def symbols(bits: BitMap) -> dict[str, int]:
    """Return the assembler symbols for a packed output."""
    return Walk.by_rows(bits).symbols()


def argument_values(bits: BitMap) -> dict[str, int]:
    """Return every field but the pointers, for the packed output."""
    return Walk.by_rows(bits).argument_values(bits)


def oracle(values: NDArray[np.int8], shortcut: NDArray[np.int8]) -> NDArray[np.int8]:
    """Return the sum of two maps of one shape, int8, held at -128 and 127 where it would pass them."""
    total: NDArray[np.int16] = np.clip(values.astype(np.int16) + shortcut, -128, 127)
    return total.astype(np.int8)

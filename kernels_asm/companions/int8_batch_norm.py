"""`int8_batch_norm`: batch norm in fixed point behind a convolution, and the packed sign bits of its output.

The arithmetic is `kernels_asm.fixed_point.batch_norm_int8`.
"""

import numpy as np
from numpy.typing import NDArray

from kernels_asm.arguments import ArgumentBlock, Field
from kernels_asm.companions import channel_groups
from kernels_asm.companions.bit_map import BitMap
from kernels_asm.companions.channel_groups import Walk
from kernels_asm.errors import InputError
from kernels_asm.fixed_point import check_parameters

SOURCE = channel_groups.SOURCES / "int8_batch_norm.S"

INT8_BATCH_NORM = ArgumentBlock(
    "int8_batch_norm",
    "kernels_asm/companions/int8_batch_norm.py",
    (
        Field("input", "const void *", "int8, int16 or int32 feature map, pixel by pixel, channels contiguous"),
        Field("parameters", "const int16_t *", "for each group of 16 channels: multipliers, minus shifts, offsets"),
        Field("shortcut", "const int8_t *", "feature map to add, of the same shape; unused without one"),
        Field("output", "int8_t *", "result, of the same shape"),
        *channel_groups.OUTPUT_FIELDS,
    ),
)


def symbols(
    bits: BitMap, dtype: np.dtype[np.generic], has_shortcut: bool, pixels_at_once: int = 2, input_skip: int = 0
) -> dict[str, int]:
    """Return the assembler symbols for a packed output; last arguments as of `channel_groups.pixels_symbols`.

    Raises InputError for another input type or number of pixels.
    """
    if dtype.name not in ("int8", "int16", "int32"):
        raise InputError(f"int8_batch_norm of {dtype.name}: give int8, int16 or int32")
    return {
        "INPUT_BITS": dtype.itemsize * 8,
        "ADD_SHORTCUT": int(has_shortcut),
        **channel_groups.pixels_symbols(pixels_at_once, input_skip),
        **Walk.by_pixels(bits).symbols(),
    }


def argument_values(bits: BitMap) -> dict[str, int]:
    """Return every field but the pointers, for the packed output."""
    return Walk.by_pixels(bits).argument_values(bits)


def pack_parameters(
    multiplier: NDArray[np.integer], shift: NDArray[np.integer], offset: NDArray[np.integer]
) -> NDArray[np.int16]:
    """Return parameters of shape (channels,) as the kernel reads them: (groups, 3, 16), filled with zeros.

    Raises InputError for values that the contract does not allow.
    """
    check_parameters(multiplier, shift, offset)
    fields = (multiplier.astype(np.int16), -shift.astype(np.int16), offset.astype(np.int16))
    grouped = [channel_groups.in_groups(values) for values in fields]
    return np.ascontiguousarray(np.stack(grouped, axis=1), np.int16)

"""`float_batch_norm`: the conventional pass behind a convolution, in float32, and the packed sign bits of its output.

Contract: ``y = x * scale[channel]``, then ``y + bias[channel]``, then ``y + shortcut`` if there is one, each rounded to
the nearest float32 (ties to even) on its own; no operation is fused, so NumPy's float32 arithmetic is the oracle, bit
for bit. An int16 or int32 input is first converted to float32, rounded the same way (exact up to 2^24). Subnormal
numbers count (FPCR.FZ is 0). A NaN comes out where NumPy has one; which of the NaNs is not defined, its bit is 0.
"""

import numpy as np
from numpy.typing import NDArray

from kernels_asm.arguments import ArgumentBlock, Field
from kernels_asm.companions import channel_groups
from kernels_asm.companions.bit_map import BitMap
from kernels_asm.companions.channel_groups import Walk
from kernels_asm.errors import InputError

SOURCE = channel_groups.SOURCES / "float_batch_norm.S"

FLOAT_BATCH_NORM = ArgumentBlock(
    "float_batch_norm",
    "kernels_asm/companions/float_batch_norm.py",
    (
        Field("input", "const void *", "float32, int32 or int16 feature map, pixel by pixel, channels contiguous"),
        Field("parameters", "const float *", "for each group of 16 channels: 16 scales, 16 biases"),
        Field("shortcut", "const float *", "feature map to add, of the same shape; unused without one"),
        Field("output", "float *", "result, of the same shape"),
        *channel_groups.OUTPUT_FIELDS,
    ),
)


def symbols(
    bits: BitMap, dtype: np.dtype[np.generic], has_shortcut: bool, pixels_at_once: int = 2, input_skip: int = 0
) -> dict[str, int]:
    """Return the assembler symbols for a packed output; last arguments as of `channel_groups.pixels_symbols`.

    Raises InputError for another input type or number of pixels.
    """
    if dtype.name not in ("float32", "int32", "int16"):
        raise InputError(f"float_batch_norm of {dtype.name}: give float32, int32 or int16")
    return {
        "INPUT_INTEGER": dtype.itemsize * 8 if dtype.kind == "i" else 0,
        "ADD_SHORTCUT": int(has_shortcut),
        **channel_groups.pixels_symbols(pixels_at_once, input_skip),
        **Walk.by_pixels(bits).symbols(),
    }


def argument_values(bits: BitMap) -> dict[str, int]:
    """Return every field but the pointers, for the packed output."""
    return Walk.by_pixels(bits).argument_values(bits)


def pack_parameters(scale: NDArray[np.float32], bias: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return scales and biases of shape (channels,) as the kernel reads them: (groups, 2, 16), filled with zeros."""
    channel_groups.check_shape("biases", bias, scale.shape)
    grouped = [channel_groups.in_groups(values.astype(np.float32)) for values in (scale, bias)]
    return np.ascontiguousarray(np.stack(grouped, axis=1), np.float32)


def oracle(
    values: NDArray[np.float32] | NDArray[np.int32] | NDArray[np.int16],
    scale: NDArray[np.float32],
    bias: NDArray[np.float32],
    shortcut: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Return the output, float32 (height, width, channels), for a map of that shape and parameters (channels,)."""
    with np.errstate(all="ignore"):  # infinities and NaNs are part of the contract
        result = values.astype(np.float32) * scale.astype(np.float32) + bias.astype(np.float32)
        return result if shortcut is None else result + shortcut.astype(np.float32)

"""Batch norm in fixed point: the contract of every kernel that has it, alone or behind a convolution's sums.

For each value x of a channel with its multiplier, shift and offset, in the AArch64 operations named on the right:

====  ======================================================  =========================================
step  value                                                   operation
====  ======================================================  =========================================
0     x, saturated to 16 bits                                 SQXTN, for 32-bit sums
1     saturate16((2 * x * multiplier + 2^15) >> 16)           SQRDMULH: a product of Q15 numbers, rounded
2     (y + 2^(shift - 1)) >> shift, and y for shift 0         SRSHL by minus the shift, in wide arithmetic
3     saturate16(y + offset)                                  SQADD
4     saturate8(y)                                            SQXTN
5     saturate8(y + shortcut), if there is a shortcut         SQADD
====  ======================================================  =========================================

Halves are rounded up (towards plus infinity) in steps 1 and 2. ``>>`` rounds down. So the real factor of a channel is
``multiplier / 2^15 / 2^shift``: a multiplier of at least 2^14 in magnitude keeps most of its precision, a factor of 1
and more cannot be said.
"""

import numpy as np
from numpy.typing import NDArray

from kernels_asm.errors import InputError

LARGEST_SHIFT = 15
_INT8 = (-128, 127)
_INT16 = (-(2**15), 2**15 - 1)
_INT32 = (-(2**31), 2**31 - 1)

Integers = NDArray[np.integer]


def batch_norm_int8(
    x: Integers, multiplier: Integers, shift: Integers, offset: Integers, shortcut: Integers | None = None
) -> NDArray[np.int8]:
    """Return the batch norm of sums, int8 of their shape.

    Args:
        x: Sums of shape (..., channels), each within 32 bits.
        multiplier: One for each channel, within 16 bits.
        shift: One for each channel, 0 to 15.
        offset: One for each channel, within 16 bits.
        shortcut: What is added at the end, of the shape of `x`, each within 8 bits; None for nothing.

    Raises:
        InputError: A value is out of range, or a shape does not fit.

    """
    check_parameters(multiplier, shift, offset)
    _check_range("x", x, _INT32)
    if x.shape[-1:] != multiplier.shape:
        raise InputError(f"x of shape {x.shape} for {multiplier.size} channels: the last axis must be the channels")
    y = _saturate(x.astype(np.int64), _INT16)
    y = _saturate((2 * y * multiplier.astype(np.int64) + 2**15) >> 16, _INT16)
    y = _shift_right_rounded(y, shift.astype(np.int64))
    y = _saturate(_saturate(y + offset.astype(np.int64), _INT16), _INT8)
    if shortcut is not None:
        if shortcut.shape != x.shape:
            raise InputError(f"shortcut of shape {shortcut.shape} for x of shape {x.shape}: give the same shape")
        _check_range("shortcut", shortcut, _INT8)
        y = _saturate(y + shortcut.astype(np.int64), _INT8)
    return y.astype(np.int8)


def check_parameters(multiplier: Integers, shift: Integers, offset: Integers) -> None:
    """Raise InputError unless there are as many of each and every one is in its range; shapes are (channels,)."""
    _check_range("multiplier", multiplier, _INT16)
    _check_range("shift", shift, (0, LARGEST_SHIFT))
    _check_range("offset", offset, _INT16)
    if multiplier.ndim != 1 or not multiplier.shape == shift.shape == offset.shape:
        raise InputError(
            f"batch norm parameters of shapes {multiplier.shape}, {shift.shape} and {offset.shape}: give one of each "
            "for every channel"
        )


def _check_range(name: str, values: Integers, allowed: tuple[int, int]) -> None:
    if not np.issubdtype(values.dtype, np.integer):
        raise InputError(f"batch norm {name} of {values.dtype}: give integers")
    if values.size and not allowed[0] <= int(values.min()) <= int(values.max()) <= allowed[1]:
        raise InputError(
            f"batch norm {name} from {values.min()} to {values.max()}: keep it within {allowed[0]} to {allowed[1]}"
        )


def _saturate(values: NDArray[np.int64], allowed: tuple[int, int]) -> NDArray[np.int64]:
    return np.clip(values, *allowed)


def _shift_right_rounded(values: NDArray[np.int64], shift: NDArray[np.int64]) -> NDArray[np.int64]:
    half = (1 << shift) >> 1
    return (values + half) >> shift

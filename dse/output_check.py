"""Compares what a kernel put out on the emulated machine with what its oracle says."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.errors import KernelMismatchError
from kernels_asm import ConvShape


def require_equal(kernel: str, shape: ConvShape, output: NDArray[Any], expected: NDArray[Any]) -> None:
    """Raise KernelMismatchError, with the first difference, if two (rows, columns, channels) are not equal.

    Args:
        kernel: What to call the kernel in the error.
        shape: The layer that it computed.
        output: What it put out.
        expected: What it should have put out.

    """
    if np.array_equal(output, expected):
        return
    row, column, channel = np.argwhere(output != expected)[0]
    raise KernelMismatchError(
        f"kernel {kernel} computes layer {shape} wrongly: {np.count_nonzero(output != expected)} of "
        f"{expected.size} outputs differ, the first at row {row}, column {column}, channel {channel}: "
        f"{output[row, column, channel]} instead of {expected[row, column, channel]}"
    )

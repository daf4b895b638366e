"""Corrections that turn a padding of +1 into one of zeros: what the padded positions of a window have added.

A padded position holds +1 in bits, so it adds the sum of its weights to a dot product, where a zero would add nothing.
Which positions of a window are padded hangs on which of its rows are and which of its columns are. The rows of an
output that have the same ones are a class, class 0 those that have none; likewise the columns. Corrections are kept for
each pair of classes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kernels_asm.packing import padded_channels_out
from kernels_asm.shape import ConvShape


@dataclass(frozen=True, slots=True)
class Borders:
    """Corrections of a layer, as asm/tree_transform.inc reads them.

    Attributes:
        corrections: int16 (row classes, column classes, channels in whole tiles), to be subtracted.
        rows: Offset in bytes of each output row's class, uint32 (out height,).
        columns: Offset in bytes of each output column's class within that, uint32 (out width,).
    """

    corrections: NDArray[np.int16]
    rows: NDArray[np.uint32]
    columns: NDArray[np.uint32]


def border_corrections(weights: NDArray[np.integer], shape: ConvShape, tile_channels: int) -> Borders:
    """Return the corrections for filters of +1/-1, (channels out, kernel height, kernel width, channels in)."""
    rows, row_classes = _classes(shape.height, shape.kernel_height, shape.out_height, shape)
    columns, column_classes = _classes(shape.width, shape.kernel_width, shape.out_width, shape)
    is_padded = row_classes[:, None, :, None] | column_classes[None, :, None, :]
    sums = weights.sum(axis=-1, dtype=np.int64)
    corrections = np.einsum("rckl,okl->rco", is_padded.astype(np.int64), sums)
    added = padded_channels_out(shape.channels_out, tile_channels) - shape.channels_out
    filled = np.pad(corrections, ((0, 0), (0, 0), (0, added))).astype(np.int16)
    pixel, line = filled.strides[1], filled.strides[0]
    return Borders(filled, (rows * line).astype(np.uint32), (columns * pixel).astype(np.uint32))


def border_bytes(shape: ConvShape, tile_channels: int) -> dict[str, int]:
    """Return the bytes of what `border_corrections` returns, by attribute."""
    _, row_classes = _classes(shape.height, shape.kernel_height, shape.out_height, shape)
    _, column_classes = _classes(shape.width, shape.kernel_width, shape.out_width, shape)
    channels = padded_channels_out(shape.channels_out, tile_channels)
    return {
        "corrections": len(row_classes) * len(column_classes) * channels * np.dtype(np.int16).itemsize,
        "rows": shape.out_height * np.dtype(np.uint32).itemsize,
        "columns": shape.out_width * np.dtype(np.uint32).itemsize,
    }


def _classes(size: int, kernel: int, outputs: int, shape: ConvShape) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return the class of each row, and whether each row of the window is padded, (classes, kernel); or of columns."""
    positions = np.arange(outputs)[:, None] * shape.stride + np.arange(kernel) - shape.padding
    is_padded = (positions < 0) | (positions >= size)
    with_none = np.vstack([np.zeros((1, kernel), np.bool_), is_padded])
    classes, numbers = np.unique(with_none, axis=0, return_inverse=True)  # sorted: the class without any comes first
    return numbers.reshape(-1)[1:], classes

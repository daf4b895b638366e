"""The float layers of an exported network as its C code computes them, operation by operation.

`folder_files/float_layers.c` does the same in the same order, each operation rounded to the nearest float32 and none
fused, so that both give the same bits. PyTorch adds in another order and differs in the last ones.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dse.export.folding import Affine, Floats, FoldedConvolution
from dse.networks import Classifier, FloatConv, Pool, PoolKind

BLUR = np.outer([1, 2, 1], [1, 2, 1]).astype(np.float32) / np.float32(16)


def standardise(image: NDArray[np.uint8], mean: Floats, scale: Floats) -> Floats:
    """Return pixels of an image (rows, columns, channels)."""
    return (image.astype(np.float32) - mean) * scale


def convolve(x: Floats, folded: FoldedConvolution, layer: FloatConv) -> Floats:
    """Return the convolution of a layer with all that follows it."""
    weights, groups = folded.weights, layer.groups
    per_group = layer.channels_in // groups
    padded = np.pad(x, ((layer.padding,) * 2, (layer.padding,) * 2, (0, 0)))
    total = np.zeros((layer.out_height, layer.out_width, layer.channels_out), np.float32)
    for row, column in np.ndindex(layer.kernel_size, layer.kernel_size):
        window = _window(padded, row, column, layer.stride, layer.out_height, layer.out_width)
        for channel in range(per_group):
            # the channel of that number of each group, for every output channel of the group
            taken = np.repeat(window[..., channel::per_group], layer.channels_out // groups, axis=-1)
            total += taken * weights[row, column, channel]
    y = apply_affine(total, folded.affine)
    return rectify(y) if layer.relu else y


def apply_affine(x: Floats, affine: Affine) -> Floats:
    """Return the channels times their scales, plus their biases."""
    return (x if affine.scale is None else x * affine.scale) + affine.bias


def rectify(x: Floats) -> Floats:
    """Return x where it is above 0, else 0."""
    return np.where(x > 0, x, np.float32(0))


def pool(x: Floats, layer: Pool) -> Floats:
    """Return the pooled map."""
    match layer.kind:
        case PoolKind.MAX:
            return _max_pool(x, layer)
        case PoolKind.AVERAGE:
            return average_pool(x, layer.kernel_size, layer.stride, layer.padding, layer.out_height, layer.out_width)
        case PoolKind.BLUR:
            return _blur(x, layer)


def _max_pool(x: Floats, layer: Pool) -> Floats:
    around = (layer.padding,) * 2
    padded = np.pad(x, (around, around, (0, 0)), constant_values=-np.inf)
    largest = np.full((layer.out_height, layer.out_width, layer.channels), -np.inf, np.float32)
    for row, column in np.ndindex(layer.kernel_size, layer.kernel_size):
        window = _window(padded, row, column, layer.stride, layer.out_height, layer.out_width)
        largest = np.where(window > largest, window, largest)
    return largest


def _blur(x: Floats, layer: Pool) -> Floats:
    around = (layer.padding,) * 2
    padded = np.pad(x, (around, around, (0, 0)))
    total = np.zeros((layer.out_height, layer.out_width, layer.channels), np.float32)
    for row, column in np.ndindex(3, 3):
        total += _window(padded, row, column, layer.stride, layer.out_height, layer.out_width) * BLUR[row, column]
    return total


def average_pool(x: Floats, window: int, stride: int, padding: int, out_height: int, out_width: int) -> Floats:
    """Return the means of windows, of those pixels that lie in the map."""
    # one row and column more than any window needs, as windows may end outside of the map
    around = (padding, padding + window)
    padded = np.pad(x, (around, around, (0, 0)))
    is_inside = np.pad(np.ones((*x.shape[:2], 1), np.float32), (around, around, (0, 0)))
    total = np.zeros((out_height, out_width, x.shape[2]), np.float32)
    count = np.zeros((out_height, out_width, 1), np.float32)
    for row, column in np.ndindex(window, window):
        total += _window(padded, row, column, stride, out_height, out_width)
        count += _window(is_inside, row, column, stride, out_height, out_width)
    return total / count


def to_bytes(x: Floats, scale: int) -> NDArray[np.int8]:
    """Return x in multiples of 1 / scale, a power of two, as bytes: halves up, saturated."""
    rounded: Floats = np.floor(x * np.float32(scale) + np.float32(0.5))
    return np.clip(rounded, np.float32(-128), np.float32(127)).astype(np.int8)


def to_float(x: NDArray[np.int8], scale: int) -> Floats:
    """Return bytes as multiples of 1 / scale, a power of two."""
    return x.astype(np.float32) * np.float32(1 / scale)


def classify(x: Floats, weights: Floats, bias: Floats, layer: Classifier) -> Floats:
    """Return logits; weights (features in the order of the map, classes)."""
    if layer.relu:
        x = rectify(x)
    if layer.grid is not None:
        x = _grid(x, layer.grid)
    logits = np.zeros_like(bias)
    for feature, row in zip(x.reshape(-1), weights, strict=True):
        logits += feature * row
    return logits + bias


def _grid(x: Floats, cells: int) -> Floats:
    """Return the means over a grid of cells, whose borders are rounded down at their start and up at their end."""
    means = np.empty((cells, cells, x.shape[2]), np.float32)
    rows, columns = (_cells(size, cells) for size in x.shape[:2])
    for cell_row, cell_column in np.ndindex(cells, cells):
        total = np.zeros(x.shape[2], np.float32)
        count = 0
        for row in rows[cell_row]:
            for column in columns[cell_column]:
                total += x[row, column]
                count += 1
        means[cell_row, cell_column] = total / np.float32(count)
    return means


def _cells(size: int, cells: int) -> list[range]:
    return [range(cell * size // cells, -(-(cell + 1) * size // cells)) for cell in range(cells)]


def _window(padded: Floats, row: int, column: int, stride: int, out_height: int, out_width: int) -> Floats:
    """Return the pixel at that place of every window."""
    last_row, last_column = row + stride * (out_height - 1) + 1, column + stride * (out_width - 1) + 1
    return padded[row:last_row:stride, column:last_column:stride]

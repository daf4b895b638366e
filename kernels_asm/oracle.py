"""The NumPy oracle: what a kernel must put out, bit for bit.

`binary_conv` is quick and goes by the end value, or block by block where sums run. `binary_conv_in_order` executes the
order that the arithmetic contract defines on packed bits, lane by lane and addition by addition; tests prove that both
give the same.
"""

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels_asm.arithmetic import RUNNING_BOUNDS, Arithmetic, Overflow
from kernels_asm.lane_tile import LANE_STEPS
from kernels_asm.matrix_product import exact_product
from kernels_asm.packing import block_sizes, channel_block, pack_activations, pack_bits
from kernels_asm.shape import ConvShape

Signs = NDArray[np.integer]
Counts = NDArray[np.int64]


def dot_products(activations: Signs, weights: Signs, shape: ConvShape) -> Counts:
    """Return the exact dot products, int64 (out height, out width, channels out).

    activations: +1/-1, (height, width, channels in); weights: +1/-1, (channels out, kernel height, kernel width,
    channels in). Padding is as the shape says.
    """
    windows = _windows(activations, shape).reshape(shape.out_pixels, shape.window)
    product = exact_product(windows, weights.reshape(shape.channels_out, shape.window), shape.window)
    return product.reshape(shape.out_height, shape.out_width, shape.channels_out)


def binary_conv(activations: Signs, weights: Signs, shape: ConvShape, arithmetic: Arithmetic) -> Signs:
    """Return the output feature map (out height, out width, channels out) in the arithmetic's output type.

    Shapes as in `dot_products`. Raises InputError if the arithmetic cannot compute such a window, or pad so.
    """
    arithmetic.check_window(shape.window)
    if arithmetic.overflow is Overflow.RUNNING:
        shape.check_padding("a running sum")
        values = _clipped(_running_sums(activations, weights, shape), arithmetic)
    else:
        values = arithmetic.end_value(shape.window).apply(dot_products(activations, weights, shape))
    return values.astype(arithmetic.output.dtype)


def _running_sums(activations: Signs, weights: Signs, shape: ConvShape) -> Counts:
    """Return y of running sums, not clipped, int64 (out height, out width, channels out)."""
    windows = _windows(activations, shape)
    sums = np.zeros((shape.out_pixels, shape.channels_out), np.int64)
    odd_blocks = 0
    block = channel_block(shape.channels_in)
    starts = range(0, shape.channels_in, block)
    for row, column, start in itertools.product(range(shape.kernel_height), range(shape.kernel_width), starts):
        channels = slice(start, start + block)
        pixels = windows[:, :, row, column, channels].reshape(shape.out_pixels, -1)
        dots = exact_product(pixels, weights[:, row, column, channels], block)
        odd = pixels.shape[1] % 2
        # n // 2 - p where the dot product of the block's n channels is n - 2 p
        sums = np.clip(sums + (dots - odd) // 2, *RUNNING_BOUNDS)
        odd_blocks += odd
    return (2 * sums + odd_blocks).reshape(shape.out_height, shape.out_width, shape.channels_out)


def binary_conv_in_order(activations: Signs, weights: Signs, shape: ConvShape, arithmetic: Arithmetic) -> Signs:
    """Return the same as `binary_conv`, computed in the order of the contract; slow.

    Raises InputError for zero padding too, which bits do not have.
    """
    shape.check_padding("the order of bits")
    arithmetic.check_window(shape.window)
    block = channel_block(shape.channels_in) // 8
    pixels = _packed_windows(activations, shape, block)
    filters = pack_bits(weights).reshape(shape.channels_out, -1, block)
    counts = np.bitwise_count(pixels[:, None] ^ filters[None]).astype(np.int64)
    if arithmetic.overflow is Overflow.RUNNING:
        values = _run(counts.sum(axis=-1), shape)
    else:
        total = _sum_lanes(_accumulate(counts, arithmetic), arithmetic)
        values = _read_back(total, shape.window, arithmetic)
    outputs = values.reshape(shape.out_height, shape.out_width, shape.channels_out)
    return _clipped(outputs, arithmetic).astype(arithmetic.output.dtype)


def _clipped(values: Counts, arithmetic: Arithmetic) -> Counts:
    return values if arithmetic.clip is None else np.clip(values, -arithmetic.clip, arithmetic.clip)


def _windows(activations: Signs, shape: ConvShape) -> Signs:
    around = (shape.padding, shape.padding)
    padded = np.pad(activations, (around, around, (0, 0)), constant_values=0 if shape.pads_zeros else 1)
    return sliding_windows(padded, shape)


def _packed_windows(activations: Signs, shape: ConvShape, block: int) -> Signs:
    windows = sliding_windows(pack_activations(activations, shape), shape)
    return windows.reshape(shape.out_pixels, -1, block)


def sliding_windows(padded: NDArray[Any], shape: ConvShape) -> NDArray[Any]:
    """Return the windows of an array (padded height, padded width, n), a view.

    Its shape is (out height, out width, kernel height, kernel width, n).
    """
    kernel = (shape.kernel_height, shape.kernel_width)
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel, axis=(0, 1))
    return windows[:: shape.stride, :: shape.stride].transpose(0, 1, 3, 4, 2)


def _run(counts: Counts, shape: ConvShape) -> Counts:
    """Return y of running sums for the counts of every block, (pixels, channels, steps)."""
    sizes = block_sizes(shape.channels_in) * (shape.kernel_height * shape.kernel_width)
    total: Counts = np.zeros_like(counts[:, :, 0])
    for step, size in enumerate(sizes):
        total = np.clip(total + size // 2 - counts[:, :, step], *RUNNING_BOUNDS)
    return 2 * total + sum(size % 2 for size in sizes)


def _accumulate(counts: Counts, arithmetic: Arithmetic) -> Counts:
    """Add counts (pixels, channels, steps, byte lanes) over the steps into lanes of the accumulator's width."""
    lanes = counts.shape[-1] // (arithmetic.accumulator // 8)
    per_lane: Counts = counts.reshape(*counts.shape[:-1], lanes, -1).sum(axis=-1)
    if arithmetic.accumulator == 8 and arithmetic.overflow is Overflow.EXACT:
        return _accumulate_widened(per_lane)
    total: Counts = np.zeros_like(per_lane[:, :, 0])
    for step in range(per_lane.shape[2]):
        total = _bounded(total + per_lane[:, :, step], arithmetic)
    return total


def _accumulate_widened(counts: Counts) -> Counts:
    wide: Counts = np.zeros_like(counts[:, :, 0])
    for first in range(0, counts.shape[2], LANE_STEPS):
        lane = counts[:, :, first : first + LANE_STEPS].sum(axis=2)
        if lane.max(initial=0) > 255:
            raise AssertionError("a byte lane overflowed before it was widened")
        wide += lane
    return wide


def _sum_lanes(lanes: Counts, arithmetic: Arithmetic) -> Counts:
    total: Counts = lanes[..., 0]
    for lane in range(1, lanes.shape[-1]):
        total = _bounded(total + lanes[..., lane], arithmetic)
    return total


def _bounded(total: Counts, arithmetic: Arithmetic) -> Counts:
    size = 1 << arithmetic.accumulator
    if arithmetic.overflow is Overflow.SATURATE:
        return np.minimum(total, size - 1)
    if arithmetic.overflow is Overflow.WRAP:
        return total % size
    return total


def _read_back(total: Counts, window: int, arithmetic: Arithmetic) -> Counts:
    if arithmetic.overflow is not Overflow.WRAP:
        return window - 2 * total
    size = 1 << arithmetic.accumulator
    half = (window // 2 - total + size // 2) % size - size // 2
    return 2 * half + window % 2

"""Running sums of the arithmetic contract on packed bits, compiled: exact, and cheaper than a convolution in floats.

All compiled code is in this one file, and what it takes from others is handed in: numba keeps it on disk until the file
changes, and looks at no other.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from isa_models.compilation import cached
from kernels_asm import ConvShape
from kernels_asm.arithmetic import RUNNING_BOUNDS
from kernels_asm.packing import block_sizes

_WORD = 64
"""Bits of a packed word."""


def running_sums(signs: NDArray[np.float32], weights: NDArray[np.float32], shape: ConvShape) -> NDArray[np.float32]:
    """Return the outputs of running sums without a clip.

    Args:
        signs: (N, height, width, channels in) of +1 and -1, in that order in memory.
        weights: (channels out, kernel height, kernel width, channels in) of +1 and -1, likewise.
        shape: The layer; its padding must be of +1.

    Returns:
        (N, out height, out width, channels out), whole numbers.

    Raises InputError for a padding of 0, with which running sums are not defined, and ValueError for arrays of other
    shapes: compiled code would read beyond them.
    """
    shape.check_padding("a running sum")
    kernel = (shape.kernel_height, shape.kernel_width, shape.channels_in)
    if signs.shape[1:] != (shape.height, shape.width, shape.channels_in) or weights.shape[1:] != kernel:
        raise ValueError(f"signs {signs.shape} and weights {weights.shape} for layer {shape}")
    sizes = block_sizes(shape.channels_in)
    block_words = -(-sizes[0] // _WORD)
    words = len(sizes) * block_words
    # zero bits all around are the padding, and those that fill the last block are equal on both sides
    pixels = np.zeros((len(signs), shape.padded_height, shape.padded_width, words), np.uint64)
    inner = slice(shape.padding, shape.padding + shape.height), slice(shape.padding, shape.padding + shape.width)
    _pack(signs, pixels[:, *inner])
    filters = np.zeros((len(weights), shape.kernel_height, shape.kernel_width, words), np.uint64)
    _pack(weights, filters)
    outputs = np.empty((len(signs), shape.out_height, shape.out_width, len(weights)), np.float32)
    halves = np.array([size // 2 for size in sizes], np.int32)
    odd = shape.kernel_height * shape.kernel_width * (shape.channels_in % 2)
    bounds = np.array(RUNNING_BOUNDS, np.int32)
    _run(pixels, np.ascontiguousarray(filters.transpose(1, 2, 3, 0)), halves, bounds, odd, shape.stride, outputs)
    return outputs


@intrinsic
def _ones(_typing_context: Any, _word: Any) -> Any:
    """Count the ones of a word."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


@cached(njit, nogil=True)
def _pack(signs: Any, packed: Any) -> None:
    """Write signs (a, b, c, channels), contiguous, as bits of words (a, b, c, words), bit 1 where negative."""
    channels = signs.shape[3]
    for a in range(packed.shape[0]):
        for b in range(packed.shape[1]):
            for c in range(packed.shape[2]):
                for first in range(0, channels, _WORD):
                    word = np.uint64(0)
                    for bit in range(min(_WORD, channels - first)):
                        word |= np.uint64(signs[a, b, c, first + bit] < 0) << np.uint64(bit)
                    packed[a, b, c, first // _WORD] = word


@cached(njit, nogil=True)
def _run(pixels: Any, filters: Any, halves: Any, bounds: Any, odd: int, stride: int, outputs: Any) -> None:
    """Fill outputs (N, out height, out width, channels out) from packed pixels and filters."""
    sums = np.empty(outputs.shape[3], np.int32)
    rows, columns = filters.shape[0], filters.shape[1]
    for image in range(outputs.shape[0]):
        for y in range(outputs.shape[1]):
            for x in range(outputs.shape[2]):
                top, left = y * stride, x * stride
                _add_up(pixels[image, top : top + rows, left : left + columns], filters, halves, bounds, sums)
                for out in range(len(sums)):
                    outputs[image, y, x, out] = 2 * sums[out] + odd


@cached(njit, nogil=True)
def _add_up(window: Any, filters: Any, halves: Any, bounds: Any, sums: Any) -> None:
    """Fill sums (channels out) from a window (kernel height, kernel width, words).

    Channels out come last in `filters` (kernel height, kernel width, words, channels out) as well: the innermost loops
    run over them and are vectorised.
    """
    sums[:] = 0
    least, most = bounds[0], bounds[1]
    one_word = window.shape[2] == len(halves)
    for row in range(filters.shape[0]):
        for column in range(filters.shape[1]):
            for block, half in enumerate(halves):
                if one_word:
                    word = window[row, column, block]
                    for out in range(len(sums)):
                        ones = _ones(word ^ filters[row, column, block, out])
                        sums[out] = min(max(sums[out] + half - np.int32(ones), least), most)
                else:
                    word, other = window[row, column, 2 * block], window[row, column, 2 * block + 1]
                    for out in range(len(sums)):
                        ones = _ones(word ^ filters[row, column, 2 * block, out])
                        ones += _ones(other ^ filters[row, column, 2 * block + 1, out])
                        sums[out] = min(max(sums[out] + half - np.int32(ones), least), most)

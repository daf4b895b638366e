"""Batch norm and sign folded into one comparison a channel: the contract of kernels that put out bits alone.

The bit of a dot product is the sign of its batch norm, 1 where that is less than 0. A batch norm rises with the dot
product, falls with it or is constant, so its sign changes at most once and a limit tells it:
``bit = (dot <= limit) xor flip``, in whole numbers.

=========================  ========================================================  =====
factor of the dot product  limit                                                     flip
=========================  ========================================================  =====
positive                   the largest dot product whose batch norm is less than 0   0
negative                   the largest dot product whose batch norm is at least 0    1
0                          K where the batch norm is less than 0, else -K - 1        0
=========================  ========================================================  =====

Where there is no such dot product in [-K, K], the limit is -K - 1. Limits fit 16 bits for K up to 32,767.

Folding is exact: floats are the rational numbers that they are, and no operation is rounded, so that every bit is that
of the batch norm in real numbers. A batch norm that is computed in floats can differ where its value is next to 0.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from kernels_asm.arithmetic import LARGEST_NARROW_WINDOW
from kernels_asm.errors import InputError

Floats = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Limits, int16, and flips, bool, each of shape (channels,)."""

    limits: NDArray[np.int16]
    flips: NDArray[np.bool_]

    def bits(self, dot: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Return the bits of dot products of shape (..., channels)."""
        return np.asarray((dot <= self.limits) ^ self.flips)


def fold_scale(scale: Floats, bias: Floats, window: int) -> Thresholds:
    """Fold ``scale * dot + bias``, each of shape (channels,), for dot products in [-window, window].

    Raises InputError for an infinity or a NaN, shapes that differ, or a window that is not in 1 to 32,767.
    """
    _check(window, {"scale": scale, "bias": bias})

    def is_negative_of(channel: int) -> Callable[[int], bool]:
        factor, summand = Fraction(float(scale[channel])), Fraction(float(bias[channel]))
        return lambda dot: factor * dot + summand < 0

    return _fold([float(factor) for factor in scale], is_negative_of, window)


def fold_batch_norm(
    gamma: Floats, beta: Floats, mean: Floats, variance: Floats, epsilon: float, window: int
) -> Thresholds:
    """Fold ``gamma * (dot - mean) / sqrt(variance + epsilon) + beta``, arrays of shape (channels,).

    Raises InputError as `fold_scale`, and where the variance and epsilon do not add up to more than 0.
    """
    _check(window, {"gamma": gamma, "beta": beta, "mean": mean, "variance": variance, "epsilon": np.array(epsilon)})
    if np.any(variance < 0) or epsilon < 0 or (epsilon == 0 and np.any(variance == 0)):
        raise InputError("batch norm: variance + epsilon must be more than 0 and neither negative: give such values")

    def is_negative_of(channel: int) -> Callable[[int], bool]:
        factor, shift = Fraction(float(gamma[channel])), Fraction(float(beta[channel]))
        centre, square = Fraction(float(mean[channel])), Fraction(float(variance[channel])) + Fraction(epsilon)
        return lambda dot: _is_negative_sum(factor * (dot - centre), shift, square)

    return _fold([float(factor) for factor in gamma], is_negative_of, window)


def _is_negative_sum(rational: Fraction, factor: Fraction, square: Fraction) -> bool:
    """Return whether ``rational + factor * sqrt(square)`` is less than 0, by comparing squares where signs differ."""
    if rational >= 0 and factor >= 0:
        return False
    if rational <= 0 and factor <= 0:
        return True
    root_is_larger = rational**2 < factor**2 * square
    return root_is_larger if factor < 0 else rational**2 > factor**2 * square


def _fold(factors: list[float], is_negative_of: Callable[[int], Callable[[int], bool]], window: int) -> Thresholds:
    limits = np.empty(len(factors), np.int16)
    for channel, factor in enumerate(factors):
        is_negative = is_negative_of(channel)
        if factor == 0:
            limits[channel] = window if is_negative(0) else -window - 1
        else:
            limits[channel] = _last(is_negative, window, wanted=factor > 0)
    return Thresholds(limits, np.array([factor < 0 for factor in factors], np.bool_))


def _last(is_negative: Callable[[int], bool], window: int, *, wanted: bool) -> int:
    """Return the last of -window .. window for which `is_negative` is `wanted`, as it is up to some number only."""
    low, high = -window - 1, window
    while low < high:
        middle = (low + high + 1) // 2
        if is_negative(middle) is wanted:
            low = middle
        else:
            high = middle - 1
    return low


def _check(window: int, values: dict[str, Floats]) -> None:
    if not 1 <= window <= LARGEST_NARROW_WINDOW:
        raise InputError(f"thresholds of a window of {window} products: give 1 to {LARGEST_NARROW_WINDOW}")
    arrays = {name: array for name, array in values.items() if name != "epsilon"}
    if len({array.shape for array in arrays.values()}) > 1 or any(array.ndim != 1 for array in arrays.values()):
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise InputError(f"batch norm parameters of shapes {shapes}: give one of each for every channel")
    for name, array in values.items():
        if not np.all(np.isfinite(array)):
            raise InputError(f"batch norm {name}: a value is not finite: give finite numbers")

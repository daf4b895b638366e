"""Batch norm in fixed point, as `kernels_asm.fixed_point` defines it: exact forward, straight through backward.

Feature maps of the int8 flow are whole multiples of 1 / scale, kept as real numbers in float32, which holds them
exactly: what a kernel stores in a byte is the real number times the scale. All maps of a network have one scale, as
shortcuts add them up. It is handed in as a tensor of no dimensions, so that one compiled graph serves all scales.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from kernels_asm import LayerFunction

LARGEST_SCALE = 16
"""Bytes count in sixteenths at most, from -8 to 7.9375: finer ones would not hold what shortcuts add up to."""

_LARGEST_MULTIPLIER = 2**15 - 1
_LARGEST_SHIFT = 15
_LARGEST_OFFSET = 2**15 - 1
_INT8 = (-128, 127)


@dataclass(frozen=True, slots=True, eq=False)
class FixedPoint:
    """Parameters of the fixed-point batch norm of a layer: int32 tensors of shape (channels,)."""

    multiplier: Tensor
    shift: Tensor
    offset: Tensor


def feature_scale(sums: Iterable[tuple[int, LayerFunction]]) -> int:
    """Return what the bytes of a network's feature maps are multiples of, as its inverse: 1 to `LARGEST_SCALE`.

    A power of two, so that the real numbers are exact, and not above the least deviation that a layer's sums are likely
    to have: the factor of a channel, weight * scale / deviation, must be below 1, or its batch norm loses gain. Sums of
    K products have deviations of sqrt(K), if the products are independent, and no more than the bound they are clipped
    to.

    Args:
        sums: The products of a sum, and what becomes of it, for each layer whose map is kept in bytes.

    """
    deviations = (min(math.sqrt(window), (function.hi - function.lo) / 2) for window, function in sums)
    least = min(deviations, default=LARGEST_SCALE)
    return min(1 << int(math.log2(max(least, 1))), LARGEST_SCALE)


def fold(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor, scale: Tensor) -> FixedPoint:
    """Return the fixed-point form of a batch norm over these statistics, (channels,), biased variance.

    Each factor takes the largest shift that keeps its multiplier within 16 bits; one of 1 or more, which fixed point
    cannot say, becomes the largest there is. The offset is that of the factor which is said, so that the mean stays
    where the batch norm has it also where the gain is less.
    """
    factor = (norm.weight.detach().double() / torch.sqrt(variance.double() + norm.eps)) * scale
    # how often the factor can be doubled and stay below 1; frexp and ldexp, which would tell, do not compile everywhere
    shifts = torch.arange(1, _LARGEST_SHIFT + 1, dtype=torch.float64, device=factor.device)
    can_double = factor.abs().unsqueeze(1) < 0.5**shifts
    shift = can_double.double().sum(1)
    power = (can_double.double() + 1).prod(1)
    multiplier = torch.round(factor * power * 2**15).clamp(-_LARGEST_MULTIPLIER, _LARGEST_MULTIPLIER)
    said = multiplier / 2**15 / power
    offset = torch.round(norm.bias.detach().double() * scale - mean.double() * said)
    offset = offset.clamp(-_LARGEST_OFFSET, _LARGEST_OFFSET)
    return FixedPoint(multiplier.int(), shift.int(), offset.int())


def apply(x: Tensor, parameters: FixedPoint) -> Tensor:
    """Return steps 0 to 4 of the contract, whole numbers in float32, for whole numbers x (N, C, H, W) of any type.

    Other numbers, the sums of a stage with real weights, are rounded first.

    Halving product and summand of step 1 keeps them within 32 bits: (2 x m + 2^15) >> 16 = (x m + 2^14) >> 15. Values
    are clamped as floats, which PyTorch can compile, and not to 16 bits where they are clamped to 8 bits later.
    """
    channels = (1, -1, 1, 1)
    multiplier, shift, offset = (
        values.view(channels) for values in (parameters.multiplier, parameters.shift, parameters.offset)
    )
    y = x.float().clamp(-(2**15), 2**15 - 1).round().to(torch.int32)
    y = y.mul_(multiplier).add_(2**14).bitwise_right_shift_(15)
    y = y.add_(torch.bitwise_left_shift(torch.ones_like(shift), shift) >> 1).bitwise_right_shift_(shift)
    return y.add_(offset).float().clamp_(*_INT8)


def batch_norm(x: Tensor, norm: nn.BatchNorm2d, scale: Tensor) -> Tensor:
    """Return the fixed-point batch norm of sums x (N, C, H, W): multiples of 1 / scale in float32.

    In training mode it is folded from the statistics of the batch, which also move those of `norm`; in evaluation from
    `norm`'s own. The gradient is that of the batch norm in real numbers where the byte does not saturate, else zero.
    """
    x = x.float()  # where convolutions compute in bfloat16, its 8 bits hold the sums but not their means
    if norm.training:
        variance, mean = torch.var_mean(x.detach(), (0, 2, 3), correction=0)
    elif norm.running_mean is None or norm.running_var is None:
        raise ValueError("a batch norm without running statistics cannot be evaluated")
    else:
        mean, variance = norm.running_mean, norm.running_var
    with torch.no_grad():
        exact = apply(x, fold(norm, mean, variance, scale)).div_(scale)
    real: Tensor = norm(x)
    return straight_through(exact, (real * scale).clamp(*_INT8) / scale)


def quantise(x: Tensor, scale: Tensor) -> Tensor:
    """Return x rounded to multiples of 1 / scale that fit a byte, halves up; straight through where they fit."""
    bounded = (x * scale).clamp(*_INT8)
    exact = torch.floor(bounded.detach() + 0.5).clamp_(*_INT8).div_(scale)
    return straight_through(exact, bounded / scale)


def add(x: Tensor, shortcut: Tensor, scale: Tensor) -> Tensor:
    """Return step 5 of the contract, the saturating sum of two maps of multiples of 1 / scale."""
    low, high = _INT8
    return functional.hardtanh((x + shortcut) * scale, low, high) / scale


class _StraightThrough(torch.autograd.Function):
    """The first argument forward, the gradient to the second."""

    @staticmethod
    def forward(ctx: Any, exact: Tensor, real: Tensor) -> Tensor:  # noqa: ARG004
        return exact

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[None, Tensor]:  # noqa: ARG004
        return None, grads[0]


def straight_through(exact: Tensor, real: Tensor) -> Tensor:
    """Return `exact`, with the gradient of `real`."""
    result: Tensor = _StraightThrough.apply(exact, real)  # type: ignore[no-untyped-call]
    return result

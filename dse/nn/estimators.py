"""Gradients of the sign: forward `signs`, backward the slope of a smoother function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor

from dse.networks import Estimator
from dse.nn import arithmetic

Slope: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""(inputs x, progress of the training as a scalar 0 to 1) -> the slope at each x, at least 0."""

RESTE_LARGEST_POWER = 3.0
"""p rises from 1, where the slope is that of a straight-through estimator, to this."""
RESTE_NEAR = 0.1
"""The slope grows without bound towards 0: nearer than this it is that of the chord to here."""
RESTE_FAR = 1.5
"""Beyond it the slope is 0."""

EDE_FIRST = 0.1
EDE_LAST = 10.0
"""t rises from the one to the other, by the same factor in each step."""

SIGN_SWISH_BETA = 5.0


class _Estimate(torch.autograd.Function):
    """`arithmetic.signs`; backward a slope."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, slope: Slope, progress: Tensor) -> Tensor:
        ctx.save_for_backward(x, progress)
        ctx.slope = slope
        return arithmetic.signs(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        x, progress = ctx.saved_tensors
        slope: Tensor = ctx.slope(x, progress)
        return slope.mul_(grads[0]), None, None


def estimated_sign(x: Tensor, estimator: Estimator, progress: Tensor) -> Tensor:
    """Return the signs of `x`, differentiable through an estimator.

    Args:
        x: Any shape.
        estimator: Decides the gradient.
        progress: A scalar, the share of the training that is done, 0 to 1; some estimators sharpen with it.

    """
    if estimator is Estimator.APPROX_SIGN:
        return arithmetic.sign(x)
    result: Tensor = _Estimate.apply(x, SLOPES[estimator], progress)  # type: ignore[no-untyped-call]
    return result


def _ste(x: Tensor, _progress: Tensor) -> Tensor:
    return torch.le(x.abs(), 1).to(x.dtype)


def _reste(x: Tensor, progress: Tensor) -> Tensor:
    """The slope of |x|^(1/p): |x|^(1/p - 1) / p.

    Its constants are those that Wu et al. (arXiv 2308.06689) train with, but p rises with each step, not each epoch.
    """
    power = 1 + (RESTE_LARGEST_POWER - 1) * progress
    exponent = 1 / power - 1
    distance = x.abs()
    slope = torch.where(
        distance < RESTE_NEAR, RESTE_NEAR**exponent, distance.clamp(min=RESTE_NEAR).pow(exponent) / power
    )
    return slope.mul_(torch.le(distance, RESTE_FAR))


def _tanh(x: Tensor, _progress: Tensor) -> Tensor:
    return 1 - torch.tanh(x).square_()


def _ede(x: Tensor, progress: Tensor) -> Tensor:
    """The slope of k tanh(t x), k = max(1 / t, 1) (Qin et al., arXiv 1909.10788, section 3.3)."""
    t = EDE_FIRST * (EDE_LAST / EDE_FIRST) ** progress
    return (1 - torch.tanh(t * x).square_()) * torch.clamp(t, min=1)  # k t = max(1, t)


def _sign_swish(x: Tensor, _progress: Tensor) -> Tensor:
    """The slope of 2 s (1 + b x (1 - s)) - 1, where s = sigmoid(b x) (Darabi et al., arXiv 1812.11800).

    Negative beyond |b x| = 2.4, where that function falls again.
    """
    scaled = SIGN_SWISH_BETA * x
    sigmoid = torch.sigmoid(scaled)
    return SIGN_SWISH_BETA * sigmoid * (1 - sigmoid) * (2 + scaled * (1 - 2 * sigmoid)) * 2


SLOPES: dict[Estimator, Slope] = {
    Estimator.STE: _ste,
    Estimator.RESTE: _reste,
    Estimator.TANH: _tanh,
    Estimator.EDE: _ede,
    Estimator.SIGN_SWISH: _sign_swish,
}
"""All but ApproxSign, which `arithmetic.sign` has."""

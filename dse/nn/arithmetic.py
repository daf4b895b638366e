"""The arithmetic contract in PyTorch: exact integers forward, straight-through estimators backward.

Values of the feature maps are whole numbers kept in float32, which holds every one up to 2^24 exactly; a window has far
fewer products, and a convolution of +1 and -1 sums whole numbers only, so the result does not depend on the order.

The operations are chosen for eager mode on a CPU: comparisons write float32 directly and buffers are reused, as masks
of type bool and `torch.where` with numbers take five to forty times as long there.
"""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from kernels_asm import ConvShape, EndValue


class _Sign(torch.autograd.Function):
    """`signs`; backward the derivative of ApproxSign, max(0, 2 - 2 |x|).

    ApproxSign: Liu et al., Bi-Real Net, arXiv 1808.00278, section 3.3.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return signs(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        slope: Tensor = x.abs().mul_(-2).add_(2).clamp_(min=0)
        return slope.mul_(grads[0])


class _VariableEndValue(torch.autograd.Function):
    """`_EndValue` with off, modulus, lo and hi in a tensor, so that one compiled graph serves every arithmetic."""

    @staticmethod
    def forward(ctx: Any, dot: Tensor, end: Tensor) -> Tensor:
        ctx.save_for_backward(dot, end)
        off, modulus, lo, hi = end.unbind()
        return (dot + torch.floor((off - dot) / modulus) * modulus).clamp(lo, hi)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        dot, end = ctx.saved_tensors
        return torch.where((dot >= end[2]) & (dot <= end[3]), grads[0], 0.0), None


class _EndValue(torch.autograd.Function):
    """`apply_end_value`; backward the identity where lo <= dot <= hi, zero elsewhere.

    A wrapped dot product lies outside: the function jumps there, and its slope of one points the wrong way.
    """

    @staticmethod
    def forward(ctx: Any, dot: Tensor, end: EndValue) -> Tensor:
        ctx.save_for_backward(dot)
        ctx.end = end
        return apply_end_value(dot, end)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (dot,) = ctx.saved_tensors
        # hardtanh passes nothing at its very bounds; dot products are whole, so half a step keeps lo and hi inside
        return torch.ops.aten.hardtanh_backward(grads[0], dot, ctx.end.lo - 0.5, ctx.end.hi + 0.5), None


def signs(x: Tensor) -> Tensor:
    """Return +1 where x >= 0, also for -0.0 (bit 0), and -1 elsewhere (bit 1), in the type of x."""
    if torch.compiler.is_compiling():  # a compiler fuses the plain form, and cannot follow the other
        return torch.where(x >= 0, 1.0, -1.0).to(x.dtype)
    result = torch.empty_like(x)
    torch.ge(x, 0, out=result)
    return result.mul_(2).sub_(1)


def sign(x: Tensor) -> Tensor:
    """Return `signs(x)`, differentiable through ApproxSign."""
    result: Tensor = _Sign.apply(x)  # type: ignore[no-untyped-call]
    return result


def weight_sign(weight: Tensor) -> Tensor:
    """Return `signs(weight)`, differentiable as if it were the identity (straight-through estimator)."""
    return signs(weight.detach()) + (weight - weight.detach())


def apply_end_value(dot: Tensor, end: EndValue) -> Tensor:
    """Return `end` of whole numbers `dot` in float32, as `EndValue.apply` does for integers.

    The quotient is exact where it is whole and far enough below the next whole number elsewhere, for |dot| < 2^24.
    """
    wraps = torch.floor((end.off - dot).div_(end.modulus))
    return wraps.mul_(end.modulus).add_(dot).clamp_(end.lo, end.hi)


def end_value_tensor(end: EndValue) -> Tensor:
    """Return off, modulus, lo and hi of `end`, float32 (4,), which `end_value` takes in its place."""
    return torch.tensor(astuple(end), dtype=torch.float32)


def end_value(dot: Tensor, end: EndValue | Tensor, window: int) -> Tensor:
    """Return `apply_end_value(dot, end)` for dot products of `window` signs, differentiable straight through."""
    if isinstance(end, Tensor):
        variable: Tensor = _VariableEndValue.apply(dot.float(), end)  # type: ignore[no-untyped-call]
        return variable
    wraps = end.off < window or end.off - end.modulus >= -window
    if not wraps and end.lo <= -window and end.hi >= window:
        return dot
    result: Tensor = _EndValue.apply(dot, end)  # type: ignore[no-untyped-call]
    return result


def padding_ring(shape: ConvShape) -> Tensor:
    """Return (1, channels in, padded height, padded width): 1 in the padding, 0 where the image is."""
    ring = torch.ones(1, shape.channels_in, shape.padded_height, shape.padded_width)
    ring[:, :, shape.padding : shape.padding + shape.height, shape.padding : shape.padding + shape.width] = 0
    return ring


def binary_convolution(x: Tensor, weight: Tensor, ring: Tensor, shape: ConvShape) -> Tensor:
    """Return the exact dot products of signs `x` and signs `weight`, padded as the layer says.

    A convolution padded with zeros plus what a padding of +1 adds, which is the same for every image: cheaper than a
    padded copy of the input, above all backward.

    Args:
        x: (N, channels in, height, width) of +1 and -1.
        weight: (channels out, channels in, kernel height, kernel width) of +1 and -1.
        ring: `padding_ring(shape)`.
        shape: The layer.

    Returns:
        (N, channels out, out height, out width) whole numbers.

    """
    if torch.compiler.is_compiling():  # only where there is oneDNN (`dse.training.fast_step`)
        return _padded_convolution(x, weight, ring, shape)
    # NNPACK, which PyTorch takes where it has no oneDNN, computes by Winograd's transform: not exact
    with torch.backends.nnpack.flags(enabled=False):
        return _padded_convolution(x, weight, ring, shape)


def _padded_convolution(x: Tensor, weight: Tensor, ring: Tensor, shape: ConvShape) -> Tensor:
    inner = functional.conv2d(x, weight, stride=shape.stride, padding=shape.padding)
    if shape.padding == 0 or shape.pads_zeros:
        return inner
    return inner + functional.conv2d(ring, weight, stride=shape.stride)

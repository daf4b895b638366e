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

from dse.nn.running_sums import running_sums
from kernels_asm import ConvShape, EndValue, LayerFunction, RunningSums
from kernels_asm.arithmetic import RUNNING_BOUNDS


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
    def forward(ctx: Any, dot: Tensor, end: EndValue, wraps: bool) -> Tensor:
        ctx.save_for_backward(dot)
        ctx.end = end
        return apply_end_value(dot, end) if wraps else dot.clamp(end.lo, end.hi)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        (dot,) = ctx.saved_tensors
        # hardtanh passes nothing at its very bounds; dot products are whole, so half a step keeps lo and hi inside
        return torch.ops.aten.hardtanh_backward(grads[0], dot, ctx.end.lo - 0.5, ctx.end.hi + 0.5), None, None


class _RunningSums(torch.autograd.Function):
    """`running_sums` clamped; backward the convolution where the last sum is not stopped, zero elsewhere.

    A sum at a bound does not follow its terms, nor does an output that was clipped. One that has left a bound again
    follows the terms since then; that those before are lost depends on the order, which an estimate may overlook: it
    passes the gradient to all terms, as that of the exact sum would.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, ring: Tensor, shape: ConvShape, sums: RunningSums) -> Tensor:
        outputs = _run(x, weight, shape)
        ctx.save_for_backward(x.float(), weight, ring, outputs)  # a GPU hands on bfloat16
        ctx.shape, ctx.sums = shape, sums
        return outputs.clamp(sums.lo, sums.hi)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, None, None, None]:
        x, weight, ring, outputs = ctx.saved_tensors
        shape: ConvShape = ctx.shape
        odd = shape.kernel_height * shape.kernel_width * (shape.channels_in % 2)
        stopped_low, stopped_high = (2 * bound + odd for bound in RUNNING_BOUNDS)
        # passes nothing at its very bounds: see `_EndValue`
        least, most = max(ctx.sums.lo - 0.5, stopped_low), min(ctx.sums.hi + 0.5, stopped_high)
        grad = torch.ops.aten.hardtanh_backward(grads[0], outputs, least, most)
        of_x, of_weight, *_ = ctx.needs_input_grad
        grad_x, grad_weight = _convolution_backward(grad, x, weight, shape.stride, shape.padding, of_x, of_weight)
        if shape.padding and of_weight:
            over_images = grad.sum(dim=0, keepdim=True)
            grad_weight += _convolution_backward(over_images, ring, weight, shape.stride, 0, False, True)[1]
        return grad_x, grad_weight, None, None, None


def _run(x: Tensor, weight: Tensor, shape: ConvShape) -> Tensor:
    """Return `running_sums`, not clipped, channels last in memory; the processor computes them for any device."""
    signs, filters = (tensor.detach().float().permute(0, 2, 3, 1).contiguous().cpu().numpy() for tensor in (x, weight))
    return torch.from_numpy(running_sums(signs, filters, shape)).to(x.device).permute(0, 3, 1, 2)


def _convolution_backward(
    grad: Tensor, x: Tensor, weight: Tensor, stride: int, padding: int, of_x: bool, of_weight: bool
) -> tuple[Any, Any]:
    """Return the gradients of a convolution padded with zeros: of its input and its weights, None if not wanted."""
    sizes = [stride, stride], [padding, padding], [1, 1], False, [0, 0], 1
    grads = torch.ops.aten.convolution_backward(grad, x, weight, None, *sizes, [of_x, of_weight, False])
    return grads[0], grads[1]


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
    result: Tensor = _EndValue.apply(dot, end, wraps)  # type: ignore[no-untyped-call]
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
    return inner.add_(functional.conv2d(ring, weight, stride=shape.stride))


def layer_outputs(
    x: Tensor, weight: Tensor, ring: Tensor, shape: ConvShape, function: LayerFunction | Tensor
) -> Tensor:
    """Return what a layer of that function puts out, exactly, differentiable straight through.

    Arguments and result as of `binary_convolution`; a function may be an `end_value_tensor`.
    """
    if isinstance(function, RunningSums):
        result: Tensor = _RunningSums.apply(x, weight, ring, shape, function)  # type: ignore[no-untyped-call]
        return result
    return end_value(binary_convolution(x, weight, ring, shape), function, shape.window)

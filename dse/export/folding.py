"""The numbers of a trained model as the exported program uses them: batch norms folded to a factor and a summand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from dse.networks import Normalisation
from dse.nn.activations import RPReLU
from dse.nn.blocks import BinaryBlock
from dse.nn.float_layers import FloatConvolution
from kernels_asm.activation import Activation
from kernels_asm.companions.float_batch_norm import FloatParameters

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Affine:
    """scale x + bias for each channel; scale None: 1."""

    scale: Floats | None
    bias: Floats


@dataclass(frozen=True, slots=True, eq=False)
class FoldedConvolution:
    """A convolution in floating point.

    Attributes:
        weights: (kernel rows, kernel columns, channels in of a group, channels out), the order in which they are used.
        affine: What follows.
    """

    weights: Floats
    affine: Affine


def fold_norm(norm: nn.BatchNorm2d, factor: NDArray[np.float64] | float = 1.0) -> tuple[Floats, Floats]:
    """Return scale and bias of a batch norm of `factor` times x, computed in float64 and rounded once."""
    if norm.running_mean is None or norm.running_var is None:
        raise ValueError("a batch norm without running statistics cannot be folded")
    scale = doubles(norm.weight) / np.sqrt(doubles(norm.running_var) + norm.eps)
    bias = doubles(norm.bias) - doubles(norm.running_mean) * scale
    return (scale * factor).astype(np.float32), bias.astype(np.float32)


def fold_convolution(conv: nn.Conv2d, norm: nn.BatchNorm2d | None) -> FoldedConvolution:
    """Return a convolution with the batch norm behind it, or with its own bias."""
    weights = floats(conv.weight).transpose(2, 3, 1, 0)
    if norm is not None:
        affine = Affine(*fold_norm(norm))
    elif conv.bias is not None:
        affine = Affine(None, floats(conv.bias))
    else:
        raise ValueError("a convolution has a batch norm or a bias")
    return FoldedConvolution(np.ascontiguousarray(weights), affine)


def fold_float_convolution(module: FloatConvolution) -> FoldedConvolution:
    """Return a layer in floating point."""
    return fold_convolution(module.conv, module.norm)


def fold_projection(block: BinaryBlock) -> FoldedConvolution:
    """Return the 1x1 convolution of a block's shortcut."""
    projection = block.shortcut.projection if block.shortcut is not None else None
    if not isinstance(projection, nn.Sequential):
        raise ValueError(f"layer {block.layer.name} has no projection")
    conv, norm = projection
    if not isinstance(conv, nn.Conv2d) or not isinstance(norm, nn.BatchNorm2d):
        raise ValueError("a projection is a convolution and a batch norm")
    return fold_convolution(conv, norm)


def float_parameters(block: BinaryBlock, next_block: BinaryBlock | None) -> FloatParameters:
    """Return what the float batch norm behind a block's sums takes.

    `next_block`: the block whose signs it packs, for its thresholds; None where nothing takes its signs.
    """
    channels = block.shape.channels_out
    factor = block.weights.scale()
    weight_scale = doubles(factor).reshape(-1) if factor is not None else np.ones(channels)
    if block.norm_before:
        scale = (weight_scale * (block.constant if block.constant is not None else 1.0)).astype(np.float32)
        bias = np.zeros(channels, np.float32)
    else:
        scale, bias = fold_norm(block.norm, weight_scale)
    threshold = next_block.features.threshold if next_block is not None else None
    return FloatParameters(
        scale,
        bias,
        block.layer.activation,
        **_activation_parameters(block),
        threshold=floats(threshold).reshape(-1) if threshold is not None else None,
    )


def sign_parameters(block: BinaryBlock) -> tuple[tuple[Floats, Floats] | None, Floats | None]:
    """Return what stands in front of a block's sign: scale and bias of its batch norm, and its thresholds, or None."""
    norm = fold_norm(block.norm) if block.layer.normalisation is Normalisation.BEFORE else None
    threshold = block.features.threshold
    return norm, None if threshold is None else floats(threshold).reshape(-1)


def _activation_parameters(block: BinaryBlock) -> dict[str, Floats]:
    activation = block.activation
    if block.layer.activation is Activation.PRELU and isinstance(activation, nn.PReLU):
        return {"slope": floats(activation.weight)}
    if isinstance(activation, RPReLU):
        return {
            "before": -floats(activation.before).reshape(-1),
            "slope": floats(activation.prelu.weight),
            "after": floats(activation.after).reshape(-1),
        }
    return {}


def doubles(tensor: Tensor) -> NDArray[np.float64]:
    """Return the numbers of a tensor in float64."""
    return tensor.detach().numpy().astype(np.float64)


def floats(tensor: Tensor) -> Floats:
    """Return the numbers of a tensor in float32."""
    return tensor.detach().numpy().astype(np.float32)

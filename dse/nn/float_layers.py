"""The layers in floating point as PyTorch modules."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from dse.networks import Classifier, FloatConv, Pool, PoolKind


class FloatConvolution(nn.Module):
    """A floating-point convolution, batch norm or bias, and ReLU or none."""

    def __init__(self, layer: FloatConv) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            layer.channels_in,
            layer.channels_out,
            layer.kernel_size,
            layer.stride,
            layer.padding,
            groups=layer.groups,
            bias=not layer.batch_norm,
        )
        self.norm = nn.BatchNorm2d(layer.channels_out) if layer.batch_norm else None
        self.relu = layer.relu

    def forward(self, x: Tensor) -> Tensor:
        """Return the features of (N, C, H, W)."""
        x = self.conv(x)
        if self.norm is not None:
            x = self.norm(x)
        return functional.relu(x) if self.relu else x


class Pooling(nn.Module):
    """Maximum, mean or blur of square windows."""

    blur: Tensor

    def __init__(self, layer: Pool) -> None:
        super().__init__()
        self.layer = layer
        row = torch.tensor([0.25, 0.5, 0.25])
        self.register_buffer("blur", torch.outer(row, row).expand(layer.channels, 1, 3, 3), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the pooled features of (N, C, H, W)."""
        layer = self.layer
        match layer.kind:
            case PoolKind.MAX:
                return functional.max_pool2d(x, layer.kernel_size, layer.stride, layer.padding)
            case PoolKind.AVERAGE:
                return functional.avg_pool2d(x, layer.kernel_size, layer.stride, layer.padding, count_include_pad=False)
            case PoolKind.BLUR:
                return functional.conv2d(x, self.blur, None, layer.stride, layer.padding, groups=layer.channels)


class Head(nn.Module):
    """ReLU or none, average pooling to a grid or none, and a linear layer."""

    def __init__(self, layer: Classifier) -> None:
        super().__init__()
        self.grid = layer.grid
        self.relu = layer.relu
        self.linear = nn.Linear(layer.features, layer.classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (N, classes) for features (N, C, H, W)."""
        if self.relu:
            x = functional.relu(x)
        if self.grid is not None:
            x = functional.adaptive_avg_pool2d(x, self.grid)
        logits: Tensor = self.linear(x.flatten(1))
        return logits

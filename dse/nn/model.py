"""A network description as a PyTorch module, with the arithmetic contract in its binary layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from dse.networks import BinaryConv, Classifier, FloatConv, Network
from dse.nn import arithmetic
from dse.nn.precision import Precision
from kernels_asm import EndValue

Convolution: TypeAlias = Callable[[int, Tensor, Tensor], Tensor]
"""Stands in for a binary convolution: (number of the binary layer from 0, signs of its input int8 (N, C, H, W), its
weights int8 (O, C, kh, kw)) -> outputs after the end value (N, O, out H, out W), whole numbers of any dtype."""

LATENT_RANGE = 0.02
"""Latent weights start uniformly within plus and minus this."""


@dataclass(frozen=True, eq=False)
class BinaryLayerRecord:
    """What went through one binary convolution: signs in (N, C, H, W), weights, outputs; int8, int8, int32."""

    signs: Tensor
    weights: Tensor
    outputs: Tensor


class Stem(nn.Module):
    """A floating-point convolution with batch norm."""

    def __init__(self, layer: FloatConv) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            layer.channels_in, layer.channels_out, layer.kernel_size, layer.stride, layer.padding, bias=False
        )
        self.norm = nn.BatchNorm2d(layer.channels_out)

    def forward(self, x: Tensor) -> Tensor:
        """Return the features of (N, C, H, W) pixels."""
        features: Tensor = self.norm(self.conv(x))
        return features


class BinaryBlock(nn.Module):
    """Sign, binary convolution under an end value, batch norm, plus a shortcut around the three."""

    ring: Tensor

    def __init__(self, layer: BinaryConv, end: EndValue) -> None:
        super().__init__()
        shape = layer.shape
        self.shape = shape
        self.end = end
        self.features = Precision.BINARY
        self.weights = Precision.BINARY
        self.latent = nn.Parameter(
            torch.empty(shape.channels_out, shape.channels_in, shape.kernel_height, shape.kernel_width)
        )
        self.norm = nn.BatchNorm2d(shape.channels_out)
        # small against the learning rate, so that a short training can still turn every sign
        nn.init.uniform_(self.latent, -LATENT_RANGE, LATENT_RANGE)
        self.register_buffer("ring", arithmetic.padding_ring(shape), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's features for features `x`."""
        features = arithmetic.sign(x) if self.features is Precision.BINARY else functional.hardtanh(x)
        binary = self.weights is Precision.BINARY
        weights = arithmetic.weight_sign(self.latent) if binary else real_weights(self.latent)
        dot = arithmetic.binary_convolution(features, weights, self.ring, self.shape)
        return self.finish(arithmetic.end_value(dot, self.end, self.shape.window), x)

    def finish(self, outputs: Tensor, x: Tensor) -> Tensor:
        """Return the block's features, given the outputs of its convolution and its input `x`."""
        features: Tensor = self.norm(outputs)
        return features + self._shortcut(x)

    @torch.no_grad()
    def integer_weights(self) -> Tensor:
        """Return the binary weights, int8 of +1 and -1, (O, C, kh, kw)."""
        return arithmetic.signs(self.latent).to(torch.int8)

    @torch.no_grad()
    def integer_convolution(self, signs: Tensor, weights: Tensor) -> Tensor:
        """Return the convolution's outputs, float32 whole numbers, for signs and weights of any dtype."""
        dot = arithmetic.binary_convolution(signs.float(), weights.float(), self.ring, self.shape)
        return arithmetic.apply_end_value(dot, self.end)

    def _shortcut(self, x: Tensor) -> Tensor:
        if self.shape.stride > 1:
            x = functional.avg_pool2d(x, self.shape.stride, ceil_mode=True)
        copies = self.shape.channels_out // self.shape.channels_in
        return torch.cat([x] * copies, dim=1) if copies > 1 else x


def real_weights(latent: Tensor) -> Tensor:
    """Return the weights (O, C, kh, kw) scaled to a mean magnitude of 1 in each output channel, as their signs have."""
    return latent / latent.detach().abs().mean(dim=(1, 2, 3), keepdim=True).clamp(min=torch.finfo(latent.dtype).tiny)


class Head(nn.Module):
    """ReLU, average pooling to a grid, and a linear layer."""

    def __init__(self, layer: Classifier) -> None:
        super().__init__()
        self.grid = layer.grid
        self.linear = nn.Linear(layer.features, layer.classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (N, classes) for features (N, C, H, W)."""
        pooled = functional.adaptive_avg_pool2d(functional.relu(x), self.grid)
        logits: Tensor = self.linear(pooled.flatten(1))
        return logits


class BinaryModel(nn.Module):
    """A trainable network; takes uint8 images (N, C, H, W), gives logits (N, classes).

    Args:
        network: What to build.
        end_values: The end value of each binary layer.

    Raises:
        ValueError: There are not as many end values as binary layers.

    """

    pixel_mean: Tensor
    pixel_scale: Tensor

    def __init__(self, network: Network, end_values: Sequence[EndValue]) -> None:
        super().__init__()
        if len(end_values) != len(network.binary_layers):
            raise ValueError(f"{len(end_values)} end values for {len(network.binary_layers)} binary layers")
        self.network = network
        self.end_values = tuple(end_values)
        self.register_buffer("pixel_mean", torch.zeros(1, network.input_shape[0], 1, 1))
        self.register_buffer("pixel_scale", torch.ones(1, network.input_shape[0], 1, 1))
        ends = iter(end_values)
        self.layers = nn.ModuleDict()
        for layer in network.layers:
            match layer:
                case FloatConv():
                    self.layers[layer.name] = Stem(layer)
                case BinaryConv():
                    self.layers[layer.name] = BinaryBlock(layer, next(ends))
                case Classifier():
                    self.layers[layer.name] = Head(layer)

    @property
    def binary_blocks(self) -> tuple[BinaryBlock, ...]:
        """The binary blocks, in the order of `network.binary_layers`."""
        return tuple(layer for layer in self.layers.values() if isinstance(layer, BinaryBlock))

    def compute_as(self, end_values: Sequence[EndValue], features: Precision, weights: Precision) -> None:
        """Change what the binary layers compute and leave all parameters as they are.

        Args:
            end_values: The end value of each binary layer; those of exact sums where anything is real.
            features: What the convolutions take for features.
            weights: What they take for weights.

        """
        self.end_values = tuple(end_values)
        for block, end in zip(self.binary_blocks, self.end_values, strict=True):
            block.end, block.features, block.weights = end, features, weights

    def fit_pixels(self, images: NDArray[np.uint8]) -> None:
        """Take mean and deviation of each channel from training images (N, C, H, W)."""
        per_channel = images.transpose(1, 0, 2, 3).reshape(images.shape[1], -1)
        self.pixel_mean.copy_(torch.tensor(per_channel.mean(axis=1)).view_as(self.pixel_mean))
        self.pixel_scale.copy_(torch.tensor(1 / np.maximum(per_channel.std(axis=1), 1.0)).view_as(self.pixel_scale))

    def standardise(self, images: Tensor) -> Tensor:
        """Return float32 pixels of mean 0 and deviation 1 over the training images, channels last."""
        pixels = images.to(torch.float32, memory_format=torch.channels_last)
        return (pixels - self.pixel_mean) * self.pixel_scale

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, classes) for uint8 images (N, C, H, W)."""
        x = self.standardise(images)
        for layer in self.layers.values():
            x = layer(x)
        return x

    @torch.no_grad()
    def forward_with(self, images: Tensor, conv: Convolution) -> Tensor:
        """Return the logits for `images` with `conv` in place of every binary convolution and its end value.

        Raises:
            ValueError: The model is in training mode, in which batch norm would use, and change, other statistics.

        """
        if self.training:
            raise ValueError("the model is in training mode: call eval() first")
        if any(Precision.REAL in (block.features, block.weights) for block in self.binary_blocks):
            raise ValueError("the model computes with real numbers, which no kernel does")
        x = self.standardise(images)
        number = 0
        for layer in self.layers.values():
            if isinstance(layer, BinaryBlock):
                signs = arithmetic.signs(x).to(torch.int8)
                x = layer.finish(conv(number, signs, layer.integer_weights()).float(), x)
                number += 1
            else:
                x = layer(x)
        return x

    def record(self, images: Tensor) -> tuple[Tensor, tuple[BinaryLayerRecord, ...]]:
        """Return the logits for `images`, and what went through each binary convolution."""
        blocks, records = self.binary_blocks, list[BinaryLayerRecord]()

        def convolve(number: int, signs: Tensor, weights: Tensor) -> Tensor:
            outputs = blocks[number].integer_convolution(signs, weights)
            records.append(BinaryLayerRecord(signs, weights, outputs.to(torch.int32)))
            return outputs

        logits = self.forward_with(images, convolve)
        return logits, tuple(records)

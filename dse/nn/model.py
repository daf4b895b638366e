"""A network description as a PyTorch module, with the arithmetic contract in its binary layers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dse.networks import BinaryConv, Classifier, FeatureMaps, FloatConv, Layer, Network, Pool, Relu
from dse.nn import fixed_point
from dse.nn.blocks import BinaryBlock
from dse.nn.float_layers import FloatConvolution, Head, Pooling
from dse.nn.precision import Precision
from kernels_asm import LayerFunction

Convolution: TypeAlias = Callable[[int, Tensor, Tensor], Tensor]
"""Stands in for a binary convolution: (number of the binary layer from 0, signs of its input int8 (N, C, H, W), its
weights int8 (O, C, kh, kw)) -> outputs after the end value (N, O, out H, out W), whole numbers of any dtype."""

BlockRun: TypeAlias = Callable[[BinaryBlock, Tensor, Tensor], Tensor]
"""(a binary block, its input, where its shortcut begins) -> its features."""

LONGEST_SPAN = 2
"""Binary convolutions that a shortcut goes around at most."""


@dataclass(frozen=True, eq=False)
class BinaryLayerRecord:
    """What went through one binary convolution: signs in (N, C, H, W), weights, outputs; int8, int8, int32."""

    signs: Tensor
    weights: Tensor
    outputs: Tensor


class BinaryModel(nn.Module):
    """A trainable network; takes uint8 images (N, C, H, W), gives logits (N, classes).

    Args:
        network: What to build.
        functions: What each binary layer computes.

    Raises:
        ValueError: There are not as many functions as binary layers.

    """

    pixel_mean: Tensor
    pixel_scale: Tensor

    def __init__(self, network: Network, functions: Sequence[LayerFunction]) -> None:
        super().__init__()
        if len(functions) != len(network.binary_layers):
            raise ValueError(f"{len(functions)} functions for {len(network.binary_layers)} binary layers")
        self.network = network
        self.functions = tuple(functions)
        self.register_buffer("pixel_mean", torch.zeros(1, network.input_shape[0], 1, 1))
        self.register_buffer("pixel_scale", torch.ones(1, network.input_shape[0], 1, 1))
        self.in_int8 = network.maps is FeatureMaps.INT8
        convolutions = iter(functions)
        self.layers = nn.ModuleDict(
            {
                layer.name: self._block(layer, next(convolutions))
                if isinstance(layer, BinaryConv)
                else _float_module(layer)
                for layer in network.layers
            }
        )
        self.scale_maps(self.functions)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # as images come

    @property
    def binary_blocks(self) -> tuple[BinaryBlock, ...]:
        """The binary blocks, in the order of `network.binary_layers`."""
        return tuple(layer for layer in self.layers.values() if isinstance(layer, BinaryBlock))

    @property
    def feature_scale(self) -> int:
        """What features are multiplied by to be stored in bytes, see `dse.nn.fixed_point.feature_scale`."""
        return int(self.binary_blocks[0].feature_scale)

    def set_progress(self, share: float) -> None:
        """Tell the estimators that sharpen over a training which share of it is done, 0 to 1."""
        for block in self.binary_blocks:
            block.features.progress.fill_(share)

    def compute_as(self, functions: Sequence[LayerFunction], features: Precision, weights: Precision) -> None:
        """Change what the binary layers compute and leave all parameters as they are.

        Args:
            functions: What each binary layer computes; exact sums where anything is real.
            features: What the convolutions take for features.
            weights: What they take for weights.

        """
        self.functions = tuple(functions)
        for block, function in zip(self.binary_blocks, self.functions, strict=True):
            block.function, block.features.precision, block.weights.precision = function, features, weights
        self.scale_maps(self.functions)

    def scale_maps(self, functions: Sequence[LayerFunction]) -> None:
        """Let bytes of feature maps count in what suits sums under these functions, one for each binary layer."""
        blocks = self.binary_blocks
        kept = (
            (block.shape.window, function)
            for block, function in zip(blocks, functions, strict=True)
            if block.folded is None
        )
        scale = fixed_point.feature_scale(kept)
        for block in blocks:
            block.feature_scale.fill_(scale)

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
        return self.run_blocks(images, lambda block, x, start: block(x, start))

    @torch.no_grad()
    def forward_with(self, images: Tensor, conv: Convolution) -> Tensor:
        """Return the logits for `images` with `conv` in place of every binary convolution and its end value.

        Raises:
            ValueError: The model is in training mode, in which batch norm would use, and change, other statistics.

        """
        if self.training:
            raise ValueError("the model is in training mode: call eval() first")
        if any(Precision.REAL in (block.features.precision, block.weights.precision) for block in self.binary_blocks):
            raise ValueError("the model computes with real numbers, which no kernel does")
        numbers = {block: number for number, block in enumerate(self.binary_blocks)}

        def run(block: BinaryBlock, x: Tensor, start: Tensor) -> Tensor:
            outputs = conv(numbers[block], block.binarize(x).to(torch.int8), block.integer_weights())
            return block.finish(outputs.float(), start)

        return self.run_blocks(images, run)

    def record(self, images: Tensor) -> tuple[Tensor, tuple[BinaryLayerRecord, ...]]:
        """Return the logits for `images`, and what went through each binary convolution."""
        blocks, records = self.binary_blocks, list[BinaryLayerRecord]()

        def convolve(number: int, signs: Tensor, weights: Tensor) -> Tensor:
            outputs = blocks[number].integer_convolution(signs, weights)
            records.append(BinaryLayerRecord(signs, weights, outputs.to(torch.int32)))
            return outputs

        logits = self.forward_with(images, convolve)
        return logits, tuple(records)

    def run_blocks(self, images: Tensor, run: BlockRun) -> Tensor:
        """Return the logits for `images`, whose way through the binary blocks is `run`'s.

        With int8 maps, what comes from a layer in floating point is rounded in front of a binary one.
        """
        x = self.standardise(images)
        inputs: deque[Tensor] = deque(maxlen=LONGEST_SPAN)  # of the latest binary blocks
        is_rounded = not self.in_int8
        for layer in self.layers.values():
            if isinstance(layer, BinaryBlock):
                x = x if is_rounded else fixed_point.quantise(x, layer.feature_scale)
                inputs.append(x)
                x = run(layer, x, inputs[-layer.spans])
                is_rounded = True
            else:
                x = layer(x)
                is_rounded = not self.in_int8
        return x

    def _block(self, layer: BinaryConv, function: LayerFunction) -> BinaryBlock:
        return BinaryBlock(layer, function, in_int8=self.in_int8, signs_alone=layer.name in self.network.signs_alone)


def _float_module(layer: Layer) -> nn.Module:
    match layer:
        case FloatConv():
            return FloatConvolution(layer)
        case Pool():
            return Pooling(layer)
        case Relu():
            return nn.ReLU()
        case Classifier():
            return Head(layer)
        case BinaryConv():
            raise ValueError(f"layer {layer.name} is binary")

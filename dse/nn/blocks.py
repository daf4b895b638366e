"""A binary convolution with everything around it, as a PyTorch module."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from dse.networks import BinaryConv, Normalisation
from dse.nn import arithmetic, fixed_point
from dse.nn.activations import make_activation
from dse.nn.binarizers import FeatureBinarizer, WeightBinarizer
from dse.nn.shortcuts import ShortcutPath
from dse.nn.thresholds import FoldedNorm
from kernels_asm import LayerFunction


class BinaryBlock(nn.Module):
    """`dse.networks.BinaryConv` with weights.

    What a kernel computes is between `binarize` and `finish`: `convolve` in training, something else in its place where
    the network is verified or exported.

    Attributes:
        layer: The description.
        shape: Of the convolution.
        function: What the convolution computes; a tensor is an end value that may change, `end_value_tensor`.
        spans: Binary convolutions that the shortcut goes around; 1 if there is none.
        feature_scale: What a feature is multiplied by to be stored in a byte, the same for all blocks of a model.

    Args:
        layer: What to build.
        function: See above.
        in_int8: Whether feature maps are multiples of 1 / `feature_scale`, normalised in fixed point.
        signs_alone: Whether only the signs of what comes out are read; in int8 they are then what comes out.

    """

    ring: Tensor
    feature_scale: Tensor

    def __init__(
        self, layer: BinaryConv, function: LayerFunction, *, in_int8: bool = False, signs_alone: bool = False
    ) -> None:
        super().__init__()
        shape = layer.shape
        self.layer = layer
        self.shape = shape
        self.function: LayerFunction | Tensor = function
        before = layer.normalisation is Normalisation.BEFORE
        self.features = FeatureBinarizer(layer)
        self.weights = WeightBinarizer(layer)
        self.norm = nn.BatchNorm2d(shape.channels_in if before else shape.channels_out)
        self.norm_before = before
        self.constant = 1 / math.sqrt(shape.window) if before and not layer.weight_scale else None
        self.shortcut = ShortcutPath(layer.shortcut) if layer.shortcut else None
        self.spans = layer.shortcut.spans if layer.shortcut else 1
        self.activation = make_activation(layer.activation, shape.channels_out)
        self.in_int8 = in_int8
        self.folded = FoldedNorm(self.norm, shape.window) if in_int8 and signs_alone else None
        self.register_buffer("ring", arithmetic.padding_ring(shape), persistent=False)
        self.register_buffer("feature_scale", torch.tensor(float(fixed_point.LARGEST_SCALE)), persistent=False)

    def forward(self, x: Tensor, start: Tensor) -> Tensor:
        """Return the block's features for features `x`, and `start` where its shortcut begins: `x` if it spans 1."""
        return self.finish(self.convolve(self.binarize(x)), start)

    def binarize(self, x: Tensor) -> Tensor:
        """Return the signs that go into the convolution, +1 and -1 in the type of `x`."""
        signs: Tensor = self.features(self.norm(x) if self.norm_before else x)
        return signs

    def convolve(self, signs: Tensor) -> Tensor:
        """Return the convolution's outputs, under its arithmetic: whole numbers, (N, O, out H, out W)."""
        return arithmetic.layer_outputs(signs, self.weights(), self.ring, self.shape, self.function)

    def finish(self, outputs: Tensor, start: Tensor) -> Tensor:
        """Return the block's features, given the outputs of its convolution and where its shortcut begins."""
        x = outputs
        if self.layer.sums_pool > 1:
            x = functional.max_pool2d(x, self.layer.sums_pool)
        return self._finish_int8(x, start) if self.in_int8 else self._finish_float(x, start)

    def shortcut_map(self, start: Tensor) -> Tensor | None:
        """Return what is added at the end, None for nothing; in int8 it is rounded where it is no copy of `start`."""
        if self.shortcut is None:
            return None
        added: Tensor = self.shortcut(start)
        return fixed_point.quantise(added, self.feature_scale) if self.in_int8 and self.shortcut.computes else added

    def _finish_int8(self, sums: Tensor, start: Tensor) -> Tensor:
        """In training a layer whose signs go on alone is normalised in real numbers, which have a gradient."""
        if self.folded is not None:
            return self.norm(sums) if self.training else self.folded.signs(sums)
        features = fixed_point.batch_norm(sums, self.norm, self.feature_scale)
        added = self.shortcut_map(start)
        return features if added is None else fixed_point.add(features, added, self.feature_scale)

    def _finish_float(self, x: Tensor, start: Tensor) -> Tensor:
        scale = self.weights.scale()
        if scale is not None:
            x = x * scale
        if self.layer.sums_relu:
            x = functional.relu(x)
        if not self.norm_before:
            x = self.norm(x)
        elif self.constant is not None:
            x = x * self.constant
        added = self.shortcut_map(start)
        if added is not None:
            x = x + added
        features: Tensor = self.activation(x)
        return features

    @torch.no_grad()
    def integer_weights(self) -> Tensor:
        """Return the binary weights, int8 of +1 and -1, (O, C, kh, kw)."""
        return arithmetic.signs(self.weights.latent).to(torch.int8)

    @torch.no_grad()
    def integer_convolution(self, signs: Tensor, weights: Tensor) -> Tensor:
        """Return the convolution's outputs, float32 whole numbers, for signs and weights of any dtype."""
        return arithmetic.layer_outputs(signs.float(), weights.float(), self.ring, self.shape, self.function)

"""The layers of a network: frozen, typed, without weights.

A layer's `height` and `width` are those of its input, `out_height`, `out_width` and `out_channels` what it puts out.
`multiply_adds` counts those in floating point for one image, `float_parameters` the numbers learned in floating point.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from dse.errors import UsageError
from dse.networks.repairs import Activation, Estimator, Normalisation
from dse.networks.shortcut import Shortcut
from kernels_asm import ConvShape


@dataclass(frozen=True, slots=True)
class FloatConv:
    """A convolution in floating point with square kernel and zero padding.

    Attributes:
        name: Weights are stored under it.
        height: Rows of the input.
        width: Columns of the input.
        channels_in: Channels of the input.
        channels_out: Channels of the output.
        kernel_size: Rows and columns of the window.
        stride: Pixels from one window to the next.
        padding: Pixels added on every side.
        groups: Into how many groups the channels fall; as many as there are channels in a depthwise convolution.
        batch_norm: Whether batch norm follows; without it, the convolution has a bias.
        relu: Whether a ReLU follows behind both.

    """

    name: str
    height: int
    width: int
    channels_in: int
    channels_out: int
    kernel_size: int = 3
    stride: int = 2
    padding: int = 1
    groups: int = 1
    batch_norm: bool = True
    relu: bool = False

    def __post_init__(self) -> None:
        if self.channels_in % self.groups or self.channels_out % self.groups:
            raise UsageError(
                f"layer {self.name}: {self.groups} groups do not divide {self.channels_in} and {self.channels_out} "
                "channels: give another number of groups"
            )
        _require_pixels(self.name, self.height, self.width, self.out_height, self.out_width)

    @property
    def out_height(self) -> int:
        """Rows of the output."""
        return _windows(self.height, self.kernel_size, self.stride, self.padding)

    @property
    def out_width(self) -> int:
        """Columns of the output."""
        return _windows(self.width, self.kernel_size, self.stride, self.padding)

    @property
    def out_channels(self) -> int:
        """Channels of the output."""
        return self.channels_out

    @property
    def multiply_adds(self) -> int:
        """Those of the convolution and, where there is one, the batch norm."""
        outputs = self.out_height * self.out_width * self.channels_out
        return outputs * (self._window + int(self.batch_norm))

    @property
    def float_parameters(self) -> int:
        """Weights, and two numbers a channel of batch norm, or a bias."""
        return self.channels_out * (self._window + (2 if self.batch_norm else 1))

    @property
    def _window(self) -> int:
        return self.channels_in // self.groups * self.kernel_size**2


class PoolKind(StrEnum):
    """What a pooling makes of a window."""

    MAX = "max"
    AVERAGE = "average"
    """The mean; padding does not count."""
    BLUR = "blur"
    """The binomial filter 1 2 1 by 1 2 1 over 16, padded with zeros: a window of 3 (Zhang, arXiv 1904.11486)."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Pooling with a square window, channel by channel."""

    name: str
    height: int
    width: int
    channels: int
    kind: PoolKind
    kernel_size: int = 2
    stride: int = 2
    padding: int = 0

    def __post_init__(self) -> None:
        if self.kind is PoolKind.BLUR and self.kernel_size != 3:
            raise UsageError(f"layer {self.name}: a blur pooling of {self.kernel_size} pixels: give 3")
        _require_pixels(self.name, self.height, self.width, self.out_height, self.out_width)

    @property
    def out_height(self) -> int:
        """Rows of the output."""
        return _windows(self.height, self.kernel_size, self.stride, self.padding)

    @property
    def out_width(self) -> int:
        """Columns of the output."""
        return _windows(self.width, self.kernel_size, self.stride, self.padding)

    @property
    def out_channels(self) -> int:
        """Channels of the output."""
        return self.channels

    @property
    def multiply_adds(self) -> int:
        """One for each pixel of a window, but none for a maximum."""
        if self.kind is PoolKind.MAX:
            return 0
        return self.out_height * self.out_width * self.channels * self.kernel_size**2

    @property
    def float_parameters(self) -> int:
        """None."""
        return 0


@dataclass(frozen=True, slots=True)
class Relu:
    """max(0, x), where it belongs to no other layer."""

    name: str
    height: int
    width: int
    channels: int

    @property
    def out_height(self) -> int:
        """Rows of the output."""
        return self.height

    @property
    def out_width(self) -> int:
        """Columns of the output."""
        return self.width

    @property
    def out_channels(self) -> int:
        """Channels of the output."""
        return self.channels

    @property
    def multiply_adds(self) -> int:
        """None."""
        return 0

    @property
    def float_parameters(self) -> int:
        """None."""
        return 0


@dataclass(frozen=True, slots=True)
class BinaryConv:
    """A binary convolution with what stands around it, in this order.

    =====================  =======================================================================================
    features in
    batch norm             if `normalisation` is BEFORE
    - threshold            if `learned_threshold`, one for each channel
    sign                   its gradient is `estimator`
    binary convolution     of `shape`, under the end value of the design's arithmetic: what a kernel computes
    maximum                of windows of `sums_pool` x `sums_pool` pixels, which do not overlap; a rest is left out
    x scale                if `weight_scale`, the mean magnitude of each output channel's latent weights
    ReLU                   if `sums_relu`
    batch norm             if `normalisation` is AFTER; else x 1 / sqrt(window), unless there is a weight scale
    + `shortcut`           if there is one
    `activation`
    =====================  =======================================================================================

    The maximum is taken of the sums, and not behind the batch norm, as that can turn them round.
    """

    name: str
    shape: ConvShape
    estimator: Estimator = Estimator.APPROX_SIGN
    learned_threshold: bool = False
    weight_scale: bool = False
    normalisation: Normalisation = Normalisation.AFTER
    activation: Activation = Activation.NONE
    shortcut: Shortcut | None = None
    sums_pool: int = 1
    sums_relu: bool = False

    def __post_init__(self) -> None:
        size = self.out_height, self.out_width
        _require_pixels(self.name, self.shape.out_height, self.shape.out_width, *size)
        if self.shortcut and (self.shortcut.out_height, self.shortcut.out_width) != size:
            raise UsageError(
                f"layer {self.name}: its shortcut puts out {self.shortcut.out_height}x{self.shortcut.out_width} "
                f"pixels, the layer {size[0]}x{size[1]}: give another pooling"
            )

    @property
    def out_height(self) -> int:
        """Rows of the block's output."""
        return self.shape.out_height // self.sums_pool

    @property
    def out_width(self) -> int:
        """Columns of the block's output."""
        return self.shape.out_width // self.sums_pool

    @property
    def out_channels(self) -> int:
        """Channels of the output."""
        return self.shape.channels_out

    @property
    def outputs(self) -> int:
        """Elements of the block's output."""
        return self.out_height * self.out_width * self.out_channels

    @property
    def weights(self) -> int:
        """Binary weights, a bit each."""
        return self.shape.channels_out * self.shape.window

    @property
    def multiply_adds(self) -> int:
        """Those of batch norm or constant factor, and of the shortcut's pooling and projection."""
        return self.outputs + (self.shortcut.multiply_adds if self.shortcut else 0)

    @property
    def float_parameters(self) -> int:
        """Those of batch norm, threshold, activation and shortcut; a weight scale is computed from the weights."""
        before = self.normalisation is Normalisation.BEFORE
        normalised = self.shape.channels_in if before else self.shape.channels_out
        thresholds = self.shape.channels_in if self.learned_threshold else 0
        activation = {Activation.PRELU: 1, Activation.RPRELU: 3}.get(self.activation, 0) * self.shape.channels_out
        shortcut = self.shortcut.float_parameters if self.shortcut else 0
        return 2 * normalised + thresholds + activation + shortcut


@dataclass(frozen=True, slots=True)
class Classifier:
    """ReLU or none, average pooling to a grid or none, and a linear layer, in floating point.

    Attributes:
        name: Weights are stored under it.
        channels: Channels of the input.
        classes: Outputs.
        grid: The input is average-pooled to so many pixels each way; None: every pixel is a feature. 2 rather than 1
            (global pooling) costs a few multiplications and wins two points of accuracy on Fashion-MNIST after a short
            training.
        relu: Whether there is a ReLU in front.
        pixels: Pixels of the input, rows times columns.

    """

    name: str
    channels: int
    classes: int
    grid: int | None = 2
    relu: bool = True
    pixels: int = 1

    @property
    def features(self) -> int:
        """Inputs of the linear layer."""
        return self.channels * (self.pixels if self.grid is None else self.grid**2)

    @property
    def out_height(self) -> int:
        """1."""
        return 1

    @property
    def out_width(self) -> int:
        """1."""
        return 1

    @property
    def out_channels(self) -> int:
        """The classes."""
        return self.classes

    @property
    def multiply_adds(self) -> int:
        """Those of the linear layer; pooling adds each pixel once."""
        return self.features * self.classes + (0 if self.grid is None else self.channels * self.pixels)

    @property
    def float_parameters(self) -> int:
        """Weights and biases."""
        return (self.features + 1) * self.classes


Layer: TypeAlias = FloatConv | Pool | Relu | BinaryConv | Classifier


def _windows(size: int, kernel_size: int, stride: int, padding: int) -> int:
    return math.floor((size + 2 * padding - kernel_size) / stride) + 1


def _require_pixels(name: str, height: int, width: int, out_height: int, out_width: int) -> None:
    if min(out_height, out_width) < 1:
        raise UsageError(f"layer {name}: nothing is left of its input of {height}x{width} pixels: give larger images")

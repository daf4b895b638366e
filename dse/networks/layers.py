"""The layers of a network: frozen, typed, without weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from kernels_asm import ConvShape


@dataclass(frozen=True, slots=True)
class FloatConv:
    """A convolution in floating point with square kernel and zero padding, followed by batch norm.

    `height` and `width` are those of its input.
    """

    name: str
    height: int
    width: int
    channels_in: int
    channels_out: int
    kernel_size: int = 3
    stride: int = 2
    padding: int = 1

    @property
    def out_height(self) -> int:
        """Rows of the output."""
        return (self.height + 2 * self.padding - self.kernel_size) // self.stride + 1

    @property
    def out_width(self) -> int:
        """Columns of the output."""
        return (self.width + 2 * self.padding - self.kernel_size) // self.stride + 1


@dataclass(frozen=True, slots=True)
class BinaryConv:
    """A residual binary block: sign, binary convolution of `shape`, batch norm, plus a shortcut around the three.

    The shortcut average-pools where the convolution strides, and repeats the channels where it widens (Bi-Real net,
    Liu et al., arXiv 1808.00278).
    """

    name: str
    shape: ConvShape


@dataclass(frozen=True, slots=True)
class Classifier:
    """ReLU, average pooling to `grid` x `grid` pixels and a linear layer, in floating point.

    `channels` are those of its input. A grid of 2 rather than 1 (global pooling) costs a few multiplications and wins
    two points of accuracy on Fashion-MNIST after a short training.
    """

    name: str
    channels: int
    classes: int
    grid: int = 2

    @property
    def features(self) -> int:
        """Inputs of the linear layer."""
        return self.channels * self.grid**2


Layer: TypeAlias = FloatConv | BinaryConv | Classifier

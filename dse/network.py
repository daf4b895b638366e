"""Descriptions of networks: frozen, typed, without weights; training and timing both start from one."""

from __future__ import annotations

import difflib
import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TypeAlias

from dse.errors import UsageError
from kernels_asm import ConvShape

DEFAULT_NETWORK = "tiny"


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


@dataclass(frozen=True)
class Network:
    """A network as a chain of layers, with the arguments of `build_network` that lead to it.

    Attributes:
        name: Name of the architecture.
        width_multiplier: Factor on its channel counts.
        input_shape: Channels, height and width of an image.
        classes: How many classes it tells apart.
        layers: In the order of execution.

    """

    name: str
    width_multiplier: float
    input_shape: tuple[int, int, int]
    classes: int
    layers: tuple[Layer, ...]

    @property
    def binary_layers(self) -> tuple[BinaryConv, ...]:
        """The binary convolutions, in the order of execution."""
        return tuple(layer for layer in self.layers if isinstance(layer, BinaryConv))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the layers and the input; names of layers count, as weights are stored under them."""
        layers = [[type(layer).__name__, asdict(layer)] for layer in self.layers]
        content = json.dumps([self.input_shape, self.classes, layers], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()


def network_names() -> tuple[str, ...]:
    """Return the names that `build_network` knows."""
    return tuple(_BUILDERS)


def build_network(
    name: str = DEFAULT_NETWORK,
    width_multiplier: float = 1.0,
    input_shape: tuple[int, int, int] = (1, 28, 28),
    classes: int = 10,
) -> Network:
    """Return the description of a network.

    Args:
        name: One of `network_names()`.
        width_multiplier: Factor on the channel counts, which are then rounded to multiples of 8; above 0, at most 16.
        input_shape: Channels, height and width of an image.
        classes: How many classes to tell apart, at least 2.

    Raises:
        UsageError: The name is unknown or a number is out of range.

    """
    if name not in _BUILDERS:
        near = difflib.get_close_matches(name, _BUILDERS, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}? " if near else ""
        raise UsageError(f"network {name!r} is unknown; {hint}known: {', '.join(network_names())}")
    if not (math.isfinite(width_multiplier) and 0 < width_multiplier <= 16):
        raise UsageError(f"width multiplier {width_multiplier}: give a number above 0, at most 16")
    if min(input_shape) < 1 or classes < 2:
        raise UsageError(f"input {input_shape} with {classes} classes: give sizes of at least 1 and at least 2 classes")
    layers = _BUILDERS[name](width_multiplier, input_shape, classes)
    return Network(name, width_multiplier, input_shape, classes, layers)


def _tiny(width_multiplier: float, input_shape: tuple[int, int, int], classes: int) -> tuple[Layer, ...]:
    """Four binary blocks of 32, 32, 64, 64 channels; the stem and the third block halve the resolution."""
    narrow = _scaled(32, width_multiplier)
    wide = 2 * narrow  # exactly twice, so that the shortcut can repeat whole feature maps
    channels, height, width = input_shape
    stem = FloatConv("stem", height, width, channels, narrow)
    layers: list[Layer] = [stem]
    height, width, channels = stem.out_height, stem.out_width, narrow
    for number, (channels_out, stride) in enumerate(((narrow, 1), (narrow, 1), (wide, 2), (wide, 1)), start=1):
        shape = ConvShape(height, width, channels, channels_out, stride=stride)
        layers.append(BinaryConv(f"block{number}", shape))
        height, width, channels = shape.out_height, shape.out_width, channels_out
    layers.append(Classifier("classifier", channels, classes))
    return tuple(layers)


def _scaled(channels: int, width_multiplier: float) -> int:
    return max(8, 8 * round(channels * width_multiplier / 8))


_BUILDERS: dict[str, Callable[[float, tuple[int, int, int], int], tuple[Layer, ...]]] = {DEFAULT_NETWORK: _tiny}

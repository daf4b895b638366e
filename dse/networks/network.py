"""A network as a chain of layers; training and timing both start from one."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property

from dse.networks.layers import BinaryConv, Layer


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

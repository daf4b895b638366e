"""A network as a chain of layers; training, timing and export all start from one."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property

from dse.networks.feature_maps import FeatureMaps
from dse.networks.layers import BinaryConv, Layer
from dse.networks.repairs import Repairs


@dataclass(frozen=True)
class Network:
    """A network as a chain of layers, with the arguments of `build_network` that lead to it.

    Attributes:
        name: Name of the architecture.
        width_multiplier: Factor on its channel counts.
        input_shape: Channels, height and width of an image.
        classes: How many classes it tells apart.
        repairs: Options of its binary blocks; the layers say which block has what of them.
        layers: In the order of execution.
        maps: In what the feature maps between binary layers are kept.
        depth_multiplier: Factor on the blocks of its stages.

    """

    name: str
    width_multiplier: float
    input_shape: tuple[int, int, int]
    classes: int
    repairs: Repairs
    layers: tuple[Layer, ...]
    maps: FeatureMaps = FeatureMaps.FLOAT32
    depth_multiplier: float = 1.0

    @property
    def binary_layers(self) -> tuple[BinaryConv, ...]:
        """The binary convolutions, in the order of execution."""
        return tuple(layer for layer in self.layers if isinstance(layer, BinaryConv))

    @property
    def binary_products(self) -> int:
        """Binary products of an image, those with padding included."""
        return sum(layer.shape.products for layer in self.binary_layers)

    @property
    def binary_weight_bytes(self) -> int:
        """Bytes of the binary weights at a bit each, without what a kernel's layout adds."""
        return -(-sum(layer.weights for layer in self.binary_layers) // 8)

    @property
    def float_multiply_adds(self) -> int:
        """Multiplications with addition in floating point for an image."""
        return sum(layer.multiply_adds for layer in self.layers)

    @property
    def float_parameters(self) -> int:
        """Numbers learned in floating point."""
        return sum(layer.float_parameters for layer in self.layers)

    @cached_property
    def signs_alone(self) -> frozenset[str]:
        """Names of the binary layers of whose outputs only the signs are read: no shortcut ends or begins there."""
        return frozenset(
            layer.name
            for layer, following in zip(self.layers, self.layers[1:], strict=False)
            if isinstance(layer, BinaryConv)
            and layer.shortcut is None
            and isinstance(following, BinaryConv)
            and (following.shortcut is None or following.shortcut.spans > 1)
        )

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the layers and the input; names of layers count, as weights are stored under them."""
        layers = [[type(layer).__name__, asdict(layer)] for layer in self.layers]
        others = [] if self.maps is FeatureMaps.FLOAT32 else [self.maps]  # records from before there were others last
        content = json.dumps([self.input_shape, self.classes, layers, *others], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()

"""`tiny`: four binary blocks, trained in seconds; our own, made for Fashion-MNIST."""

from __future__ import annotations

from dse.networks.chain import LayerChain
from dse.networks.layers import Layer
from dse.networks.repairs import Repairs
from dse.networks.scaling import scaled


def tiny(
    width_multiplier: float, input_shape: tuple[int, int, int], classes: int, repairs: Repairs
) -> tuple[Layer, ...]:
    """Four binary blocks of 32, 32, 64, 64 channels; the stem and the third block halve the resolution."""
    narrow = scaled(32, width_multiplier)
    wide = 2 * narrow  # exactly twice, so that the shortcut can repeat whole feature maps
    chain = LayerChain(input_shape, repairs)
    chain.float_conv("stem", narrow, 3, stride=2)
    chain.binary_pair("block1", "block2", narrow)
    chain.binary_pair("block3", "block4", wide, stride=2)
    chain.classifier("classifier", classes, grid=2, relu=True)
    return chain.layers

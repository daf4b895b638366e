"""`tiny`: four binary blocks, trained in seconds; our own, made for Fashion-MNIST."""

from __future__ import annotations

from dse.networks.chain import LayerChain
from dse.networks.layers import Layer
from dse.networks.repairs import Repairs
from dse.networks.scaling import scaled, scaled_blocks


def tiny(
    width_multiplier: float,
    depth_multiplier: float,
    input_shape: tuple[int, int, int],
    classes: int,
    repairs: Repairs,
) -> tuple[Layer, ...]:
    """Four binary blocks of 32, 32, 64, 64 channels; the stem and the third block halve the resolution.

    A depth multiplier of 2 makes them eight: pairs of 32 and as many of 64.
    """
    narrow = scaled(32, width_multiplier)
    wide = 2 * narrow  # exactly twice, so that the shortcut can repeat whole feature maps
    chain = LayerChain(input_shape, repairs)
    chain.float_conv("stem", narrow, 3, stride=2)
    pairs = scaled_blocks(1, depth_multiplier)
    for pair in range(2 * pairs):
        channels, stride = (narrow, 1) if pair < pairs else (wide, 2 if pair == pairs else 1)
        chain.binary_pair(f"block{2 * pair + 1}", f"block{2 * pair + 2}", channels, stride=stride)
    chain.classifier("classifier", classes, grid=2, relu=True)
    return chain.layers

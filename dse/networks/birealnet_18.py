"""`birealnet-18`: ResNet-18 made binary, with a shortcut around every convolution."""

from __future__ import annotations

from dse.networks.chain import LayerChain
from dse.networks.layers import Layer
from dse.networks.repairs import Repairs
from dse.networks.scaling import scaled, scaled_blocks
from dse.networks.stem import add_stem

STAGES = 4
BLOCKS = 2


def birealnet_18(
    width_multiplier: float,
    depth_multiplier: float,
    input_shape: tuple[int, int, int],
    classes: int,
    repairs: Repairs,
) -> tuple[Layer, ...]:
    """Four stages of two blocks of two convolutions of 3x3, with 64, 128, 256 and 512 channels.

    Of Liu et al. (arXiv 1808.00278): stem of 7x7 and maximum, channels, a shortcut around every convolution, and where
    it has to fit, 2x2 average pooling, a convolution of 1x1 in float and batch norm; global average pooling before the
    classifier. Ours: small images have a stem of 3x3 that keeps their resolution.
    """
    chain = LayerChain(input_shape, repairs)
    channels = scaled(64, width_multiplier)
    add_stem(chain, channels)
    chain.residual_stages(STAGES, scaled_blocks(BLOCKS, depth_multiplier), channels, projects=True)
    chain.classifier("classifier", classes, grid=1, relu=False)
    return chain.layers

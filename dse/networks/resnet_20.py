"""`resnet-20`: the narrow residual network for CIFAR."""

from __future__ import annotations

from dse.networks.chain import LayerChain
from dse.networks.layers import Layer
from dse.networks.repairs import Repairs
from dse.networks.scaling import scaled, scaled_blocks
from dse.networks.stem import add_stem

STAGES = 3
BLOCKS = 3


def resnet_20(
    width_multiplier: float,
    depth_multiplier: float,
    input_shape: tuple[int, int, int],
    classes: int,
    repairs: Repairs,
) -> tuple[Layer, ...]:
    """Three stages of three blocks of two convolutions of 3x3, with 16, 32 and 64 channels.

    Of He et al. (arXiv 1512.03385, section 4.2): stem, channels, number and order of the convolutions, half the
    resolution where channels double, shortcuts without weights, ReLU and global average pooling before the classifier.
    Ours: all but the stem is binary; where channels double, shortcuts average 2x2 pixels and repeat the channels,
    instead of leaving out pixels and adding channels of zeros; by default a shortcut goes around every convolution
    (residual=single: around every two, as in the paper); large images have the stem of larger networks.
    """
    chain = LayerChain(input_shape, repairs)
    channels = scaled(16, width_multiplier)
    add_stem(chain, channels)
    chain.residual_stages(STAGES, scaled_blocks(BLOCKS, depth_multiplier), channels)
    chain.classifier("classifier", classes, grid=1, relu=True)
    return chain.layers

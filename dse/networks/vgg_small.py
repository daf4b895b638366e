"""`vgg-small`: a plain chain without shortcuts, whose blocks can be folded into thresholds."""

from __future__ import annotations

from dse.errors import UsageError
from dse.networks.chain import LayerChain
from dse.networks.layers import Layer
from dse.networks.repairs import Repairs, Residual
from dse.networks.scaling import scaled
from dse.networks.stem import add_stem

REPAIRS = Repairs(residual=Residual.NONE)
"""What it has unless other repairs are asked for."""

GRID = 4
"""Rows and columns of the map that the classifier sees of an image of 32x32."""


def vgg_small(
    width_multiplier: float,
    depth_multiplier: float,
    input_shape: tuple[int, int, int],
    classes: int,
    repairs: Repairs,
) -> tuple[Layer, ...]:
    """Six convolutions of 128, 128, 256, 256, 512, 512 channels, the first in float, and one linear layer.

    Of the literature (the network that papers on binary networks for CIFAR-10 call VGG-small): channels, order, the
    maximum of 2x2 behind the second, fourth and sixth convolution, and that the classifier sees every pixel of the last
    map, 4x4 of 32x32. Ours: the stem of large images, of which the classifier sees averages over a grid of 4x4, and
    that no ReLU or hard tanh precedes the classifier.

    Raises UsageError if the repairs ask for shortcuts, or the depth for other than these convolutions.
    """
    if depth_multiplier != 1:
        raise UsageError(
            f"vgg-small is a chain of six unlike convolutions, so depth {depth_multiplier:g} means nothing: give 1"
        )
    if repairs.residual is not Residual.NONE:
        raise UsageError(
            f"vgg-small has no shortcuts, so residual={repairs.residual} means nothing: give residual=none"
        )
    chain = LayerChain(input_shape, repairs)
    narrow = scaled(128, width_multiplier)
    add_stem(chain, narrow)
    for number, (channels, pool) in enumerate(
        ((narrow, 2), (2 * narrow, 1), (2 * narrow, 2), (4 * narrow, 1), (4 * narrow, 2)), start=1
    ):
        chain.binary(f"conv{number}", channels, sums_pool=pool)
    every_pixel = max(chain.height, chain.width) <= GRID
    chain.classifier("classifier", classes, None if every_pixel else GRID, relu=False)
    return chain.layers

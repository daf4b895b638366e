"""The first layers of networks that are made for small images and for photographs."""

from __future__ import annotations

from dse.networks.chain import LayerChain
from dse.networks.layers import PoolKind

LARGE_IMAGE = 64
"""From so many rows or columns on, an image is brought down before the first binary layer."""


def is_large(chain: LayerChain) -> bool:
    """Whether the map behind the layers so far is of a large image."""
    return max(chain.height, chain.width) >= LARGE_IMAGE


def add_stem(chain: LayerChain, channels: int) -> None:
    """Add ResNet's stem (He et al., arXiv 1512.03385) to `channels`, with batch norm and no ReLU.

    Large images: 7x7 with stride 2, then a maximum of 3x3 with stride 2, so that a quarter of the rows and columns is
    left. Small ones: 3x3, and all of them stay.
    """
    if is_large(chain):
        chain.float_conv("stem", channels, 7, stride=2)
        chain.pool("stem_pool", PoolKind.MAX, 3, stride=2, padding=1)
    else:
        chain.float_conv("stem", channels, 3)

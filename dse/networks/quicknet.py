"""`quicknet-small`, `quicknet-medium` and `quicknet-large`: sections of residual binary blocks."""

from __future__ import annotations

from dataclasses import dataclass

from dse.networks.chain import LayerChain
from dse.networks.layers import Layer, PoolKind
from dse.networks.repairs import Normalisation, Repairs
from dse.networks.scaling import scaled, scaled_blocks
from dse.networks.stem import is_large

_FIRST_SHARE = 4
"""The stem's first convolution has a quarter of the channels of the first section."""


@dataclass(frozen=True, slots=True)
class QuickNet:
    """A builder of one size, after QuickNet (Bannink et al., arXiv 2011.09398).

    Of the paper and Larq's published models: binary convolutions and channels of each section; a block is sign, binary
    convolution of 3x3 padded with +1, ReLU, batch norm, and a shortcut around all; a transition is ReLU, maximum of
    2x2, blur pooling and a convolution of 1x1 with batch norm; the stem is a convolution of 3x3, ReLU, a depthwise one
    of 3x3 and one of 1x1, each with batch norm, and makes rows and columns a quarter; ReLU and global average pooling
    before the classifier. Ours: the stem keeps the resolution of small images; the batch norm behind the depthwise
    convolution has a learned factor and bias; residual=single puts a shortcut around every two convolutions; with
    normalisation=before a block has no ReLU, as no batch norm behind it would let features become smaller again.

    Attributes:
        convolutions: Binary convolutions of each section, even numbers.
        channels: Channels of each section.

    """

    convolutions: tuple[int, ...]
    channels: tuple[int, ...]

    def __call__(
        self,
        width_multiplier: float,
        depth_multiplier: float,
        input_shape: tuple[int, int, int],
        classes: int,
        repairs: Repairs,
    ) -> tuple[Layer, ...]:
        """Return the layers."""
        chain = LayerChain(input_shape, repairs)
        relu = repairs.normalisation is Normalisation.AFTER
        for section, (convolutions, published) in enumerate(
            zip(self.convolutions, self.channels, strict=True), start=1
        ):
            channels = scaled(published, width_multiplier)
            if section == 1:
                _add_stem(chain, channels)
            else:
                _add_transition(chain, f"transition{section - 1}", channels)
            for first in range(1, 2 * scaled_blocks(convolutions // 2, depth_multiplier), 2):
                name = f"section{section}_conv"
                chain.binary_pair(f"{name}{first}", f"{name}{first + 1}", channels, sums_relu=relu)
        chain.classifier("classifier", classes, grid=1, relu=True)
        return chain.layers


SMALL = QuickNet((4, 4, 4, 4), (32, 64, 256, 512))
MEDIUM = QuickNet((4, 4, 4, 4), (64, 128, 256, 512))
LARGE = QuickNet((6, 8, 12, 6), (64, 128, 256, 512))


def _add_stem(chain: LayerChain, channels: int) -> None:
    stride = 2 if is_large(chain) else 1
    first = channels // _FIRST_SHARE
    chain.float_conv("stem", first, 3, stride=stride, relu=True)
    chain.float_conv("stem_depthwise", first, 3, stride=stride, groups=first)
    chain.float_conv("stem_pointwise", channels, 1)


def _add_transition(chain: LayerChain, name: str, channels: int) -> None:
    chain.relu(f"{name}_relu")
    chain.pool(f"{name}_max", PoolKind.MAX, 2, stride=1)
    chain.pool(f"{name}_blur", PoolKind.BLUR, 3, stride=2, padding=1)
    chain.float_conv(f"{name}_conv", channels, 1)

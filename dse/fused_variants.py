"""Which output transforms a fused kernel can have behind a binary convolution with int8 maps."""

from __future__ import annotations

from kernels_asm.companions.channel_groups import PIXELS_AT_ONCE
from kernels_asm.packing import pixel_bytes
from kernels_asm.transforms import Int8BatchNorm, Int8Slabs, ThresholdBits, ThresholdSlabs, Transform

_SLAB_CHANNELS = {Int8Slabs: 32, ThresholdSlabs: 64}
"""Channels that a kernel takes at once."""


def fused_transforms(channels: int, *, adds: bool, to_bits: bool) -> tuple[Transform, ...]:
    """Return the transforms of a block's sums that compute the same, the one first that is usually the fastest.

    Args:
        channels: Output channels of the block.
        adds: Whether there is a shortcut.
        to_bits: Whether only signs come out.

    """
    slabs = ThresholdSlabs() if to_bits else Int8Slabs(shortcut=adds)
    is_filled = pixel_bytes(channels) * 8 == channels
    fitting = [slabs] if is_filled and channels % _SLAB_CHANNELS[type(slabs)] == 0 else []
    by_pixels = [
        ThresholdBits(pixels) if to_bits else Int8BatchNorm(pixels, shortcut=adds)
        for pixels in sorted(PIXELS_AT_ONCE, reverse=True)
    ]
    return (*fitting, *by_pixels)

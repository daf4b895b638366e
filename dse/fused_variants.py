"""Which fused kernel computes a binary block with int8 maps, where one does."""

from __future__ import annotations

from dse.design import Design
from kernels_asm import ConvShape, LoopOrder, Overflow, TreeTile
from kernels_asm.fused import FusedVariant
from kernels_asm.packing import pixel_bytes
from kernels_asm.transforms import Int8BatchNorm, Int8Slabs, ThresholdBits, ThresholdSlabs, Transform
from kernels_asm.variant_list import can_compute

_SLAB_CHANNELS = {Int8Slabs: 32, ThresholdSlabs: 64}
"""Channels that a kernel takes at once."""


def fused_variant(shape: ConvShape, design: Design, *, adds: bool, to_bits: bool) -> FusedVariant | None:
    """Return the fused variant of a block, or None where only separate kernels compute the design.

    Args:
        shape: Of its convolution.
        design: Gives accumulator, overflow policy, clip and tile.
        adds: Whether there is a shortcut.
        to_bits: Whether only signs come out.

    """
    tile = design.tile
    if not (isinstance(tile, TreeTile) and tile.order is LoopOrder.PIXELS):
        return None
    if design.overflow is not Overflow.EXACT or design.clip is not None:
        return None
    variant = FusedVariant(design.accumulator, _transform(shape.channels_out, adds=adds, to_bits=to_bits), tile)
    return variant if can_compute(variant, shape) else None


def _transform(channels: int, *, adds: bool, to_bits: bool) -> Transform:
    slabs = ThresholdSlabs() if to_bits else Int8Slabs(shortcut=adds)
    is_filled = pixel_bytes(channels) * 8 == channels
    if is_filled and channels % _SLAB_CHANNELS[type(slabs)] == 0:
        return slabs
    return ThresholdBits() if to_bits else Int8BatchNorm(shortcut=adds)

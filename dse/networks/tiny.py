"""`tiny`: four binary blocks, trained in seconds."""

from __future__ import annotations

from dse.networks.layers import BinaryConv, Classifier, FloatConv, Layer
from dse.networks.scaling import scaled
from kernels_asm import ConvShape


def tiny(width_multiplier: float, input_shape: tuple[int, int, int], classes: int) -> tuple[Layer, ...]:
    """Four binary blocks of 32, 32, 64, 64 channels; the stem and the third block halve the resolution."""
    narrow = scaled(32, width_multiplier)
    wide = 2 * narrow  # exactly twice, so that the shortcut can repeat whole feature maps
    channels, height, width = input_shape
    stem = FloatConv("stem", height, width, channels, narrow)
    layers: list[Layer] = [stem]
    height, width, channels = stem.out_height, stem.out_width, narrow
    for number, (channels_out, stride) in enumerate(((narrow, 1), (narrow, 1), (wide, 2), (wide, 1)), start=1):
        shape = ConvShape(height, width, channels, channels_out, stride=stride)
        layers.append(BinaryConv(f"block{number}", shape))
        height, width, channels = shape.out_height, shape.out_width, channels_out
    layers.append(Classifier("classifier", channels, classes))
    return tuple(layers)

"""How the reference kernels store pixels: in whole words of 64 channels, the least that their designs know."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kernels_asm.oracle import Signs
from kernels_asm.packing import pack_activations
from kernels_asm.shape import ConvShape

_LEAST_CHANNELS = 33
"""With so many the packing fills 64 bits."""


def stored_shape(shape: ConvShape) -> ConvShape:
    """Return the layer with the channels that are stored, those that are filled up included."""
    return replace(shape, channels_in=max(shape.channels_in, _LEAST_CHANNELS))


def fill_channels(signs: Signs) -> Signs:
    """Return +1/-1 of shape (..., channels) with the channels that are filled up, which are +1."""
    missing = max(_LEAST_CHANNELS - signs.shape[-1], 0)
    return np.pad(signs, [(0, 0)] * (signs.ndim - 1) + [(0, missing)], constant_values=1)


def pack_input(activations: Signs, shape: ConvShape) -> NDArray[np.uint8]:
    """Pack an input feature map of +1/-1, (height, width, channels in), with its padding.

    Raises InputError for zero padding.
    """
    shape.check_padding("a reference kernel")
    return pack_activations(fill_channels(activations), stored_shape(shape))

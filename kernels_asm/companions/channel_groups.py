"""What the kernels that put out sign bits share: groups of 16 channels, channel blocks, the fields that count them.

See asm/companions/channel_groups.inc, which walks the pixels of a map for each of them.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import kernels_asm
from kernels_asm.arguments import Field
from kernels_asm.companions.bit_map import BITS, PLACE_FIELDS, BitMap
from kernels_asm.errors import InputError
from kernels_asm.packing import channel_block, pixel_bytes

SOURCES = Path(kernels_asm.__file__).parent / "asm" / "companions"
"""Folder of the companions' assembly sources."""

GROUP = 16
"""Channels whose signs fill one vector register of bytes."""

OUTPUT_FIELDS = (
    BITS,
    *PLACE_FIELDS,
    Field("whole_blocks", "int64_t", "whole channel blocks of a pixel"),
    Field("last_channels", "int64_t", "channels modulo 16"),
    Field("channels", "int64_t", "channels of a pixel"),
    Field("pixel_bytes", "int64_t", "bytes of the bits of a pixel"),
)
"""The fields that each of these kernels has; the pointer comes first."""


PIXELS_AT_ONCE = (1, 2)
"""Neighbouring pixels that a batch norm takes at once.

Two share the loads of their channels' parameters. One goes through the maps in single file, which prefetchers follow
better where the maps are larger than L1 and pixels are long. Which is faster hangs on the core: time both.
"""


@dataclass(frozen=True, slots=True)
class Walk:
    """How a kernel goes through a map: `row_pixels` pixels of `channels` channels in each row."""

    channels: int
    row_pixels: int

    @classmethod
    def by_pixels(cls, bits: BitMap) -> "Walk":
        """Return the walk of a kernel with parameters for each channel."""
        return cls(bits.channels, bits.width)

    @classmethod
    def by_rows(cls, bits: BitMap) -> "Walk":
        """Return the walk of a kernel that treats all channels alike.

        A row whose pixels have no fill bits is one long pixel, which saves the steps from pixel to pixel.
        """
        row = bits.channels * bits.width
        if _is_filled(bits.channels) and _is_filled(row):
            return cls(row, 1)
        return cls.by_pixels(bits)

    def symbols(self) -> dict[str, int]:
        """Return the assembler symbols."""
        block = channel_block(self.channels)
        return {
            "BLOCK_BYTES": block // 8,
            "REST_GROUPS": self.channels % block // GROUP,
            "HAS_LAST": int(self.channels % GROUP > 0),
        }

    def argument_values(self, bits: BitMap) -> dict[str, int]:
        """Return the values of `OUTPUT_FIELDS`, pointers aside, for the map that is walked so."""
        return {
            **bits.place_values(),
            "row_pixels": self.row_pixels,
            "whole_blocks": self.channels // channel_block(self.channels),
            "last_channels": self.channels % GROUP,
            "channels": self.channels,
            "pixel_bytes": pixel_bytes(self.channels),
        }


def _is_filled(channels: int) -> bool:
    return pixel_bytes(channels) * 8 == channels


def pixels_symbols(pixels_at_once: int, input_skip: int = 0) -> dict[str, int]:
    """Return the assembler symbols of a kernel with parameters for each channel.

    `pixels_at_once`: see `PIXELS_AT_ONCE`, else InputError; `input_skip`: bytes of the input between the channels of a
    pixel and those of the next.
    """
    if pixels_at_once not in PIXELS_AT_ONCE:
        raise InputError(f"{pixels_at_once} pixels at once: give 1 or 2")
    return {"PIXELS_AT_ONCE": pixels_at_once, "INPUT_SKIP": input_skip}


def in_groups(per_channel: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return values of shape (channels,) as (groups, 16), filled with zeros."""
    missing = -per_channel.shape[0] % GROUP
    return np.pad(per_channel, (0, missing)).reshape(-1, GROUP)


def check_shape(what: str, array: NDArray[np.generic], expected: tuple[int, ...]) -> None:
    """Raise InputError unless the array, which messages call `what`, has the expected shape."""
    if array.shape != expected:
        raise InputError(f"{what} of shape {array.shape} where {expected} is needed: give that shape")

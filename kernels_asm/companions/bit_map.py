"""Packed feature maps with a border, as the next binary convolution or pooling reads them."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from kernels_asm.arguments import Field
from kernels_asm.errors import InputError
from kernels_asm.packing import pack_bits, pixel_bytes

PLACE_FIELDS = (
    Field("bits_start", "int64_t", "bytes from the start of the packed map to its first pixel inside the border"),
    Field("bits_row_skip", "int64_t", "bytes from the end of a row to the start of the next one, inside the border"),
    Field("rows", "int64_t", "rows, at least 1"),
    Field("row_pixels", "int64_t", "pixels in a row, at least 1"),
)
"""Fields that say where a kernel puts bits; the pointer is `bits`."""

BITS = Field("bits", "uint8_t *", "packed map of +1/-1 with its border, which is left as it is")


@dataclass(frozen=True, slots=True)
class BitMap:
    """A packed map of `height` x `width` pixels of `channels` bits, with `border` pixels on every side.

    A kernel writes the pixels inside the border and leaves the border alone: zero bits there are the +1 with which a
    convolution pads. Raises InputError if a size is less than 1 or the border less than 0.
    """

    height: int
    width: int
    channels: int
    border: int = 0

    def __post_init__(self) -> None:
        for field in fields(self):
            least = 0 if field.name == "border" else 1
            value = getattr(self, field.name)
            if value < least:
                raise InputError(f"packed map: {field.name} is {value}: give at least {least}")

    @classmethod
    def of(cls, feature_map: NDArray[np.generic], border: int = 0) -> "BitMap":
        """Return the packed map of the bits of a feature map; raises InputError if that has not three dimensions."""
        if feature_map.ndim != 3:
            raise InputError(f"a feature map of shape {feature_map.shape}: give (height, width, channels)")
        height, width, channels = feature_map.shape
        return cls(height, width, channels, border)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of the packed bytes: rows and columns with the border, bytes of a pixel."""
        around = 2 * self.border
        return (self.height + around, self.width + around, pixel_bytes(self.channels))

    @property
    def row_bytes(self) -> int:
        """Bytes of a row with its border."""
        return self.shape[1] * self.shape[2]

    @property
    def start(self) -> int:
        """Bytes from the start of the map to its first pixel inside the border."""
        return self.border * (self.row_bytes + self.shape[2])

    def place_values(self) -> dict[str, int]:
        """Return the values of `PLACE_FIELDS`."""
        return {
            "bits_start": self.start,
            "bits_row_skip": 2 * self.border * self.shape[2],
            "rows": self.height,
            "row_pixels": self.width,
        }

    def inside(self, packed: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the view of packed bytes of `shape` without the border."""
        last_row, last_column = self.border + self.height, self.border + self.width
        return packed[self.border : last_row, self.border : last_column]


def pack_signs(values: NDArray[np.number]) -> NDArray[np.uint8]:
    """Pack the sign bits of values of any real type, (..., channels), into bytes of shape (..., pixel bytes).

    A bit is 1 where the value is less than 0. So zeros of either sign and NaNs of either sign have bit 0, which is +1.
    """
    return pack_bits(np.where(values < 0, -1, 1))

"""What a tiling of the convolution kernel must tell: how it is built, called and fed. One subclass a kernel source."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from kernels_asm.arguments import ArgumentBlock
from kernels_asm.arithmetic import Arithmetic
from kernels_asm.errors import InputError
from kernels_asm.shape import ConvShape

VECTOR_REGISTERS = 32

DOT_PRODUCT = "dotprod"
"""The ISA extension of Armv8.2 that has UDOT."""

UDOT_SUFFIX = ".udot"
"""End of the name of a tile that uses it."""


class Tile(ABC):
    """Output channels times output pixels that a kernel computes at once, and how it goes about it.

    Subclasses are frozen dataclasses; `str` of a tile is its name, which `kernels_asm.tiles.parse_tile` reads back.
    Tiles are ordered by name.
    """

    source: ClassVar[str]
    """File in kernels_asm/asm."""

    arguments: ClassVar[ArgumentBlock]
    """Argument block of the kernel."""

    channels: int
    """Output channels of a tile; filters are padded to a multiple of it."""

    udot: bool
    """Whether bytes are added up by UDOT with ones, instead of two pairwise additions."""

    @property
    def feature(self) -> str | None:
        """The ISA extension that the kernel needs, by the name that core descriptions give it."""
        return DOT_PRODUCT if self.udot else None

    @abstractmethod
    def check_arithmetic(self, arithmetic: Arithmetic) -> None:
        """Raise InputError, with the reason, if this tile can compute no layer in that arithmetic."""

    @abstractmethod
    def registers(self, arithmetic: Arithmetic, shape: ConvShape) -> Mapping[str, int]:
        """Return how many vector registers the window loop uses for what, all together as "used".

        Raises InputError, with the reason, if this tile cannot compute the layer in that arithmetic.
        """

    @abstractmethod
    def parameters(self, arithmetic: Arithmetic, shape: ConvShape) -> dict[str, int]:
        """Return the assembler symbols that make the kernel for the layer; raises InputError as `registers`."""

    @abstractmethod
    def argument_values(self, shape: ConvShape, output_bytes: int) -> Mapping[str, int]:
        """Return every field of the argument block but the pointers, for output elements of that many bytes."""

    @abstractmethod
    def pack_weights(self, signs: NDArray[np.integer], shape: ConvShape) -> NDArray[np.uint8]:
        """Return filters of +1/-1, (channels out, kernel height, kernel width, channels in), as the kernel reads them.

        Raises InputError if the filters have another shape.
        """

    @abstractmethod
    def weight_bytes(self, shape: ConvShape) -> int:
        """Return the bytes of the packed filters."""

    @abstractmethod
    def instruction_budget(self, shape: ConvShape) -> int:
        """Return about twice the instructions that a correct kernel needs, so that a runaway one ends soon."""

    def __lt__(self, other: "Tile") -> bool:
        return str(self) < str(other)


def check_register_use(tile: Tile, needed: int, why: str = "") -> None:
    """Raise InputError if a tile needs more vector registers than there are."""
    if needed > VECTOR_REGISTERS:
        raise InputError(f"tile {tile} needs {needed} vector registers of {VECTOR_REGISTERS}{why}: give a smaller tile")


def check_udot(tile: Tile, arithmetic: Arithmetic) -> None:
    """Raise InputError if a tile would add by UDOT to anything but the 32-bit lanes that it has."""
    if tile.udot and arithmetic.accumulator != 32:
        raise InputError(f"tile {tile}: UDOT adds to lanes of 32 bits, not to those of a {arithmetic.accumulator}-bit "
                         "accumulator: give 32 bits, or the tile without .udot")  # fmt: skip

"""Tiles of the kernel that gives each output an accumulator of its own, asm/binary_conv.S."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from kernels_asm.arguments import ArgumentBlock
from kernels_asm.arithmetic import Arithmetic, Overflow
from kernels_asm.conv_arguments import BINARY_CONV, argument_values
from kernels_asm.errors import InputError
from kernels_asm.packing import channel_block, channel_blocks, filter_bytes, pack_weights
from kernels_asm.shape import ConvShape
from kernels_asm.tile import UDOT_SUFFIX, VECTOR_REGISTERS, Tile, check_register_use, check_udot

TILE_CHANNELS = (1, 2, 4, 8, 16)
"""Output channels of a tile: powers of two, so that the sums of a tile fill whole registers."""

TILE_PIXELS = range(1, 9)
"""Output pixels of a tile: each needs two general registers, of which there are enough for eight."""

LANE_STEPS = 31
"""Additions of at most 8 that a byte lane takes before it can exceed 255."""

OVERFLOW_CODES = {Overflow.EXACT: 0, Overflow.SATURATE: 1, Overflow.WRAP: 2, Overflow.RUNNING: 3}
"""Value of the assembler symbol OVERFLOW."""

LEAST_SPARE_REGISTERS = 3
"""One for weights and two for products, so that products can overlap."""

_MOST_GROUP_CHANNELS = 4


@dataclass(frozen=True, slots=True)
class LaneTile(Tile):
    """Channels times pixels whose accumulators stay in registers, one each; raises InputError if out of range."""

    source: ClassVar[str] = "binary_conv.S"
    arguments: ClassVar[ArgumentBlock] = BINARY_CONV

    channels: int
    pixels: int
    udot: bool = False

    def __post_init__(self) -> None:
        if self.channels not in TILE_CHANNELS:
            raise InputError(f"tile {self}: output channels must be one of {', '.join(map(str, TILE_CHANNELS))}")
        if self.pixels not in TILE_PIXELS:
            raise InputError(f"tile {self}: output pixels must be 1 to {TILE_PIXELS[-1]}")

    def __str__(self) -> str:
        return f"{self.channels}x{self.pixels}{UDOT_SUFFIX if self.udot else ''}"

    def check_arithmetic(self, arithmetic: Arithmetic) -> None:
        """See `Tile`."""
        check_udot(self, arithmetic)
        if arithmetic.overflow is Overflow.RUNNING:
            raise InputError(f"tile {self}: its lanes hold parts of a sum until the window ends, which cannot stop at "
                             f"a bound after each block as {arithmetic.overflow} sums do: give a tree")  # fmt: skip

    def widens(self, arithmetic: Arithmetic, shape: ConvShape) -> bool:
        """Return whether 8-bit lanes must be moved into 16-bit lanes during the window to stay exact."""
        exact_bytes = arithmetic.accumulator == 8 and arithmetic.overflow is Overflow.EXACT
        return exact_bytes and _steps(shape) > LANE_STEPS

    def plan(self, arithmetic: Arithmetic, shape: ConvShape) -> "LanePlan":
        """Return the register plan; raises InputError, with the reason, if the tile cannot compute the layer."""
        self.check_arithmetic(arithmetic)
        widened = self.widens(arithmetic, shape)
        accumulators = self.channels * self.pixels * (2 if widened else 1)
        operands = int(self.udot)
        spare = VECTOR_REGISTERS - accumulators - self.pixels - operands
        why = " (a window this long needs wide accumulators beside the 8-bit ones)" if widened else ""
        check_register_use(self, accumulators + self.pixels + operands + LEAST_SPARE_REGISTERS, why)
        group_channels = 1
        while (
            group_channels * 2 <= min(self.channels, _MOST_GROUP_CHANNELS)
            and group_channels * 2 * (1 + self.pixels) <= spare
        ):
            group_channels *= 2
        group_pixels = min(self.pixels, spare // group_channels - 1)
        return LanePlan(accumulators, self.pixels, group_channels, group_pixels, operands)

    def registers(self, arithmetic: Arithmetic, shape: ConvShape) -> Mapping[str, int]:
        """See `Tile`."""
        plan = self.plan(arithmetic, shape)
        return {
            "used": plan.used,
            "accumulators": plan.accumulators,
            "activations": plan.activations,
            "weights": plan.group_channels,
            "products": plan.group_channels * plan.group_pixels,
            "operands": plan.operands,
        }

    def parameters(self, arithmetic: Arithmetic, shape: ConvShape) -> dict[str, int]:
        """See `Tile`."""
        plan = self.plan(arithmetic, shape)
        return {
            "ACC_BITS": arithmetic.accumulator,
            "OVERFLOW": OVERFLOW_CODES[arithmetic.overflow],
            "UDOT": int(self.udot),
            "WIDEN": int(self.widens(arithmetic, shape)),
            "CLIP": arithmetic.clip or 0,
            "OUT_BITS": arithmetic.output.bits,
            "TILE_CHANNELS": self.channels,
            "TILE_PIXELS": self.pixels,
            "BLOCK_BYTES": channel_block(shape.channels_in) // 8,
            "GROUP_CHANNELS": plan.group_channels,
            "GROUP_PIXELS": plan.group_pixels,
        }

    def argument_values(self, shape: ConvShape, output_bytes: int) -> Mapping[str, int]:
        """See `Tile`."""
        return argument_values(shape, self.channels, output_bytes)

    def pack_weights(self, signs: NDArray[np.integer], shape: ConvShape) -> NDArray[np.uint8]:
        """See `Tile`."""
        return pack_weights(signs, shape, self.channels)

    def weight_bytes(self, shape: ConvShape) -> int:
        """See `Tile`."""
        return filter_bytes(shape, self.channels)

    def instruction_budget(self, shape: ConvShape) -> int:
        """See `Tile`."""
        outputs = self.channels * self.pixels
        step = 5 * outputs + 2 * (self.channels + self.pixels) + 16
        reduction = 16 * outputs + 32 * self.pixels + 64
        tiles = -(-shape.out_pixels // self.pixels) * -(-shape.channels_out // self.channels)
        return 2 * tiles * (_steps(shape) * step + shape.kernel_height * 8 + reduction) + 10_000


@dataclass(frozen=True, slots=True)
class LanePlan:
    """How the 32 vector registers are used: see the register map in asm/binary_conv.S."""

    accumulators: int
    activations: int
    group_channels: int
    group_pixels: int
    operands: int

    @property
    def used(self) -> int:
        """Registers in use at once inside the window loop."""
        return self.accumulators + self.activations + self.group_channels * (1 + self.group_pixels) + self.operands


def lane_tiles(udots: Iterable[bool] = (False,)) -> tuple[LaneTile, ...]:
    """Return every tile, of those with and without UDOT that are asked for, that some arithmetic and layer can use."""
    return tuple(
        LaneTile(channels, pixels, udot)
        for udot in udots
        for channels in TILE_CHANNELS
        for pixels in TILE_PIXELS
        if channels * pixels + pixels + udot + LEAST_SPARE_REGISTERS <= VECTOR_REGISTERS
    )


def _steps(shape: ConvShape) -> int:
    """Return the additions an accumulator lane takes: channel blocks in the window."""
    return shape.kernel_height * shape.kernel_width * channel_blocks(shape.channels_in)

"""Tiles of the kernel that adds the counts of many outputs in a tree, asm/binary_conv_tree.S."""

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from kernels_asm.arguments import ArgumentBlock
from kernels_asm.arithmetic import LARGEST_NARROW_WINDOW, Arithmetic, OutputType, Overflow
from kernels_asm.errors import InputError
from kernels_asm.lane_tile import OVERFLOW_CODES
from kernels_asm.packing import channel_block, channel_blocks, filter_bytes, pack_filters, pixel_bytes
from kernels_asm.shape import ConvShape
from kernels_asm.tile import UDOT_SUFFIX, VECTOR_REGISTERS, Tile, check_register_use, check_udot
from kernels_asm.tree_arguments import BINARY_CONV_TREE, tree_argument_values

CHANNELS = (4, 8, 16)
COLUMNS = (1, 2, 3)
ROWS = (1, 2)
UNROLLS = (1, 2, 3, 4, 6, 9, 12)
"""Steps in a row: one, and what the windows and channels of usual networks divide into."""
MOST_WEIGHTS = 16
"""Registers of weights: with more, none are left for accumulators of two pixels."""
LARGEST_CODE = 24 * 1024
"""Bytes of a window's unrolled steps, which stay in an L1 of instructions of 32 KiB; the timing models have none."""
LARGEST_PREFETCH = 16384
"""Bytes; what is fetched further ahead has left a small L1 before it is used."""

LARGEST_ODD_BLOCKS = 255
"""Half of them, rounded down, is added in a signed byte."""

_VECTOR_BYTES = 16
_QUAD = 4  # channels whose leaves are formed together
_FARTHEST_ALIGNED = 32760 - _VECTOR_BYTES  # reach of LDR of a doubleword
_FARTHEST_UNALIGNED = 255 - _VECTOR_BYTES  # reach of LDUR
_OUTPUT_REGISTERS = 9  # v0, v1 and v26 to v31 hold constants and what is under way, and pairs of registers need a spare
_NAME = re.compile(
    r"tree([0-9]{1,4})x([0-9]{1,4})r([0-9])c([0-9])\.(\w+)\.(\w+)(?:\.u([0-9]{1,2}))?(?:\.pf([0-9]{1,5}))?(\.udot)?"
)


class Schedule(StrEnum):
    """For which cores the instructions are ordered."""

    IN_ORDER = "io"
    OUT_OF_ORDER = "ooo"


class LoopOrder(StrEnum):
    """The outer one of the loops over tiles of pixels and tiles of channels."""

    PIXELS = "pixels"
    CHANNELS = "channels"


@dataclass(frozen=True, slots=True)
class TreeTile(Tile):
    """Channels times pixels whose sums share registers, eight or sixteen outputs each.

    Attributes:
        channels: Output channels.
        pixels: Output pixels along a row; a layer must have as many.
        rows: Output rows.
        columns: Columns of the window whose weights stay in registers together while activations slide past them.
        schedule: Order of instructions.
        order: Order of loops.
        prefetch: Bytes that weights are prefetched ahead; 0 for none.
        udot: See `Tile`.
        unroll: Steps of the window that may follow one another without a branch: see `steps_unrolled`.

    Raises InputError if a field is out of range.
    """

    source: ClassVar[str] = "binary_conv_tree.S"
    arguments: ClassVar[ArgumentBlock] = BINARY_CONV_TREE

    channels: int
    pixels: int
    rows: int = 1
    columns: int = 1
    schedule: Schedule = Schedule.OUT_OF_ORDER
    order: LoopOrder = LoopOrder.PIXELS
    prefetch: int = 0
    udot: bool = False
    unroll: int = 1

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("output channels", self.channels, CHANNELS),
            ("rows", self.rows, ROWS),
            ("columns", self.columns, COLUMNS),
            ("steps in a row", self.unroll, UNROLLS),
        ):
            if value not in allowed:
                raise InputError(f"tile {self}: {name} must be one of {', '.join(map(str, allowed))}")
        if self.channels * self.columns > MOST_WEIGHTS:
            raise InputError(
                f"tile {self}: more than {MOST_WEIGHTS} registers of weights: give fewer channels or columns"
            )
        if self.pixels < 1:
            raise InputError(f"tile {self}: give at least 1 output pixel")
        if not 0 <= self.prefetch <= LARGEST_PREFETCH or self.prefetch % 8:
            raise InputError(f"tile {self}: prefetch must be a multiple of 8 from 0 to {LARGEST_PREFETCH}")

    def __str__(self) -> str:
        steps = f".u{self.unroll}" if self.unroll > 1 else ""
        ahead = f".pf{self.prefetch}" if self.prefetch else ""
        size = f"tree{self.channels}x{self.pixels}r{self.rows}c{self.columns}"
        return f"{size}.{self.schedule}.{self.order}{steps}{ahead}{UDOT_SUFFIX if self.udot else ''}"

    @classmethod
    def parse(cls, text: str) -> "TreeTile":
        """Read what `str` writes; raises InputError for anything else."""
        found = _NAME.fullmatch(text)
        if found and found[5] in list(Schedule) and found[6] in list(LoopOrder):
            channels, pixels, rows, columns = map(int, found.group(1, 2, 3, 4))
            how = Schedule(found[5]), LoopOrder(found[6])
            steps, ahead = int(found[7] or 1), int(found[8] or 0)
            tile = cls(channels, pixels, rows, columns, *how, ahead, found[9] is not None, steps)
            if str(tile) == text:
                return tile
        raise InputError(f"tile {text!r}: write it such as {cls(4, 14, 1, 3)} or {cls(4, 7, 2, 3, prefetch=256)}")

    def check_arithmetic(self, arithmetic: Arithmetic) -> None:
        """See `Tile`."""
        check_udot(self, arithmetic)
        if arithmetic.overflow is Overflow.RUNNING and self.columns > 1:
            raise InputError(f"tile {self}: it adds {self.columns} blocks at once, but {arithmetic.overflow} sums stop "
                             "at a bound after each block: give 1 column")  # fmt: skip

    def vector_pixels(self, shape: ConvShape) -> int:
        """Return how many pixels lie side by side in a register: as many as fill it, if they divide the tile's."""
        fitting = _VECTOR_BYTES * 8 // channel_block(shape.channels_in)
        return fitting if self.pixels % fitting == 0 else 1

    def steps_unrolled(self, shape: ConvShape) -> int:
        """Return how many steps of the window follow one another without a branch: the most up to `unroll` that can.

        A step is a channel block of `columns` columns. So many are unrolled as divide the blocks of a pixel; or all of
        them, for so many times `columns` as divide a row of the window; or all of its row, for so many rows as divide
        the window. Code of more than `LARGEST_CODE` is not unrolled.
        """
        blocks, columns = channel_blocks(shape.channels_in), shape.kernel_width // self.columns
        row = blocks * columns
        possible = itertools.chain(
            _divisors(blocks),
            (blocks * divisor for divisor in _divisors(columns)),
            (row * divisor for divisor in _divisors(shape.kernel_height)),
        )
        allowed = (steps for steps in possible if steps <= self.unroll and self._fits_l1(steps, shape))
        return max(allowed, default=1)

    def unrolled(self, shape: ConvShape) -> Iterator["TreeTile"]:
        """Yield the tile with each number of steps but one that the layer allows."""
        for steps in UNROLLS[1:]:
            tile = replace(self, unroll=steps)
            if tile.steps_unrolled(shape) == steps:
                yield tile

    def _fits_l1(self, steps: int, shape: ConvShape) -> bool:
        return self.window_bytes(steps, shape) <= LARGEST_CODE

    def window_bytes(self, steps: int, shape: ConvShape) -> int:
        """Return an upper bound of the window's code, unless it is not unrolled: the first steps, then a loop."""
        vector_pixels = self.vector_pixels(shape)
        fresh = min(self.columns, vector_pixels * shape.stride)
        vector = self.channels // _QUAD * (12 * self.columns + 8) + fresh * (2 * vector_pixels + 1)
        vectors = self.rows * self.pixels // vector_pixels
        step = vectors * vector + 3 * self.columns * self.channels + 16
        all_steps = shape.kernel_height * shape.kernel_width // self.columns * channel_blocks(shape.channels_in)
        return 4 * step * steps * (2 if steps < all_steps else 1)

    def plan(self, arithmetic: Arithmetic, shape: ConvShape) -> "TreePlan":
        """Return the register plan; raises InputError, with the reason, if the tile cannot compute the layer."""
        self._check_layer(arithmetic, shape)
        vector_pixels = self.vector_pixels(shape)
        quads = self.rows * self.pixels // vector_pixels * self.channels // _QUAD
        bits = _lane_bits(arithmetic)
        leaves = _VECTOR_BYTES * 8 // bits // vector_pixels
        accumulators = -(-quads * _QUAD // leaves)
        fresh = min(self.columns, vector_pixels * shape.stride)
        activations = self._activations(shape, fresh)
        operands = int(self.udot or arithmetic.overflow is Overflow.RUNNING)
        fixed = 2 + accumulators + operands + self.columns * self.channels + activations + _QUAD
        terms = self._terms(VECTOR_REGISTERS - fixed)
        check_register_use(self, fixed + terms)
        in_bytes = arithmetic.overflow in (Overflow.WRAP, Overflow.RUNNING)
        stays_bytes = bits == 8 and in_bytes and arithmetic.output is OutputType.INT8
        outputs = -(-quads * _QUAD * vector_pixels // (16 if stays_bytes else 8))
        check_register_use(self, max(outputs, accumulators) + _OUTPUT_REGISTERS, " when it forms its outputs")
        return TreePlan(bits, accumulators, activations, terms, operands, fixed + terms)

    def registers(self, arithmetic: Arithmetic, shape: ConvShape) -> Mapping[str, int]:
        """See `Tile`."""
        plan = self.plan(arithmetic, shape)
        return {
            "used": plan.used,
            "accumulators": plan.accumulators,
            "activations": plan.activations,
            "weights": self.channels * self.columns,
            "products": _QUAD + plan.terms,
            "operands": plan.operands,
        }

    def _activations(self, shape: ConvShape, fresh: int) -> int:
        """Return the registers of the ring: see `AHEAD` in asm/tree_loads.inc."""
        vector_pixels = self.vector_pixels(shape)
        whole = channel_block(shape.channels_in) // 8 * vector_pixels == _VECTOR_BYTES
        if self.schedule is Schedule.OUT_OF_ORDER or not whole or (vector_pixels > 2 and shape.stride > 1):
            return self.columns
        ahead = self.columns - fresh + 1 + (fresh == self.columns)
        return ahead if self.channels == _QUAD else ahead + fresh

    def _terms(self, spare: int) -> int:
        """Return the registers for products: four swap with the leaves in order; else what is left."""
        if self.schedule is Schedule.IN_ORDER:
            return _QUAD
        if self.columns == 1:
            return 0
        return 4 if spare >= 4 else 2 if spare >= 2 else 1

    def _check_layer(self, arithmetic: Arithmetic, shape: ConvShape) -> None:
        self.check_arithmetic(arithmetic)
        arithmetic.check_window(shape.window)
        if shape.window > LARGEST_NARROW_WINDOW:
            raise InputError(f"tile {self}: a window of {shape.window} products exceeds {LARGEST_NARROW_WINDOW}, which "
                             "its 16-bit outputs can hold: give a lane tile")  # fmt: skip
        if shape.kernel_width % self.columns:
            raise InputError(f"tile {self}: {self.columns} columns do not divide a window {shape.kernel_width} wide: "
                             "give 1")  # fmt: skip
        if self.pixels > shape.out_width:
            raise InputError(f"tile {self}: {self.pixels} pixels exceed an output row of {shape.out_width}: give fewer")
        if self.rows > shape.out_height:
            raise InputError(f"tile {self}: {self.rows} rows exceed an output of {shape.out_height}: give 1")
        if _lane_bits(arithmetic) == 8 and arithmetic.overflow is Overflow.SATURATE:
            most = self.columns * channel_block(shape.channels_in)
            if most > 255:
                raise InputError(f"tile {self}: the {most} products of a step can overflow a byte before it saturates: "
                                 "give 1 column")  # fmt: skip
        running_bytes = arithmetic.overflow is Overflow.RUNNING and arithmetic.output is OutputType.INT8
        odd_blocks = _odd_blocks(shape)
        if running_bytes and odd_blocks > LARGEST_ODD_BLOCKS:
            raise InputError(f"tile {self}: a window of {odd_blocks} blocks with an odd number of channels exceeds "
                             f"the {LARGEST_ODD_BLOCKS} that int8 outputs can add: give output int16")  # fmt: skip
        self._check_reach(shape)

    def _check_reach(self, shape: ConvShape) -> None:
        """Raise InputError if the last vector of a row is beyond the reach of a load's offset."""
        pixel = pixel_bytes(shape.channels_in)
        farthest = ((self.pixels - 1) * shape.stride + self.columns - 1) * pixel + self._farthest_step(shape)
        reach = _FARTHEST_ALIGNED if pixel % _VECTOR_BYTES == 0 else _FARTHEST_UNALIGNED
        if farthest > reach:
            raise InputError(f"tile {self}: its pixels span {farthest} bytes of a row, more than {reach} that a load "
                             "can reach: give fewer pixels")  # fmt: skip

    def _farthest_step(self, shape: ConvShape) -> int:
        """Return the bytes from the first of the steps that are unrolled to the farthest one in the same row."""
        blocks = channel_blocks(shape.channels_in)
        block_bytes = channel_block(shape.channels_in) // 8
        steps = min(self.steps_unrolled(shape), blocks * shape.kernel_width // self.columns)
        last_column, last_block = (steps - 1) // blocks, min(steps, blocks) - 1
        return last_column * self.columns * blocks * block_bytes + last_block * block_bytes

    def parameters(self, arithmetic: Arithmetic, shape: ConvShape) -> dict[str, int]:
        """See `Tile`."""
        plan = self.plan(arithmetic, shape)
        narrow = plan.lane_bits == 8
        running = arithmetic.overflow is Overflow.RUNNING
        return {
            "ACC_BITS": plan.lane_bits,
            "UDOT": int(self.udot),
            "OVERFLOW": OVERFLOW_CODES[arithmetic.overflow] if narrow else OVERFLOW_CODES[Overflow.EXACT],
            "CLIP": arithmetic.clip or 0,
            "OUT_BITS": arithmetic.output.bits,
            "TILE_CHANNELS": self.channels,
            "TILE_VECTORS": self.pixels // self.vector_pixels(shape),
            "TILE_ROWS": self.rows,
            "COLUMNS": self.columns,
            "IN_ORDER": int(self.schedule is Schedule.IN_ORDER),
            "LOOP_ORDER": int(self.order is LoopOrder.CHANNELS),
            "UNROLLED": int(self.unroll > 1),
            "UNROLL": self.steps_unrolled(shape),
            "PREFETCH": self.prefetch,
            "KERNEL_ROWS": shape.kernel_height,
            "KERNEL_COLUMNS": shape.kernel_width,
            "STRIDE": shape.stride,
            "BLOCKS": channel_blocks(shape.channels_in),
            "BLOCK_BYTES": channel_block(shape.channels_in) // 8,
            "VECTOR_PIXELS": self.vector_pixels(shape),
            "WINDOW_ODD": shape.window % 2,
            # 0 where sums do not run, so that layers which differ in nothing else share a kernel
            "ODD_BLOCKS": _odd_blocks(shape) if running else 0,
            "LAST_CHANNELS": (shape.channels_in - 1) % channel_block(shape.channels_in) + 1 if running else 0,
            "ACTIVATIONS": plan.activations,
            "TERMS": plan.terms,
            "FUSED": 0,
        }

    def argument_values(self, shape: ConvShape, output_bytes: int) -> Mapping[str, int]:
        """See `Tile`."""
        return tree_argument_values(shape, self.channels, self.pixels, output_bytes)

    def pack_weights(self, signs: NDArray[np.integer], shape: ConvShape) -> NDArray[np.uint8]:
        """Return bytes (channel tiles, kernel height, columns / `columns`, blocks, quads, `columns`, 4, weight bytes).

        A block is repeated for every pixel of a vector, but for in-order cores, where loads repeat it. See `Tile`.
        """
        filters = pack_filters(signs, shape, self.channels)
        tiles = filters.reshape(
            -1,
            self.channels // _QUAD,
            _QUAD,
            shape.kernel_height,
            shape.kernel_width // self.columns,
            self.columns,
            channel_blocks(shape.channels_in),
            channel_block(shape.channels_in) // 8,
        ).transpose(0, 3, 4, 6, 1, 5, 2, 7)
        return np.ascontiguousarray(np.tile(tiles, self._copies(shape)))

    def _copies(self, shape: ConvShape) -> int:
        """Return how often a block of weights lies in memory."""
        return 1 if self.schedule is Schedule.IN_ORDER else self.vector_pixels(shape)

    def weight_bytes(self, shape: ConvShape) -> int:
        """See `Tile`."""
        return self._copies(shape) * filter_bytes(shape, self.channels)

    def instruction_budget(self, shape: ConvShape) -> int:
        """See `Tile`."""
        vectors = self.rows * self.pixels // self.vector_pixels(shape)
        step = vectors * self.columns * (6 * self.channels + 8) + 4 * self.columns * self.channels + 64
        steps = shape.kernel_height * shape.kernel_width // self.columns * channel_blocks(shape.channels_in)
        output = 4 * self.rows * self.pixels * self.channels + 128
        tiles = shape.out_height * -(-shape.out_width // self.pixels) * -(-shape.channels_out // self.channels)
        return 2 * tiles * (steps * step + output) + 10_000


@dataclass(frozen=True, slots=True)
class TreePlan:
    """How the 32 vector registers are used: see the register map in asm/binary_conv_tree.S.

    Attributes:
        lane_bits: Width of a sum; exact 8-bit sums are bytes in the tree, widened to 16 bits at each step.
        accumulators: Registers of sums.
        activations: Registers of the ring of activations.
        terms: Registers for products beside the leaves.
        operands: Registers of constants that sums are formed with.
        used: Registers in use at once inside the window loop.
    """

    lane_bits: int
    accumulators: int
    activations: int
    terms: int
    operands: int
    used: int


def _lane_bits(arithmetic: Arithmetic) -> int:
    exact_bytes = arithmetic.accumulator == 8 and arithmetic.overflow is Overflow.EXACT
    return 16 if exact_bytes else arithmetic.accumulator


def _divisors(number: int) -> list[int]:
    return [divisor for divisor in range(1, number + 1) if number % divisor == 0]


def _odd_blocks(shape: ConvShape) -> int:
    """Return how many blocks of the window have an odd number of channels: the last one of each pixel, or none."""
    return shape.kernel_height * shape.kernel_width * (shape.channels_in % 2)


def tree_tiles(
    channels: tuple[int, ...] = CHANNELS,
    pixels: Iterable[int] = range(1, 33),
    rows: tuple[int, ...] = ROWS,
    columns: tuple[int, ...] = COLUMNS,
    schedules: tuple[Schedule, ...] = tuple(Schedule),
    orders: tuple[LoopOrder, ...] = tuple(LoopOrder),
    udots: Iterable[bool] = (False,),
    unrolls: Iterable[int] = (1,),
) -> Iterator[TreeTile]:
    """Yield every legal combination of the values, without prefetch."""
    for udot, schedule, order, count, row, column, unroll, pixel in itertools.product(
        udots, schedules, orders, channels, rows, columns, unrolls, pixels
    ):
        if count * column <= MOST_WEIGHTS:
            yield TreeTile(count, pixel, row, column, schedule, order, udot=udot, unroll=unroll)

from dataclasses import replace

import numpy as np
import pytest

from isa_models import Image
from kernels_asm import (
    Arithmetic,
    ConvShape,
    InputError,
    KernelVariant,
    OutputType,
    Overflow,
    Schedule,
    TreeTile,
    legal_tiles,
)
from kernels_asm.assembler import assemble_variant
from kernels_asm.tile import VECTOR_REGISTERS
from kernels_asm.tree_tile import tree_tiles

SHAPE = ConvShape(14, 14, 256, 8)
RUNNING = Arithmetic(8, Overflow.RUNNING, 31, OutputType.INT8)
BYTES = Arithmetic(8, Overflow.SATURATE, 31, OutputType.INT8)


def test_every_legal_tile_fits_the_register_file_and_some_fill_it() -> None:
    arithmetic = Arithmetic(16)
    used = [tile.registers(arithmetic, SHAPE)["used"] for tile in legal_tiles(arithmetic, SHAPE, tree_tiles())]
    assert max(used) == VECTOR_REGISTERS


def test_narrow_sums_leave_registers_for_more_pixels() -> None:
    def most_pixels(arithmetic: Arithmetic) -> int:
        tiles = legal_tiles(arithmetic, ConvShape(28, 28, 128, 8, 1, 1, 1, 0), tree_tiles(channels=(8,)))
        return max(tile.pixels for tile in tiles if isinstance(tile, TreeTile))

    assert most_pixels(Arithmetic(32)) < most_pixels(Arithmetic(16)) < most_pixels(BYTES)


def test_pixels_share_a_register_where_they_fill_it() -> None:
    assert TreeTile(4, 12).vector_pixels(ConvShape(14, 14, 32, 8)) == 4
    assert TreeTile(4, 14).vector_pixels(ConvShape(14, 14, 32, 8)) == 1
    assert TreeTile(4, 14).vector_pixels(ConvShape(14, 14, 64, 8)) == 2
    assert TreeTile(4, 14).vector_pixels(ConvShape(14, 14, 65, 8)) == 1


def test_weights_are_repeated_for_each_pixel_of_a_vector_unless_loads_repeat_them() -> None:
    shape = ConvShape(14, 14, 64, 5)
    filters = np.random.default_rng(1).choice(np.array([-1, 1]), (5, 3, 3, 64))
    packed = TreeTile(4, 14, 1, 3).pack_weights(filters, shape)
    assert packed.shape == (2, 3, 1, 1, 1, 3, 4, 16)
    assert np.array_equal(packed[..., :8], packed[..., 8:])
    assert np.array_equal(packed[0, 2, 0, 0, 0, 1, 3, :8], np.packbits(filters[3, 2, 1] < 0, bitorder="little"))
    assert not packed[1, :, :, :, :, :, 1:].any()
    in_order = TreeTile(4, 14, 1, 3, Schedule.IN_ORDER).pack_weights(filters, shape)
    assert np.array_equal(in_order, packed[..., :8])


def test_sizes_of_weights_are_those_of_the_packed_arrays() -> None:
    for shape in (SHAPE, ConvShape(14, 14, 64, 5)):
        filters = np.ones((shape.channels_out, 3, 3, shape.channels_in), np.int8)
        for tile in (TreeTile(8, 14), TreeTile(4, 14, 1, 3, Schedule.IN_ORDER)):
            assert tile.weight_bytes(shape) == tile.pack_weights(filters, shape).nbytes


@pytest.mark.parametrize(
    ("tile", "shape", "arithmetic", "reason"),
    [
        (TreeTile(4, 15), SHAPE, BYTES, "15 pixels exceed an output row of 14"),
        (TreeTile(4, 2, rows=2), ConvShape(1, 14, 8, 8), BYTES, "2 rows exceed an output of 1"),
        (TreeTile(4, 2, columns=2), SHAPE, BYTES, "2 columns do not divide a window 3 wide"),
        (TreeTile(4, 2, columns=3), SHAPE, BYTES, "384 products of a step can overflow a byte"),
        (TreeTile(4, 2, columns=3), SHAPE, RUNNING, "adds 3 blocks at once, but running sums stop .* give 1 column"),
        (
            TreeTile(4, 2),
            ConvShape(16, 17, 3, 8, 16, 16),
            RUNNING,
            "256 blocks with an odd number .* give output int16",
        ),
        (TreeTile(16, 14), SHAPE, Arithmetic(16), "vector registers of 32"),
        (TreeTile(4, 2), ConvShape(3, 3, 4096, 8), Arithmetic(16), "36864 products exceeds 32767"),
        (TreeTile(4, 32), ConvShape(3, 70, 64, 8, stride=2), Arithmetic(16), "more than 239 that a load can reach"),
        (TreeTile(4, 29, unroll=3), ConvShape(3, 29, 64, 8), Arithmetic(16), "span 240 bytes .* more than 239"),
    ],
)
def test_what_cannot_be_computed_is_refused_with_the_reason(
    tile: TreeTile, shape: ConvShape, arithmetic: Arithmetic, reason: str
) -> None:
    with pytest.raises(InputError, match=reason) as raised:
        tile.registers(arithmetic, shape)
    assert str(raised.value).startswith(f"tile {tile}")


@pytest.mark.parametrize(
    "fields",
    [
        {"channels": 6},
        {"pixels": 0},
        {"rows": 3},
        {"columns": 4},
        {"channels": 8, "columns": 3},
        {"unroll": 0},
        {"unroll": 5},
        {"prefetch": 100},
        {"prefetch": 1 << 20},
    ],
    ids=str,
)
def test_a_field_out_of_range_is_refused(fields: dict[str, int]) -> None:
    with pytest.raises(InputError, match="tile tree"):
        TreeTile(**{"channels": 4, "pixels": 4, **fields})


@pytest.mark.parametrize(
    ("columns", "window", "channels_in", "steps"),
    [
        (3, (3, 3), 128, {1: 1, 2: 1, 3: 3, 12: 3}),  # rows of one step
        (3, (3, 3), 256, {2: 2, 3: 2, 4: 2, 6: 6}),  # two blocks, or three rows of them
        (3, (3, 3), 640, {2: 1, 4: 1, 6: 5}),  # five blocks
        (1, (3, 3), 256, {2: 2, 3: 2, 4: 2, 6: 6, 12: 6}),  # blocks, then columns of a row
        (1, (4, 4), 64, {2: 2, 3: 2, 4: 4, 6: 4, 9: 8, 12: 8}),  # columns, then rows
        (1, (1, 1), 64, {12: 1}),
    ],
)
def test_so_many_steps_are_unrolled_as_divide_blocks_columns_or_rows(
    columns: int, window: tuple[int, int], channels_in: int, steps: dict[int, int]
) -> None:
    shape = ConvShape(8, 8, channels_in, 8, *window)
    for asked, unrolled in steps.items():
        tile = TreeTile(4, 4, 1, columns, unroll=asked)
        assert tile.steps_unrolled(shape) == tile.parameters(Arithmetic(16), shape)["UNROLL"] == unrolled


def test_a_tile_is_unrolled_once_for_each_number_of_steps_that_the_layer_allows() -> None:
    tile = TreeTile(4, 14, 1, 3)
    for channels_in, allowed in ((128, [3]), (256, [2, 6]), (512, [2, 4])):  # 12 steps are too much code
        unrolled = list(tile.unrolled(ConvShape(14, 14, channels_in, 8)))
        assert [each.unroll for each in unrolled] == allowed
        assert all(replace(each, unroll=1) == tile for each in unrolled)


@pytest.mark.parametrize("schedule", Schedule)
def test_the_code_of_a_window_is_as_large_as_is_said_or_smaller(schedule: Schedule) -> None:
    """Unrolled steps are what makes a kernel large: the rest has less than 4 KiB."""
    for channels_in, sizes in ((128, (4, 14, 1, 3)), (256, (8, 7, 1, 1)), (64, (4, 14, 1, 3)), (32, (4, 4, 1, 3))):
        shape = ConvShape(14, 14, channels_in, 8)
        for tile in TreeTile(*sizes, schedule).unrolled(shape):
            image = Image.from_elf(assemble_variant(KernelVariant(Arithmetic(16), tile), shape).elf)
            size = 4 * len(image.program.instructions)
            assert tile.window_bytes(tile.unroll, shape) / 2 < size < tile.window_bytes(tile.unroll, shape) + 4096


def test_exact_bytes_are_the_kernel_of_16_bits() -> None:
    tile = TreeTile(4, 14, 1, 3, Schedule.IN_ORDER)
    assert tile.parameters(Arithmetic(8), SHAPE) == tile.parameters(Arithmetic(16), SHAPE)

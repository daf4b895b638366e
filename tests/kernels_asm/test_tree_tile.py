import numpy as np
import pytest

from kernels_asm import Arithmetic, ConvShape, InputError, OutputType, Overflow, Schedule, TreeTile, legal_tiles
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
        {"prefetch": 100},
        {"prefetch": 1 << 20},
    ],
    ids=str,
)
def test_a_field_out_of_range_is_refused(fields: dict[str, int]) -> None:
    with pytest.raises(InputError, match="tile tree"):
        TreeTile(**{"channels": 4, "pixels": 4, **fields})


def test_exact_bytes_are_the_kernel_of_16_bits() -> None:
    tile = TreeTile(4, 14, 1, 3, Schedule.IN_ORDER)
    assert tile.parameters(Arithmetic(8), SHAPE) == tile.parameters(Arithmetic(16), SHAPE)

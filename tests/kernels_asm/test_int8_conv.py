import numpy as np
import pytest

from kernels_asm import ConvShape, InputError
from kernels_asm.int8_conv import (
    LARGEST_WINDOW,
    Int8Path,
    Int8Tile,
    Int8Variant,
    argument_values,
    int8_conv,
    pack_int8_activations,
    pack_int8_weights,
    shift_to_int8,
)

SMULL = Int8Variant(Int8Path.SMULL, Int8Tile(4, 4))
SDOT = Int8Variant(Int8Path.SDOT, Int8Tile(8, 2))


def test_input_is_stored_with_padding_and_whole_blocks_of_zeros() -> None:
    packed = pack_int8_activations(np.full((2, 3, 17), -5), ConvShape(2, 3, 17, 1, padding=2))
    assert packed.dtype == np.int8
    assert packed.shape == (6, 7, 32)
    assert (packed[2:4, 2:5, :17] == -5).all()
    assert packed.sum() == -5 * 2 * 3 * 17


def test_weights_are_stored_in_the_order_in_which_each_path_reads_them() -> None:
    shape = ConvShape(3, 3, 20, 10)
    weights = np.random.default_rng(0).integers(-127, 128, (10, 3, 3, 20))
    smull = pack_int8_weights(weights, shape, SMULL)
    assert smull.shape == (3, 3, 3, 2, 4, 16)
    assert smull[1, 2, 0, 1, 3].tolist() == [*weights[7, 2, 0, 16:20].tolist(), *[0] * 12]
    assert not smull[2, :, :, :, 2:].any()
    sdot = pack_int8_weights(weights, shape, SDOT)
    assert sdot.shape == (2, 3, 3, 2, 4, 8, 4)
    assert sdot[0, 2, 1, 0, 3, 6].tolist() == weights[6, 2, 1, 12:16].tolist()
    assert sdot[1, 2, 1, 1, 0, 1].tolist() == weights[9, 2, 1, 16:20].tolist()
    assert not sdot[1, :, :, :, :, 2:].any()


@pytest.mark.parametrize(("variant", "pitch"), [(SMULL, 48), (SDOT, 64), (Int8Variant(SDOT.path, SDOT.tile, 3), 16)])
def test_steps_through_a_strided_layer_end_on_its_last_window(variant: Int8Variant, pitch: int) -> None:
    shape = ConvShape(9, 7, 17, 12, stride=2)
    values = argument_values(shape, variant)
    offset = 0
    for _ in range(shape.out_height - 1):
        offset += values["pixel_step"] * shape.out_width + values["line_skip"]
    offset += values["pixel_step"] * (shape.out_width - 1)
    assert offset == ((shape.out_height - 1) * 2 * shape.padded_width + (shape.out_width - 1) * 2) * 32
    assert values["channel_tiles"] == -(-12 // variant.tile.channels)
    assert values["out_pitch"] == pitch


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((Int8Path.SMULL, Int8Tile(4, 7)), "tile 4x7 needs 37 vector registers of 32 with path smull"),
        ((Int8Path.SDOT, Int8Tile(16, 6)), "tile 16x6 needs 34 vector registers of 32 with path sdot"),
        ((Int8Path.SDOT, Int8Tile(4, 4), 32), "shift is 32: give 0 to 31, or None"),
        ((Int8Path.SDOT, Int8Tile(4, 4), -1), "shift is -1"),
    ],
)
def test_illegal_variants_are_refused_with_the_reason(arguments: tuple, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Int8Variant(*arguments)


@pytest.mark.parametrize("value", [-128, 128])
def test_weights_that_two_products_of_which_could_overflow_are_refused(value: int) -> None:
    with pytest.raises(InputError, match=rf"weight {value} is outside \[-127, 127\]"):
        pack_int8_weights(np.full((1, 1, 1, 1), value), ConvShape(1, 1, 1, 1, 1, 1, 1, 0), SMULL)


def test_activations_beyond_8_bits_and_wrong_shapes_are_refused() -> None:
    shape = ConvShape(1, 1, 2, 1, 1, 1, 1, 0)
    with pytest.raises(InputError, match=r"activation 128 is outside \[-128, 127\]"):
        pack_int8_activations(np.full((1, 1, 2), 128), shape)
    with pytest.raises(InputError, match=r"activations of shape \(1, 1, 3\) for a layer that takes \(1, 1, 2\)"):
        pack_int8_activations(np.zeros((1, 1, 3), int), shape)
    with pytest.raises(InputError, match=r"weights of shape \(2, 1, 1, 2\) for a layer that takes \(1, 1, 1, 2\)"):
        pack_int8_weights(np.zeros((2, 1, 1, 2), int), shape, SMULL)


def test_a_window_whose_sum_could_leave_int32_is_refused() -> None:
    assert LARGEST_WINDOW * 128 * 127 < 2**31 <= (LARGEST_WINDOW + 1) * 128 * 127
    argument_values(ConvShape(1, 1, LARGEST_WINDOW, 1, 1, 1, 1, 0), SMULL)
    with pytest.raises(InputError, match="int8_conv adds in int32"):
        argument_values(ConvShape(1, 1, LARGEST_WINDOW + 1, 1, 1, 1, 1, 0), SMULL)


def test_padding_is_zero_in_the_oracle() -> None:
    output = int8_conv(np.full((1, 1, 3), 7), np.full((1, 3, 3, 3), -2), ConvShape(1, 1, 3, 1), None)
    assert output.dtype == np.int32
    assert output.tolist() == [[[3 * 7 * -2]]]


def test_the_shift_rounds_halves_up_and_saturates() -> None:
    sums = np.array([-7, -6, -5, -2, -1, 0, 1, 2, 5, 6, 7, 509, 510, -514, -515, 2**31 - 1])
    assert shift_to_int8(sums, 2).tolist() == [-2, -1, -1, 0, 0, 0, 0, 1, 1, 2, 2, 127, 127, -128, -128, 127]
    assert shift_to_int8(sums[:4], 0).tolist() == [-7, -6, -5, -2]
    assert shift_to_int8(np.array([2**30 - 1, 2**30, -(2**30), -(2**30) - 1]), 31).tolist() == [0, 1, 0, -1]


def test_every_path_names_the_extension_that_it_needs() -> None:
    assert Int8Path.SMULL.feature is None
    assert Int8Path.SDOT.feature == "dotprod"
    assert str(Int8Variant(Int8Path.SDOT, Int8Tile(8, 8), 9)) == "int8_conv-sdot-int8-shift9-8x8"


@pytest.mark.parametrize(("channels", "pixels"), [(2, 2), (32, 1), (4, 0), (4, 9)])
def test_a_tile_out_of_range_is_refused(channels: int, pixels: int) -> None:
    with pytest.raises(InputError, match=f"tile {channels}x{pixels}: output"):
        Int8Tile(channels, pixels)

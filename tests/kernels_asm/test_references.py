import numpy as np
import pytest

from kernels_asm import ConvShape, InputError
from kernels_asm.packing import pack_activations, pack_bits
from kernels_asm.references import indirect_16bit, one_channel_direct


def test_the_list_of_addresses_finds_the_pixels_of_every_window() -> None:
    shape = ConvShape(5, 4, 70, 1, kernel_height=2, kernel_width=3, stride=2, padding=1)
    signs = np.random.default_rng(0).choice([-1, 1], (5, 4, 70))
    packed = pack_activations(signs, shape)
    offsets = indirect_16bit.input_offsets(shape)
    assert (shape.out_height, shape.out_width) == (3, 2)
    assert offsets.shape == (2, 6, 4)
    for pixel in range(6):
        row, column = divmod(pixel, 2)
        for position in range(6):
            down, right = divmod(position, 3)
            first = offsets[pixel // 4, position, pixel % 4]
            expected = packed[2 * row + down, 2 * column + right]
            assert np.array_equal(packed.reshape(-1)[first : first + 16], expected)
    assert np.array_equal(offsets[1, :, 2], offsets[1, :, 1])  # the tile's rest repeats the last pixel
    assert np.array_equal(offsets[1, :, 3], offsets[1, :, 1])


def test_scales_are_eight_multipliers_and_eight_biases_a_tile() -> None:
    multipliers, biases = np.arange(1, 11, dtype=np.float32), -np.arange(1, 11, dtype=np.float32)
    packed = indirect_16bit.pack_scales(multipliers, biases, ConvShape(3, 3, 8, 10))
    assert packed.shape == (2, 2, 8)
    assert packed[0].tolist() == [list(range(1, 9)), [-value for value in range(1, 9)]]
    assert packed[1].tolist() == [[9, 10, 0, 0, 0, 0, 0, 0], [-9, -10, 0, 0, 0, 0, 0, 0]]


def test_scales_for_another_number_of_channels_are_refused() -> None:
    with pytest.raises(InputError, match=r"multipliers \(9,\) and biases \(10,\) for a layer that takes \(10,\)"):
        indirect_16bit.pack_scales(np.ones(9, np.float32), np.ones(10, np.float32), ConvShape(3, 3, 8, 10))


def test_the_indirect_oracle_rounds_product_and_sum_apart() -> None:
    """2**24 + 3 lies between two float32 numbers: a fused operation, which rounds once, would give another sum."""
    shape = ConvShape(1, 1, 3, 1, 1, 1, 1, 0)
    ones = np.ones((1, 1, 3), np.int8)
    multiplier, bias = np.float32(5592407), np.float32(-(2**24))  # 3 * 5592407 = 2**24 + 5
    output = indirect_16bit.indirect_16bit(ones, ones[None], np.array([multiplier]), np.array([bias]), shape)
    assert output.dtype == np.float32
    assert 3 * 5592407 - 2**24 == 5
    assert output.item() == 4  # the product rounds to 2**24 + 4


def test_filters_of_one_channel_lie_block_by_block() -> None:
    shape = ConvShape(3, 3, 130, 5, kernel_height=2, kernel_width=3)
    signs = np.random.default_rng(1).choice([-1, 1], (5, 2, 3, 130))
    packed = one_channel_direct.pack_filters(signs, shape)
    assert packed.shape == (5, 2, 2, 3, 16)
    assert np.array_equal(packed[4, 1, 0, 2], pack_bits(signs)[4, 0, 2, 16:])


def test_windows_beyond_the_counters_are_refused() -> None:
    with pytest.raises(InputError, match=r"counts in 16 bits, and a window of layer .* has 65536 products"):
        indirect_16bit.assemble_indirect(ConvShape(1, 1, 65536, 1, 1, 1, 1, 0))
    with pytest.raises(InputError, match=r"adds in float32, and a window of layer .* has 16777217 products"):
        one_channel_direct.assemble_one_channel(ConvShape(1, 1, 2**24 + 1, 1, 1, 1, 1, 0))


@pytest.mark.parametrize(("channels", "width", "refused"), [(64, 4096, False), (64, 4097, True), (65, 4097, True)])
def test_windows_wider_than_a_load_reaches_are_refused(channels: int, width: int, refused: bool) -> None:
    shape = ConvShape(1, 5000, channels, 1, 1, width, 1, 0)
    if refused:
        with pytest.raises(InputError, match="bytes into a window's row"):
            one_channel_direct.assemble_one_channel(shape)
    else:
        assert one_channel_direct.assemble_one_channel(shape).elf

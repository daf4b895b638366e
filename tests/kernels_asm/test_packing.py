import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels_asm import ConvShape, InputError
from kernels_asm.packing import (
    activation_bytes,
    block_sizes,
    filter_bytes,
    output_bytes,
    pack_activations,
    pack_bits,
    pack_weights,
    pixel_bytes,
    unpack_bits,
)


@given(channels=st.integers(1, 400), seed=st.integers(0, 2**32))
def test_unpacking_undoes_packing(channels: int, seed: int) -> None:
    signs = np.random.default_rng(seed).choice(np.array([-1, 1], np.int8), (2, 3, channels))
    packed = pack_bits(signs)
    assert packed.shape == (2, 3, pixel_bytes(channels))
    assert np.array_equal(unpack_bits(packed, channels), signs)


def test_bit_order_is_channel_by_channel_from_the_low_bit() -> None:
    signs = np.ones(16, np.int8)
    signs[[0, 9]] = -1
    assert pack_bits(signs).tolist() == [0b1, 0b10, 0, 0]


@pytest.mark.parametrize(
    ("channels", "size"), [(1, 4), (32, 4), (33, 8), (64, 8), (65, 16), (128, 16), (129, 32), (192, 32)]
)
def test_pixels_are_whole_channel_blocks(channels: int, size: int) -> None:
    assert pixel_bytes(channels) == size


@pytest.mark.parametrize("value", [0, 2, -3])
def test_values_other_than_signs_are_refused(value: int) -> None:
    with pytest.raises(InputError, match="neither \\+1 nor -1"):
        pack_bits(np.array([1, value]))


def test_padding_is_plus_one() -> None:
    packed = pack_activations(np.full((2, 2, 8), -1), ConvShape(2, 2, 8, 1))
    assert packed.shape == (4, 4, 4)
    assert packed[1:3, 1:3, 0].tolist() == [[255, 255], [255, 255]]
    assert packed.sum() == 4 * 255


def test_weights_are_packed_in_reading_order_and_filled_with_plus_one() -> None:
    shape = ConvShape(3, 3, 130, 5)
    signs = np.random.default_rng(1).choice([-1, 1], (5, 3, 3, 130))
    packed = pack_weights(signs, shape, 4)
    assert packed.shape == (2, 3, 3, 2, 4, 16)
    filters = pack_bits(signs).reshape(5, 3, 3, 2, 16)
    assert np.array_equal(packed[1, 2, 0, 1, 0], filters[4, 2, 0, 1])
    assert not packed[1, :, :, :, 1:].any()


def test_wrong_shapes_are_refused_with_both_shapes() -> None:
    with pytest.raises(InputError, match=r"\(2, 2, 8\) for a layer that takes \(2, 2, 9\)"):
        pack_activations(np.ones((2, 2, 8), int), ConvShape(2, 2, 9, 1))
    with pytest.raises(InputError, match=r"for a layer that takes \(1, 3, 3, 9\)"):
        pack_weights(np.ones((1, 3, 3, 8), int), ConvShape(2, 2, 9, 1), 1)


@pytest.mark.parametrize("shape", [ConvShape(5, 4, 130, 9), ConvShape(6, 7, 33, 16, 5, 2, 2, 2)], ids=str)
def test_sizes_are_those_of_the_packed_arrays(shape: ConvShape) -> None:
    activations = np.ones((shape.height, shape.width, shape.channels_in), int)
    filters = np.ones((shape.channels_out, shape.kernel_height, shape.kernel_width, shape.channels_in), int)
    assert activation_bytes(shape) == pack_activations(activations, shape).nbytes
    assert filter_bytes(shape, 8) == pack_weights(filters, shape, 8).nbytes
    assert output_bytes(shape, 8, 2) == shape.out_pixels * 16 * 2  # 9 and 16 channels are two tiles of 8


@pytest.mark.parametrize(
    ("channels", "sizes"),
    [
        (1, (1,)),
        (32, (32,)),
        (33, (33,)),
        (64, (64,)),
        (65, (65,)),
        (128, (128,)),
        (129, (128, 1)),
        (300, (128, 128, 44)),
    ],
)
def test_blocks_hold_the_channels_of_a_pixel(channels: int, sizes: tuple[int, ...]) -> None:
    assert block_sizes(channels) == sizes

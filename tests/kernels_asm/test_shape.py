import numpy as np
import pytest

from kernels_asm import Arithmetic, ConvShape, InputError, KernelVariant, LaneTile, PaddingValue
from kernels_asm.oracle import dot_products
from kernels_asm.references.layout import pack_input


def test_sizes_of_a_strided_padded_layer() -> None:
    shape = ConvShape(14, 13, 32, 64, stride=2)
    assert (shape.out_height, shape.out_width, shape.window) == (7, 7, 288)
    assert shape.products == 7 * 7 * 64 * 288


@pytest.mark.parametrize("field", ["height", "width", "channels_in", "channels_out", "kernel_height", "stride"])
def test_a_size_of_zero_is_refused_by_name(field: str) -> None:
    sizes = {"height": 4, "width": 4, "channels_in": 4, "channels_out": 4} | {field: 0}
    with pytest.raises(InputError, match=f"{field} is 0"):
        ConvShape(**sizes)


@pytest.mark.parametrize("field", ["stride", "padding"])
def test_a_number_beyond_any_network_is_refused_by_name(field: str) -> None:
    with pytest.raises(InputError, match=f"{field} is 65537: give at most 65536"):
        ConvShape.parse("4x4x4x4", **{field: 65537})


def test_negative_padding_and_an_oversized_kernel_are_refused() -> None:
    with pytest.raises(InputError, match="padding is -1"):
        ConvShape(4, 4, 1, 1, padding=-1)
    with pytest.raises(InputError, match="kernel 3x3 is larger than the padded input 2x2"):
        ConvShape(2, 2, 1, 1, padding=0)


def test_sizes_are_read_as_they_are_written() -> None:
    shape = ConvShape(28, 14, 128, 64, 3, 1, 2, 0)
    sizes, kernel, stride, padding = str(shape).split()
    assert ConvShape.parse(sizes, kernel.removeprefix("k"), int(stride[1:]), int(padding[1:])) == shape
    assert ConvShape.parse("7X7x64x64", "5", padding=2) == ConvShape(7, 7, 64, 64, 5, 5, padding=2)
    assert ConvShape.parse("7x7x64x64") == ConvShape(7, 7, 64, 64)
    zeros = ConvShape(7, 7, 64, 64, padding_value=PaddingValue.ZERO)
    assert ConvShape.parse("7x7x64x64", padding_value="zero") == zeros
    with pytest.raises(InputError, match="padding value 'none': write one or zero"):
        ConvShape.parse("7x7x64x64", padding_value="none")


@pytest.mark.parametrize(
    ("sizes", "kernel", "expected"),
    [
        ("", "3", "layer '': write HEIGHTxWIDTHxCHANNELS_INxCHANNELS_OUT, such as 28x28x128x128"),
        ("28x28x128", "3", "layer '28x28x128': write"),
        ("28x28x128x128x3", "3", "write HEIGHT"),
        ("28,28,128,128", "3", "write HEIGHT"),
        ("28x28x-1x128", "3", "write HEIGHT"),
        ("28x28x1.5x128", "3", "write HEIGHT"),
        ("28x28x٣x128", "3", "write HEIGHT"),
        ("28x28x0x128", "3", "channels_in is 0: give at least 1"),
        ("28x28x128x" + "9" * 5000, "3", "a size is beyond 65536"),
        ("8x8x8x8", "3x3x3", "kernel '3x3x3': write HEIGHTxWIDTH or one number for both"),
        ("8x8x8x8", "", "kernel ''"),
        ("8x8x8x8", "12", "kernel 12x12 is larger than the padded input 10x10"),
    ],
)
def test_other_texts_are_refused(sizes: str, kernel: str, expected: str) -> None:
    with pytest.raises(InputError) as error:
        ConvShape.parse(sizes, kernel)
    assert expected in str(error.value)
    assert "\n" not in str(error.value)


def test_padding_of_zeros_is_told_apart_and_refused_by_kernels_of_bits() -> None:
    ones = ConvShape(4, 4, 8, 8)
    zeros = ConvShape(4, 4, 8, 8, padding_value=PaddingValue.ZERO)
    none = ConvShape(4, 4, 8, 8, padding=0, padding_value=PaddingValue.ZERO)
    assert ones != zeros
    assert str(zeros) == f"{ones} of zeros"
    assert (ones.pads_zeros, zeros.pads_zeros, none.pads_zeros) == (False, True, False)
    variant = KernelVariant(Arithmetic(16), LaneTile(4, 2))
    variant.check(none)
    for refuse in (variant.check, lambda shape: pack_input(np.ones((4, 4, 8), int), shape)):
        with pytest.raises(InputError, match=r"layer 4x4x8x8 k3x3 s1 p1 of zeros: .* pads with \+1"):
            refuse(zeros)


def test_zero_padding_adds_nothing_to_a_dot_product() -> None:
    weights, activations = np.ones((1, 3, 3, 2), np.int8), -np.ones((2, 1, 2), np.int8)
    by_value = {
        value: dot_products(activations, weights, ConvShape(2, 1, 2, 1, padding_value=value)).ravel().tolist()
        for value in PaddingValue
    }
    assert by_value == {PaddingValue.ZERO: [-4, -4], PaddingValue.ONE: [-4 + 14, -4 + 14]}

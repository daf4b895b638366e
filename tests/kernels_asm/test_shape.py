import pytest

from kernels_asm import ConvShape, InputError


def test_sizes_of_a_strided_padded_layer() -> None:
    shape = ConvShape(14, 13, 32, 64, stride=2)
    assert (shape.out_height, shape.out_width, shape.window) == (7, 7, 288)
    assert shape.products == 7 * 7 * 64 * 288


@pytest.mark.parametrize("field", ["height", "width", "channels_in", "channels_out", "kernel_height", "stride"])
def test_a_size_of_zero_is_refused_by_name(field: str) -> None:
    sizes = {"height": 4, "width": 4, "channels_in": 4, "channels_out": 4} | {field: 0}
    with pytest.raises(InputError, match=f"{field} is 0"):
        ConvShape(**sizes)


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

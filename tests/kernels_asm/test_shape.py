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

"""The arithmetic in PyTorch against the contract in integers."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from dse.nn import arithmetic as torch_arithmetic
from kernels_asm import Arithmetic, ConvShape, EndValue, Overflow, PaddingValue
from kernels_asm.oracle import dot_products

torch.set_num_threads(1)  # tests run side by side

SHAPES = [
    ConvShape(14, 14, 32, 32),
    ConvShape(14, 14, 24, 48, stride=2),
    ConvShape(7, 5, 3, 8, kernel_height=1, kernel_width=1, padding=0),
    ConvShape(5, 7, 40, 8, kernel_height=5, kernel_width=3, padding=2),
    ConvShape(6, 6, 128, 16),
]
ARITHMETICS = [
    Arithmetic(32),
    Arithmetic(32, clip=15),
    Arithmetic(8, Overflow.SATURATE),
    Arithmetic(8, Overflow.SATURATE, clip=31),
    Arithmetic(8, Overflow.WRAP),
    Arithmetic(8, Overflow.WRAP, clip=63),
]


def integer_convolution(signs, weights, shape: ConvShape):
    """The definition: int64, padded with +1, one product after the other over the window."""
    pad = shape.padding
    padded = np.pad(signs.astype(np.int64), ((0, 0), (0, 0), (pad, pad), (pad, pad)), constant_values=1)
    out = np.zeros((len(signs), shape.channels_out, shape.out_height, shape.out_width), np.int64)
    for y in range(shape.out_height):
        for x in range(shape.out_width):
            top, left = y * shape.stride, x * shape.stride
            window = padded[:, :, top : top + shape.kernel_height, left : left + shape.kernel_width]
            out[:, :, y, x] = np.einsum("nchw,ochw->no", window, weights.astype(np.int64))
    return out


def random_signs(rng, *size):
    return rng.choice(np.array([-1, 1], np.int8), size)


def convolve(signs, weights, shape):
    ring = torch_arithmetic.padding_ring(shape)
    x, w = torch.tensor(signs, dtype=torch.float32), torch.tensor(weights, dtype=torch.float32)
    return torch_arithmetic.binary_convolution(x, w, ring, shape)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_convolution_padded_with_zeros_equals_the_oracle(shape):
    zeros = replace(shape, padding_value=PaddingValue.ZERO)
    rng = np.random.default_rng(4)
    signs = random_signs(rng, 1, shape.channels_in, shape.height, shape.width)
    weights = random_signs(rng, shape.channels_out, shape.channels_in, shape.kernel_height, shape.kernel_width)
    expected = dot_products(signs[0].transpose(1, 2, 0), weights.transpose(0, 2, 3, 1), zeros)
    assert np.array_equal(convolve(signs, weights, zeros).numpy()[0].transpose(1, 2, 0), expected)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", ["random", "equal", "opposite", "channels_last"])
def test_convolution_equals_the_integer_one(shape, kind):
    rng = np.random.default_rng(3)
    signs = random_signs(rng, 3, shape.channels_in, shape.height, shape.width)
    weights = random_signs(rng, shape.channels_out, shape.channels_in, shape.kernel_height, shape.kernel_width)
    if kind in ("equal", "opposite"):
        signs[:], weights[:] = 1, 1 if kind == "equal" else -1
    expected = integer_convolution(signs, weights, shape)
    if kind == "channels_last":
        signs, weights = (np.ascontiguousarray(a.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2) for a in (signs, weights))
    assert np.array_equal(convolve(signs, weights, shape).numpy(), expected)


def test_padding_is_plus_one():
    shape = ConvShape(3, 3, 2, 1)
    weights = np.ones((1, 2, 3, 3), np.int8)
    minus = convolve(-np.ones((1, 2, 3, 3), np.int8), weights, shape).numpy()[0, 0]
    # a corner sees 4 pixels of -1 and 5 of padding, an edge 6 and 3, in two channels
    assert minus.tolist() == [[2, -6, 2], [-6, -18, -6], [2, -6, 2]]


@pytest.mark.parametrize("window", [8, 72, 254, 255, 256, 288, 576, 1152, 4608])
@pytest.mark.parametrize("arithmetic", ARITHMETICS, ids=str)
def test_end_value_equals_the_contract_for_every_dot_product(window, arithmetic):
    end = arithmetic.end_value(window)
    dots = np.arange(-window, window + 1, 2)
    expected = end.apply(dots)
    as_float = torch.tensor(dots, dtype=torch.float32)
    assert np.array_equal(torch_arithmetic.apply_end_value(as_float, end).numpy(), expected)
    assert np.array_equal(torch_arithmetic.end_value(as_float, end, window).numpy(), expected)


def test_end_value_equals_the_contract_far_outside_its_range():
    end = EndValue(off=254, modulus=512, lo=-200, hi=100)
    dots = np.arange(-5000, 5000)
    assert np.array_equal(torch_arithmetic.apply_end_value(torch.tensor(dots).float(), end).numpy(), end.apply(dots))


def test_end_value_changes_nothing_in_its_argument():
    dot = torch.tensor([-400.0, 0.0, 400.0])
    torch_arithmetic.end_value(dot, Arithmetic(8, Overflow.WRAP, clip=15).end_value(576), 576)
    assert dot.tolist() == [-400.0, 0.0, 400.0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_zero_is_positive(dtype):
    tiny = torch.finfo(dtype).tiny
    x = torch.tensor([0.0, -0.0, tiny, -tiny, 3.0, -3.0], dtype=dtype)
    expected = [1.0, 1.0, 1.0, -1.0, 1.0, -1.0]
    assert torch_arithmetic.signs(x).tolist() == expected
    assert torch_arithmetic.sign(x).tolist() == expected
    assert torch_arithmetic.weight_sign(x).tolist() == expected


def gradient(function, values):
    x = torch.tensor(values, requires_grad=True)
    function(x).backward(torch.full_like(x, 3.0))
    return x.grad.tolist()


def test_gradient_of_sign_is_that_of_approxsign():
    assert gradient(torch_arithmetic.sign, [-1.5, -1.0, -0.75, 0.0, 0.25, 1.0, 2.0]) == [0, 0, 1.5, 6, 4.5, 0, 0]


def test_gradient_of_weight_sign_is_the_identity():
    assert gradient(torch_arithmetic.weight_sign, [-4.0, -0.1, 0.0, 2.0]) == [3, 3, 3, 3]


def test_gradient_passes_inside_a_clip_bounds_included():
    end = Arithmetic(32, clip=4).end_value(72)
    assert gradient(lambda x: torch_arithmetic.end_value(x, end, 72), [-6.0, -4.0, 0.0, 4.0, 6.0]) == [0, 3, 3, 3, 0]


def test_gradient_of_exact_arithmetic_passes_everywhere():
    end = Arithmetic(16).end_value(72)
    assert gradient(lambda x: torch_arithmetic.end_value(x, end, 72), [-72.0, 0.0, 72.0]) == [3, 3, 3]


def test_gradient_stops_where_a_sum_wraps():
    end = Arithmetic(8, Overflow.WRAP).end_value(576)
    assert (end.lo, end.hi) == (-256, 254)
    assert gradient(lambda x: torch_arithmetic.end_value(x, end, 576), [-258.0, -256.0, 254.0, 256.0]) == [0, 3, 3, 0]


def test_gradient_stops_where_a_count_saturates():
    end = Arithmetic(8, Overflow.SATURATE).end_value(576)
    assert end.lo == 66
    assert gradient(lambda x: torch_arithmetic.end_value(x, end, 576), [64.0, 66.0, 576.0]) == [0, 3, 3]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_gradients_of_the_convolution_are_those_of_a_padded_one(shape):
    torch.manual_seed(4)
    x = torch.randn(2, shape.channels_in, shape.height, shape.width, requires_grad=True)
    w = torch.randn(shape.channels_out, shape.channels_in, shape.kernel_height, shape.kernel_width, requires_grad=True)
    padded = torch.nn.functional.pad(x, (shape.padding,) * 4, value=1.0)
    expected = torch.nn.functional.conv2d(padded, w, stride=shape.stride)
    found = torch_arithmetic.binary_convolution(x, w, torch_arithmetic.padding_ring(shape), shape)
    direction = torch.randn_like(expected)
    for a, b in zip(
        torch.autograd.grad(expected, (x, w), direction), torch.autograd.grad(found, (x, w), direction), strict=True
    ):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)

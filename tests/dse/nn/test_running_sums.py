"""Running sums in compiled code: the oracle's, bit for bit, and their straight-through gradients."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dse.nn import arithmetic as torch_arithmetic
from dse.nn.running_sums import running_sums
from kernels_asm import Arithmetic, ConvShape, InputError, Overflow, PaddingValue, RunningSums
from kernels_asm.oracle import binary_conv, binary_conv_in_order, dot_products
from tests.fuzz import examples

torch.set_num_threads(1)  # tests run side by side

RUNNING = Arithmetic(8, Overflow.RUNNING)
CLIPPED = Arithmetic(8, Overflow.RUNNING, 63)
SHAPE = ConvShape(6, 5, 130, 7, stride=2)


def operands(shape: ConvShape, seed: int, shares: tuple[float, float] = (0.5, 0.5), images: int = 2):
    """Signs (N, C, H, W) and weights (O, C, kh, kw), float32, with these shares of -1."""
    random = np.random.default_rng(seed)
    filters = (shape.channels_out, shape.channels_in, shape.kernel_height, shape.kernel_width)
    inputs = (images, shape.channels_in, shape.height, shape.width)
    return tuple(
        np.where(random.random(size) < share, -1, 1).astype(np.float32)
        for size, share in zip((inputs, filters), shares, strict=True)
    )


def outputs_of(signs, weights, shape: ConvShape, arithmetic: Arithmetic) -> torch.Tensor:
    ring = torch_arithmetic.padding_ring(shape)
    function = arithmetic.layer_function(shape)
    return torch_arithmetic.layer_outputs(torch.tensor(signs), torch.tensor(weights), ring, shape, function)


def expected(signs, weights, shape: ConvShape, arithmetic: Arithmetic, oracle=binary_conv) -> np.ndarray:
    filters = weights.transpose(0, 2, 3, 1).astype(int)
    images = [oracle(image.transpose(1, 2, 0).astype(int), filters, shape, arithmetic) for image in signs]
    return np.stack(images).transpose(0, 3, 1, 2)


@st.composite
def shapes(draw) -> ConvShape:
    kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    padding = draw(st.integers(0, 2))
    least = (max(1, size - 2 * padding) for size in kernel)
    height, width = (draw(st.integers(size, size + 5)) for size in least)
    channels_in = draw(st.sampled_from([1, 3, 28, 31, 32, 33, 48, 63, 64, 65, 127, 128, 129, 192, 193, 256, 300]))
    channels_out = draw(st.integers(1, 9))
    return ConvShape(height, width, channels_in, channels_out, *kernel, draw(st.integers(1, 3)), padding)


SHARES = st.sampled_from([0.0, 0.03, 0.2, 0.5, 0.8, 1.0])


@given(
    shape=shapes(),
    clip=st.sampled_from([None, 1, 15, 63, 127, 230]),
    shares=st.tuples(SHARES, SHARES),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=examples(150), deadline=None)
def test_every_layer_equals_the_oracle(shape, clip, shares, seed):
    """Layers whose function is an end value are among them, and those that only the compiled sums compute."""
    arithmetic = Arithmetic(8, Overflow.RUNNING, clip)
    signs, weights = operands(shape, seed, shares)
    wanted = expected(signs, weights, shape, arithmetic)
    assert np.array_equal(outputs_of(signs, weights, shape, arithmetic).numpy(), wanted)
    function = arithmetic.layer_function(shape)
    in_memory_order = (np.ascontiguousarray(array.transpose(0, 2, 3, 1)) for array in (signs, weights))
    compiled = running_sums(*in_memory_order, shape).transpose(0, 3, 1, 2)
    assert np.array_equal(np.clip(compiled, function.lo, function.hi), wanted)


def test_outputs_are_those_of_the_order_on_bits():
    signs, weights = operands(SHAPE, 1, (0.3, 0.3))
    wanted = expected(signs, weights, SHAPE, RUNNING, binary_conv_in_order)
    assert np.array_equal(outputs_of(signs, weights, SHAPE, RUNNING).numpy(), wanted)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_the_order_in_memory_does_not_matter(memory_format):
    signs, weights = operands(SHAPE, 2, (0.3, 0.3))
    x, weight = (torch.tensor(array).contiguous(memory_format=memory_format) for array in (signs, weights))
    assert isinstance(RUNNING.layer_function(SHAPE), RunningSums)
    found = torch_arithmetic.layer_outputs(
        x, weight, torch_arithmetic.padding_ring(SHAPE), SHAPE, RUNNING.layer_function(SHAPE)
    )
    assert np.array_equal(found.numpy(), expected(signs, weights, SHAPE, RUNNING))
    assert np.array_equal(x.numpy(), signs)
    assert np.array_equal(weight.numpy(), weights)


def test_running_sums_are_no_saturated_dot_products():
    """Weights that agree with the first half of a window and not with the second half."""
    signs, weights = operands(SHAPE, 3, (0.0, 0.1))
    weights[:, :, 2:] *= -1
    found = outputs_of(signs, weights, SHAPE, RUNNING).numpy()
    filters = weights.transpose(0, 2, 3, 1).astype(int)
    dots = np.stack([dot_products(image.transpose(1, 2, 0).astype(int), filters, SHAPE) for image in signs])
    assert (np.clip(dots.transpose(0, 3, 1, 2), found.min(), found.max()) != found).any()


def test_zero_padding_is_refused():
    shape = ConvShape(4, 4, 64, 2, padding_value=PaddingValue.ZERO)
    signs, weights = operands(shape, 0)
    with pytest.raises(InputError, match=r"a running sum pads with \+1"):
        running_sums(signs.transpose(0, 2, 3, 1), weights.transpose(0, 2, 3, 1), shape)


def test_arrays_of_another_layer_are_refused():
    signs, weights = (np.ascontiguousarray(array.transpose(0, 2, 3, 1)) for array in operands(SHAPE, 0))
    for wrong in ((signs[:, 1:], weights), (signs, weights[..., 1:])):
        with pytest.raises(ValueError, match="for layer"):
            running_sums(*wrong, SHAPE)


def gradients(shape: ConvShape, arithmetic: Arithmetic, shares: tuple[float, float]):
    """The direction in which outputs are differentiated, signs, weights, and the gradients of both."""
    signs, weights = operands(shape, 4, shares, images=3)
    x, weight = torch.tensor(signs, requires_grad=True), torch.tensor(weights, requires_grad=True)
    ring = torch_arithmetic.padding_ring(shape)
    outputs = torch_arithmetic.layer_outputs(x, weight, ring, shape, arithmetic.layer_function(shape))
    direction = torch.randint(-8, 9, outputs.shape, generator=torch.Generator().manual_seed(5)).float()
    return direction, x, weight, torch.autograd.grad(outputs, (x, weight), direction)


def test_signs_in_bfloat16_as_a_gpu_hands_them_on_have_the_same_outputs_and_gradients():
    direction, x, weight, wanted = gradients(SHAPE, RUNNING, (0.5, 0.3))
    short = x.detach().bfloat16().requires_grad_()
    ring = torch_arithmetic.padding_ring(SHAPE)
    outputs = torch_arithmetic.layer_outputs(short, weight, ring, SHAPE, RUNNING.layer_function(SHAPE))
    assert np.array_equal(
        outputs.detach().numpy(), outputs_of(x.detach().numpy(), weight.detach().numpy(), SHAPE, RUNNING)
    )
    of_x, of_weight = torch.autograd.grad(outputs, (short, weight), direction)
    assert torch.equal(of_x, wanted[0].bfloat16())
    assert torch.equal(of_weight, wanted[1])


@pytest.mark.parametrize(
    ("shape", "arithmetic", "shares"),
    [
        (SHAPE, RUNNING, (0.5, 0.3)),
        (SHAPE, CLIPPED, (0.5, 0.5)),
        (ConvShape(5, 5, 65, 4), RUNNING, (0.5, 0.1)),
        (ConvShape(5, 6, 129, 4, 3, 2, padding=0), CLIPPED, (0.4, 0.4)),
    ],
    ids=str,
)
def test_gradient_is_the_convolutions_where_the_output_is_not_stopped(shape, arithmetic, shares):
    direction, x, weight, found = gradients(shape, arithmetic, shares)
    assert isinstance(arithmetic.layer_function(shape), RunningSums)
    odd = shape.kernel_height * shape.kernel_width * (shape.channels_in % 2)
    unclipped = expected(x.detach().numpy(), weight.detach().numpy(), shape, RUNNING)
    passes = (unclipped > -256 + odd) & (unclipped < 254 + odd)
    if arithmetic.clip is not None:
        passes &= np.abs(unclipped) <= arithmetic.clip
    assert 0 < passes.sum() < passes.size
    dot = torch_arithmetic.binary_convolution(x, weight, torch_arithmetic.padding_ring(shape), shape)
    wanted = torch.autograd.grad(dot, (x, weight), direction * torch.tensor(passes))
    for one, other in zip(found, wanted, strict=True):
        assert torch.equal(one, other)  # sums of small whole numbers, which are exact in any order


def test_no_gradient_is_made_for_what_needs_none():
    signs, weights = operands(SHAPE, 6)
    weight = torch.tensor(weights, requires_grad=True)
    ring = torch_arithmetic.padding_ring(SHAPE)
    outputs = torch_arithmetic.layer_outputs(torch.tensor(signs), weight, ring, SHAPE, RUNNING.layer_function(SHAPE))
    outputs.sum().backward()
    assert weight.grad is not None

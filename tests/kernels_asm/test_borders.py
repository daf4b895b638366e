"""Corrections turn the dot products with padding of +1 into those with padding of zeros."""

from dataclasses import replace

import numpy as np
import pytest

from kernels_asm import ConvShape, PaddingValue
from kernels_asm.borders import border_corrections
from kernels_asm.oracle import dot_products

LAYERS = [
    ConvShape(5, 6, 7, 5),
    ConvShape(1, 1, 3, 2),
    ConvShape(6, 7, 2, 4, 5, 2, stride=2, padding=2),
    ConvShape(2, 3, 4, 3, 1, 1, padding=2),
    ConvShape(4, 4, 3, 3, padding=0),
]


@pytest.mark.parametrize("shape", LAYERS, ids=str)
def test_corrections_are_what_the_padding_adds(shape: ConvShape) -> None:
    rng = np.random.default_rng(0)
    activations = rng.choice([-1, 1], (shape.height, shape.width, shape.channels_in))
    weights = rng.choice([-1, 1], (shape.channels_out, shape.kernel_height, shape.kernel_width, shape.channels_in))
    borders = border_corrections(weights, shape, 4)
    offsets = borders.rows[:, None] + borders.columns[None, :]
    flat = borders.corrections.reshape(-1, borders.corrections.shape[-1])
    corrections = flat[offsets // borders.corrections.strides[1]]
    zeros = replace(shape, padding_value=PaddingValue.ZERO)
    expected = dot_products(activations, weights, shape) - dot_products(activations, weights, zeros)
    assert np.array_equal(corrections[..., : shape.channels_out], expected)
    assert not corrections[..., shape.channels_out :].any()
    assert corrections.shape[-1] % 4 == 0


def test_only_windows_that_touch_no_padding_have_offset_zero() -> None:
    borders = border_corrections(np.ones((4, 3, 3, 1), int), ConvShape(4, 3, 1, 4), 4)
    assert (borders.rows > 0).tolist() == [True, False, False, True]
    assert (borders.columns > 0).tolist() == [True, False, True]
    assert borders.corrections.shape == (3, 3, 4)
    assert not borders.corrections[0, 0].any()
    assert sorted(borders.corrections[..., 0].ravel().tolist()) == [0, 3, 3, 3, 3, 5, 5, 5, 5]

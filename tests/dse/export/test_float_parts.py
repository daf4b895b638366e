"""Float layers of an export give what PyTorch's modules give, up to rounding, on odd sizes too."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from dse.export import float_parts
from dse.export.folding import fold_float_convolution
from dse.export.reference import classifier_weights
from dse.networks import Classifier, FloatConv, Pool, PoolKind
from dse.nn.fixed_point import quantise
from dse.nn.float_layers import FloatConvolution, Head, Pooling
from dse.nn.shortcuts import ShortcutPath

GENERATOR = np.random.default_rng(2)


def random_map(height: int, width: int, channels: int) -> np.ndarray:
    return GENERATOR.normal(size=(height, width, channels)).astype(np.float32)


def batch(x: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(x.transpose(2, 0, 1)))[None]


def as_map(x: Tensor) -> np.ndarray:
    return x[0].permute(1, 2, 0).numpy()


def moved(module: nn.Module) -> nn.Module:
    """Return it in evaluation mode with numbers that are not those of a fresh one."""
    torch.manual_seed(4)
    for tensor in (*module.parameters(), *module.buffers()):
        if tensor.dim() == 1:
            tensor.data.add_(torch.rand_like(tensor))
    return module.eval()


@pytest.mark.parametrize(
    "layer",
    [
        FloatConv("a", 7, 9, 3, 8, 3, 2, 1, relu=True),
        FloatConv("b", 8, 5, 6, 6, 3, 1, 1, groups=6),
        FloatConv("c", 8, 5, 6, 4, 3, 2, 0, groups=2, batch_norm=False),
        FloatConv("d", 3, 4, 5, 7, 1, 1, 0),
        FloatConv("e", 15, 11, 3, 4, 7, 2, 3),
    ],
    ids=str,
)
@torch.no_grad()
def test_a_convolution_is_pytorchs(layer: FloatConv) -> None:
    module = moved(FloatConvolution(layer))
    x = random_map(layer.height, layer.width, layer.channels_in)
    found = float_parts.convolve(x, fold_float_convolution(module), layer)
    np.testing.assert_allclose(found, as_map(module(batch(x))), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", PoolKind)
@pytest.mark.parametrize(("height", "width"), [(8, 8), (7, 9), (5, 4)])
def test_a_pooling_is_pytorchs(kind: PoolKind, height: int, width: int) -> None:
    layer = Pool("pool", height, width, 3, kind, 3, 2, 1)
    x = random_map(height, width, 3)
    np.testing.assert_allclose(float_parts.pool(x, layer), as_map(Pooling(layer)(batch(x))), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("height", "width"), [(8, 8), (7, 9), (1, 1)])
def test_windows_of_a_shortcut_that_the_border_cuts_off_are_means_of_what_they_hold(height: int, width: int) -> None:
    from dse.networks import Shortcut

    shortcut = Shortcut(1, height, width, 3, 3, 2)
    x = random_map(height, width, 3)
    found = float_parts.average_pool(x, 2, 2, 0, shortcut.out_height, shortcut.out_width)
    np.testing.assert_allclose(found, as_map(ShortcutPath(shortcut)(batch(x))), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("grid", [None, 1, 2, 3])
@pytest.mark.parametrize("relu", [False, True])
@torch.no_grad()
def test_a_classifier_is_pytorchs(grid: int | None, relu: bool) -> None:
    layer = Classifier("classifier", 5, 4, grid, relu, 7 * 5)
    head = Head(layer).eval()
    x = random_map(7, 5, 5)
    bias = head.linear.bias.numpy()
    found = float_parts.classify(x, classifier_weights(head, layer), bias, layer)
    np.testing.assert_allclose(found, head(batch(x))[0].numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("scale", [1, 2, 16])
def test_bytes_are_rounded_as_in_training(scale: int) -> None:
    exact = np.arange(-200, 200, dtype=np.float32) / scale
    between = exact + np.float32(1 / (2 * scale))
    values = np.concatenate([exact, between, random_map(1, 1, 500).reshape(-1) * 128 / np.float32(scale)])
    found = float_parts.to_bytes(values, scale)
    in_training = quantise(torch.from_numpy(values), torch.tensor(float(scale))) * scale
    np.testing.assert_array_equal(found, in_training.numpy().astype(np.int8))
    np.testing.assert_array_equal(float_parts.to_bytes(float_parts.to_float(found, scale), scale), found)
    assert (found.min(), found.max()) == (-128, 127)

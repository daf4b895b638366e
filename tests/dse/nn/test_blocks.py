"""A block computes what its description says, in that order, with every option and every shortcut."""

from __future__ import annotations

import itertools

import pytest
import torch

from dse.networks import Activation, BinaryConv, Estimator, Normalisation, Repairs, Shortcut, build_network
from dse.nn.activations import RPReLU
from dse.nn.blocks import BinaryBlock
from kernels_asm import Arithmetic, ConvShape
from tests.sample_networks import every_legal_repair

torch.set_num_threads(1)  # tests run side by side

ARITHMETIC = Arithmetic(8, clip=31)
OPTIONS = sorted(
    {
        (repairs.learned_threshold, repairs.weight_scale, repairs.normalisation, repairs.activation)
        for repairs in every_legal_repair()
    }
)
SHORTCUTS = (None, Shortcut(1, 9, 9, 8, 16, pool=2), Shortcut(2, 9, 9, 8, 16, pool=2, projects=True))


def block_of(options, shortcut, **more) -> BinaryBlock:
    threshold, scale, normalisation, activation = options
    shape = ConvShape(9, 9, 8, 16, stride=2)
    layer = BinaryConv("block", shape, Estimator.STE, threshold, scale, normalisation, activation, shortcut, **more)
    torch.manual_seed(3)
    block = BinaryBlock(layer, ARITHMETIC.end_value(shape.window))
    with torch.no_grad():
        for name, tensor in itertools.chain(block.named_parameters(), block.named_buffers()):
            if "running_var" in name:
                tensor.uniform_(0.5, 2)
            elif "latent" in name or tensor.dim() == 4 or "progress" in name or tensor.dtype is torch.int64:
                continue
            else:
                tensor.add_(torch.randn_like(tensor), alpha=0.5)
    return block.eval()


def batch_norm(norm, x):
    mean, variance = norm.running_mean.double(), norm.running_var.double()
    factor = norm.weight.double() / (variance + norm.eps).sqrt()
    return x * factor.view(-1, 1, 1) + (norm.bias.double() - mean * factor).view(-1, 1, 1)


def by_the_book(block: BinaryBlock, x: torch.Tensor, start: torch.Tensor) -> torch.Tensor:
    """Compute the description's table line by line in float64."""
    layer = block.layer
    if layer.normalisation is Normalisation.BEFORE:
        x = batch_norm(block.norm, x)
    if layer.learned_threshold:
        x = x - block.features.threshold.double()
    signs = torch.where(x >= 0, 1.0, -1.0).double()
    latent = block.weights.latent.double()
    padded = torch.nn.functional.pad(signs, (1, 1, 1, 1), value=1.0)
    x = torch.nn.functional.conv2d(padded, torch.where(latent >= 0, 1.0, -1.0).double(), stride=2).clamp(-31, 31)
    if layer.sums_pool == 2:
        x = x.unfold(2, 2, 2).unfold(3, 2, 2).amax(dim=(4, 5))
    if layer.weight_scale:
        x = x * latent.abs().mean(dim=(1, 2, 3)).view(-1, 1, 1)
    if layer.sums_relu:
        x = x.clamp(min=0)
    if layer.normalisation is Normalisation.AFTER:
        x = batch_norm(block.norm, x)
    elif not layer.weight_scale:
        x = x / (9 * 8) ** 0.5
    if layer.shortcut:
        x = x + shortcut_by_the_book(block, start)
    return activation_by_the_book(block, x)


def shortcut_by_the_book(block, start):
    pooled = torch.stack(
        [
            torch.stack([start[:, :, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].mean(dim=(2, 3)) for j in range(5)], dim=2)
            for i in range(5)
        ],
        dim=2,
    )
    if block.layer.shortcut.projects:
        convolution, norm = block.shortcut.projection
        weights = convolution.weight.double()[:, :, 0, 0]
        return batch_norm(norm, torch.einsum("oc,nchw->nohw", weights, pooled))
    return torch.cat([pooled, pooled], dim=1)


def activation_by_the_book(block, x):
    match block.layer.activation:
        case Activation.NONE:
            return x
        case Activation.RELU:
            return x.clamp(min=0)
        case Activation.PRELU:
            return torch.where(x > 0, x, x * block.activation.weight.double().view(-1, 1, 1))
        case Activation.RPRELU:
            parts = block.activation
            x = x - parts.before.double()
            return torch.where(x > 0, x, x * parts.prelu.weight.double().view(-1, 1, 1)) + parts.after.double()


@pytest.mark.parametrize("shortcut", SHORTCUTS, ids=("none", "repeats", "projects"))
@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "-".join(map(str, options)))
def test_every_option_in_its_place(options, shortcut):
    assert len(OPTIONS) == 22
    block = block_of(options, shortcut)
    x, start = torch.randn(3, 8, 9, 9), torch.randn(3, 8, 9, 9)
    with torch.no_grad():
        found = block(x, start)
        expected = by_the_book(block, x.double(), start.double())
    assert found.shape == (3, 16, 5, 5)
    torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "-".join(map(str, options)))
@pytest.mark.parametrize("more", [{"sums_pool": 2}, {"sums_relu": True}, {"sums_pool": 2, "sums_relu": True}], ids=str)
def test_maximum_and_relu_of_the_sums(options, more):
    block = block_of(options, None, **more)
    x = torch.randn(3, 8, 9, 9)
    with torch.no_grad():
        found = block(x, x)
        expected = by_the_book(block, x.double(), x.double())
    size = 2 if "sums_pool" in more else 5
    assert found.shape == (3, 16, size, size)
    torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-4)


def test_a_weight_scale_leaves_the_convolution_whole():
    block = block_of((False, True, Normalisation.AFTER, Activation.NONE), None)
    signs = block.binarize(torch.randn(2, 8, 9, 9))
    outputs = block.convolve(signs)
    assert torch.equal(outputs, outputs.round())
    assert torch.equal(outputs, block.integer_convolution(signs.to(torch.int8), block.integer_weights()))


def test_a_weight_scale_teaches_the_magnitude_of_latent_weights():
    """Without it the gradient is the straight-through one; with it the mean's share is added."""
    plain, scaled = (block_of((False, scale, Normalisation.BEFORE, Activation.NONE), None) for scale in (False, True))
    x = torch.randn(2, 8, 9, 9)
    gradients = []
    for block in (plain, scaled):
        block.finish(block.convolve(block.binarize(x)), x).sum().backward()
        gradients.append(block.weights.latent.grad)
    latent = scaled.weights.latent.detach()
    outputs = scaled.convolve(scaled.binarize(x)).detach().sum(dim=(0, 2, 3)).view(-1, 1, 1, 1)
    straight = gradients[0] / plain.constant * latent.abs().mean(dim=(1, 2, 3), keepdim=True)
    torch.testing.assert_close(
        gradients[1], straight + outputs * latent.sign() / latent[0].numel(), rtol=1e-4, atol=1e-4
    )


def test_a_threshold_learns_the_opposite_of_what_its_channel_would():
    block = block_of((True, False, Normalisation.AFTER, Activation.NONE), None)
    x = torch.randn(2, 8, 9, 9, requires_grad=True)
    signs = block.binarize(x)
    signs.backward(torch.randn_like(signs))
    torch.testing.assert_close(block.features.threshold.grad, -x.grad.sum(dim=(0, 2, 3)).view(-1, 1, 1))
    assert block.features.threshold.grad.abs().min() > 0


def test_rprelu_passes_its_corner_where_its_shifts_are():
    activation = RPReLU(2)
    with torch.no_grad():
        activation.before.copy_(torch.tensor([1.0, -1.0]).view(2, 1, 1))
        activation.after.copy_(torch.tensor([10.0, 20.0]).view(2, 1, 1))
    x = torch.tensor([[[[0.0, 1.0, 3.0]], [[-5.0, -1.0, 1.0]]]])
    assert activation(x).flatten().tolist() == [9.75, 10, 12, 19, 20, 22]


def test_repairs_reach_the_blocks():
    repairs = Repairs(Estimator.RESTE, True, True, Normalisation.AFTER, Activation.RPRELU)
    for layer in build_network("tiny", repairs=repairs).binary_layers:
        assert (layer.estimator, layer.learned_threshold, layer.weight_scale) == (Estimator.RESTE, True, True)
        assert (layer.normalisation, layer.activation) == (Normalisation.AFTER, Activation.RPRELU)

"""The fixed-point batch norm of training against the contract of the kernels."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from dse.nn import fixed_point
from dse.nn.fixed_point import LARGEST_SCALE, FixedPoint, feature_scale
from kernels_asm import Arithmetic, Overflow
from kernels_asm.fixed_point import batch_norm_int8, check_parameters
from tests.fuzz import examples

CHANNELS = 5
SCALE = torch.tensor(float(LARGEST_SCALE))


def norm_of(seed: int, spread: float = 20.0) -> nn.BatchNorm2d:
    torch.manual_seed(seed)
    norm = nn.BatchNorm2d(CHANNELS)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    norm.running_mean.normal_(0, spread)
    norm.running_var.uniform_(0.1, spread**2)
    return norm.eval()


def sums(seed: int, largest: int = 600) -> torch.Tensor:
    return torch.randint(-largest, largest + 1, (3, CHANNELS, 4, 6), generator=torch.Generator().manual_seed(seed))


def as_contract(x: torch.Tensor, parameters: FixedPoint, shortcut: np.ndarray | None = None) -> np.ndarray:
    channels_last = x.permute(0, 2, 3, 1).numpy().astype(np.int64)
    values = (tensor.numpy() for tensor in (parameters.multiplier, parameters.shift, parameters.offset))
    return batch_norm_int8(channels_last, *values, shortcut).transpose(0, 3, 1, 2)


@given(st.integers(0, 2**31), st.sampled_from([3, 600, 32767, 100_000]))
@settings(deadline=None, max_examples=examples(60))
def test_equals_the_contract(seed, largest):
    generator = np.random.default_rng(seed)
    parameters = FixedPoint(
        *(
            torch.tensor(generator.integers(low, high, CHANNELS), dtype=torch.int32)
            for low, high in ((-(2**15) + 1, 2**15), (0, 16), (-(2**15) + 1, 2**15))
        )
    )
    x = sums(seed, largest)
    assert np.array_equal(fixed_point.apply(x.float(), parameters).numpy(), as_contract(x, parameters))


@given(st.integers(0, 2**31))
@settings(deadline=None, max_examples=examples(60))
def test_evaluation_equals_the_contract_with_folded_parameters(seed):
    norm, x = norm_of(seed), sums(seed)
    parameters = fixed_point.fold(norm, norm.running_mean, norm.running_var, SCALE)
    check_parameters(*(t.numpy() for t in (parameters.multiplier, parameters.shift, parameters.offset)))
    found = fixed_point.batch_norm(x.float(), norm, SCALE)
    assert np.array_equal((found.detach() * LARGEST_SCALE).numpy(), as_contract(x, parameters))


def test_is_near_the_batch_norm_in_real_numbers():
    norm, x = norm_of(1, spread=200.0), sums(2).float()
    low, high = -128 / LARGEST_SCALE, 127 / LARGEST_SCALE
    difference = fixed_point.batch_norm(x, norm, SCALE) - norm(x).clamp(low, high)
    assert difference.abs().max() <= 1.01 / LARGEST_SCALE


@pytest.mark.parametrize("factor", [0.0, 1e-9, 2.0**-16, 0.25, 0.5, 0.999, 1.0, 7.0, -0.3, -1.0])
def test_factors_of_every_size_fold_to_the_nearest_that_fixed_point_has(factor):
    norm = nn.BatchNorm2d(1, eps=0.0)
    nn.init.constant_(norm.weight, factor / LARGEST_SCALE)
    parameters = fixed_point.fold(norm, torch.zeros(1), torch.ones(1), SCALE)
    meant = parameters.multiplier.item() / 2**15 / 2 ** parameters.shift.item()
    largest = (2**15 - 1) / 2**15
    assert meant == pytest.approx(max(-largest, min(factor, largest)), rel=2**-14, abs=2.0**-31)


@pytest.mark.parametrize("deviation", [4.0, 7.0, 14.0, 40.0])
@pytest.mark.parametrize("gain", [0.5, 1.0, -1.0])
def test_means_stay_where_the_batch_norm_has_them_also_where_the_gain_does_not_fit(deviation, gain):
    norm = nn.BatchNorm2d(1, eps=0.0).eval()
    nn.init.constant_(norm.weight, gain)
    nn.init.constant_(norm.bias, 0.25)
    norm.running_mean.fill_(9.0)
    norm.running_var.fill_(deviation**2)
    found = fixed_point.batch_norm(torch.full((1, 1, 1, 1), 9.0), norm, SCALE)
    assert found.item() == pytest.approx(0.25, abs=1.01 / LARGEST_SCALE)


@pytest.mark.parametrize(
    ("window", "clip", "scale"),
    [
        (288, None, 16),
        (4608, None, 16),
        (144, None, 8),
        (27, None, 4),
        (288, 31, 16),
        (288, 15, 8),
        (4608, 7, 4),
        (288, 3, 2),
        (288, 1, 1),
        (9, 127, 2),
    ],
)
def test_bytes_count_in_no_finer_steps_than_sums_are_spread_by(window, clip, scale):
    function = Arithmetic(16, Overflow.EXACT, clip).end_value(window)
    assert feature_scale([(window, function)]) == scale
    widest = Arithmetic(16).end_value(576)
    assert feature_scale([(576, widest), (window, function)]) == scale
    assert feature_scale([]) == LARGEST_SCALE


@pytest.mark.parametrize("clip", [None, 31, 15, 7, 3, 1])
def test_gain_of_the_batch_norm_is_kept_whatever_sums_are_clipped_to(clip):
    function = Arithmetic(16, Overflow.EXACT, clip).end_value(576)
    generator = torch.Generator().manual_seed(2)
    dots = 2 * torch.randn(64, 1, 8, 8, generator=generator).mul_(12).round_()  # even, deviation 24
    x = dots.clamp(function.lo, function.hi)
    scale = torch.tensor(float(feature_scale([(576, function)])))
    norm = nn.BatchNorm2d(1).train()
    found = fixed_point.batch_norm(x, norm, scale)
    assert found.std().item() == pytest.approx(1, rel=0.1)


def test_sums_that_are_no_whole_numbers_are_rounded():
    parameters = FixedPoint(*(torch.tensor([value], dtype=torch.int32) for value in (2**15 - 1, 0, 0)))
    x = torch.tensor([-1.6, -0.6, -0.4, 0.4, 0.6, 1.6]).view(1, 1, 1, 6)
    assert fixed_point.apply(x, parameters).flatten().tolist() == [-2, -1, 0, 0, 1, 2]


def test_training_folds_the_statistics_of_the_batch_and_moves_those_of_the_norm():
    norm, x = norm_of(3).train(), sums(4).float()
    variance, mean = torch.var_mean(x, (0, 2, 3), correction=0)
    expected = as_contract(x, fixed_point.fold(norm, mean, variance, SCALE))
    before = norm.running_mean.clone()
    assert np.array_equal((fixed_point.batch_norm(x, norm, SCALE).detach() * LARGEST_SCALE).numpy(), expected)
    assert not torch.equal(norm.running_mean, before)


def test_gradient_is_that_of_the_batch_norm_where_bytes_do_not_saturate():
    norm = nn.BatchNorm2d(1, eps=0.0).eval()
    x = torch.tensor([-9.0, -8.0, 0.0, 7.9, 8.0, 9.0]).view(6, 1, 1, 1).requires_grad_()
    fixed_point.batch_norm(x, norm, SCALE).sum().backward()
    assert x.grad.flatten().tolist() == [0, 1, 1, 1, 0, 0]


def test_sums_saturate_as_bytes():
    x, shortcut = (torch.tensor(values) / LARGEST_SCALE for values in ([100, -100, 5, 127], [100, -100, -7, 0]))
    assert (fixed_point.add(x, shortcut, SCALE) * LARGEST_SCALE).tolist() == [127, -128, -2, 127]


def test_quantising_rounds_halves_up_and_stays_within_a_byte():
    x = torch.tensor([0.5, -0.5, 1.49, -1.5, 1000.0, -1000.0, 126.6]) / LARGEST_SCALE
    assert (fixed_point.quantise(x, SCALE) * LARGEST_SCALE).tolist() == [1, 0, 1, -1, 127, -128, 127]

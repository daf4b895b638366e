"""The table of costs has every choice once, and what it says can be folded gives the same numbers folded."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dse.networks import Activation, Normalisation, Repairs, Residual
from dse.networks.repair_costs import REPAIR_COSTS, Operations, folded_operations, repair_cost
from dse.networks.repairs import repair_choices


def test_every_choice_has_one_row_with_a_reason():
    rows = [(row.option, row.choice) for row in REPAIR_COSTS]
    assert rows == [(option, choice) for option, choices in repair_choices().items() for choice in choices]
    assert all(row.reason for row in REPAIR_COSTS)


def test_the_first_choices_of_a_plain_block_cost_nothing():
    assert folded_operations(Repairs(residual=Residual.NONE)) == Operations()
    assert folded_operations(Repairs()) == Operations(adds=1)


def test_folded_operations_add_up():
    repairs = Repairs(learned_threshold=True, weight_scale=True, activation=Activation.RPRELU, residual=Residual.SINGLE)
    assert folded_operations(repairs) == Operations(adds=1.5, multiplies=1, compares=1, selects=1)
    before = Repairs(normalisation=Normalisation.BEFORE, activation=Activation.RPRELU)
    assert folded_operations(before) == Operations(adds=2, multiplies=1, compares=1, selects=1, bit_operations=1)


def test_operations_as_text():
    assert str(Operations(adds=-1, bit_operations=1)) == "-1 adds, +1 bit operations"
    assert str(Operations()) == "none"
    assert repair_cost("residual", "single").folded == Operations(adds=0.5)


def test_a_threshold_folds_into_the_comparison_exactly():
    generator = np.random.default_rng(1)
    t = generator.normal(size=4000).astype(np.float32)
    for x in (t, np.nextafter(t, np.float32(9)), np.nextafter(t, np.float32(-9)), generator.permutation(t)):
        assert np.array_equal(x - t >= 0, x >= t)


def test_scale_and_first_shift_fold_into_the_batch_norm():
    torch.manual_seed(1)
    sums = torch.randint(-288, 289, (4, 8, 6, 6)).double()
    shortcut, scale, shift = torch.randn(4, 8, 6, 6).double(), torch.rand(8).double(), torch.randn(8).double()
    mean, variance, factor, bias = torch.randn(8), torch.rand(8) + 0.1, torch.randn(8), torch.randn(8)
    norm = torch.nn.functional.batch_norm
    wide = [tensor.double() for tensor in (mean, variance, factor, bias)]
    written = norm(sums * scale.view(-1, 1, 1), *wide, eps=0.0) + shortcut - shift.view(-1, 1, 1)
    multiplier = wide[2] / wide[1].sqrt()
    offset = wide[3] - wide[0] * multiplier - shift
    folded = sums * (scale * multiplier).view(-1, 1, 1) + offset.view(-1, 1, 1) + shortcut
    torch.testing.assert_close(written, folded)


@pytest.mark.parametrize("factor", [0.7, -0.7])
def test_batch_norm_before_a_sign_is_a_comparison_turned_where_its_factor_is_negative(factor):
    x, mean, deviation, bias = np.random.default_rng(2).normal(size=1000), 0.3, 1.7, -0.4
    threshold = mean - bias * deviation / factor
    assert np.array_equal((x - mean) / deviation * factor + bias >= 0, (x >= threshold) ^ (factor < 0))

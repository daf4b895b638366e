"""Thresholds give the sign of the batch norm in exact arithmetic, for every dot product."""

from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels_asm import InputError
from kernels_asm.threshold import Thresholds, fold_batch_norm, fold_scale
from tests.fuzz import examples

FLOATS = st.one_of(
    st.floats(-100, 100),
    st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.5, -3.0, 1e-300, -1e-300, 5e-324, 1e300, -1e300]),
    st.integers(-40, 40).map(float),
)
POSITIVE = st.one_of(st.floats(0, 1e4), st.sampled_from([0.25, 1.0, 4.0, 9.0, 1e-30, 1e30]))


def every_dot(window: int) -> np.ndarray:
    return np.arange(-window, window + 1)


def one(value: float) -> np.ndarray:
    return np.array([value])


def bits(thresholds: Thresholds, window: int) -> list[bool]:
    return thresholds.bits(every_dot(window)[:, None])[:, 0].tolist()


@settings(deadline=None, max_examples=examples(300))
@given(scale=FLOATS, bias=FLOATS, window=st.integers(1, 60))
def test_a_scale_and_bias_are_folded_exactly(scale: float, bias: float, window: int) -> None:
    expected = [Fraction(scale) * int(dot) + Fraction(bias) < 0 for dot in every_dot(window)]
    assert bits(fold_scale(one(scale), one(bias), window), window) == expected


@settings(deadline=None, max_examples=examples(300))
@given(gamma=FLOATS, beta=FLOATS, mean=FLOATS, variance=POSITIVE, window=st.integers(1, 30))
def test_a_batch_norm_is_folded_exactly(gamma: float, beta: float, mean: float, variance: float, window: int) -> None:
    epsilon = 1e-5
    with localcontext() as context:
        context.prec = 2000  # digits: every product of these floats is exact, and the root far closer than any tie
        root = (Decimal(variance) + Decimal(epsilon)).sqrt()
        values = [Decimal(gamma) * (int(dot) - Decimal(mean)) + Decimal(beta) * root for dot in every_dot(window)]
    expected = [value < 0 for value in values]
    thresholds = fold_batch_norm(one(gamma), one(beta), one(mean), one(variance), epsilon, window)
    assert bits(thresholds, window) == expected


def test_a_batch_norm_of_exactly_zero_is_plus_one_for_either_sign_of_the_scale() -> None:
    # gamma * (dot - 3) / 2 + beta with gamma = 2, -2 and beta = 1: zero at 2 and at 4
    thresholds = fold_batch_norm(
        np.array([2.0, -2.0]), np.array([1.0, 1.0]), np.array([3.0, 3.0]), np.array([4.0, 4.0]), 0.0, 10
    )
    assert thresholds.limits.tolist() == [1, 4]
    assert thresholds.flips.tolist() == [False, True]
    assert thresholds.bits(np.array([[1, 4], [2, 5]])).tolist() == [[True, False], [False, True]]


def test_constant_batch_norms_and_the_largest_window_fit_16_bits() -> None:
    window = 32767
    scale = np.array([0.0, -0.0, 0.0, 1.0, 1.0, -1.0, -1.0])
    bias = np.array([-1.0, 0.0, 2.0, -1e6, 1e6, -1e6, 1e6])
    thresholds = fold_scale(scale, bias, window)
    assert thresholds.limits.tolist() == [window, -window - 1, -window - 1, window, -window - 1, -window - 1, window]
    ends = thresholds.bits(np.array([[-window], [window]]))
    assert ends.tolist() == [[True, False, False, True, False, True, False]] * 2


@pytest.mark.parametrize(
    ("fold", "message"),
    [
        (lambda: fold_scale(one(np.nan), one(0.0), 9), "scale: a value is not finite"),
        (lambda: fold_scale(one(1.0), np.zeros(2), 9), r"shapes scale \(1,\), bias \(2,\)"),
        (lambda: fold_scale(one(1.0), one(0.0), 32768), "window of 32768 products: give 1 to 32767"),
        (lambda: fold_batch_norm(*[one(0.0)] * 4, 0.0, 9), "variance \\+ epsilon must be more than 0"),
        (lambda: fold_batch_norm(*[one(1.0)] * 4, np.inf, 9), "epsilon: a value is not finite"),
    ],
)
def test_what_cannot_be_folded_is_refused(fold, message: str) -> None:
    with pytest.raises(InputError, match=message):
        fold()

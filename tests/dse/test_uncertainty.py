from __future__ import annotations

import ast
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dse import uncertainty
from dse.uncertainty import NORMAL_95, SEED_DEVIATION, MeasuredAccuracy, differ, paired_standard_error, standard_error
from tests.fuzz import examples

shares = st.floats(0, 1)
errors = st.floats(1e-6, 0.1)
measured = st.builds(MeasuredAccuracy, shares, errors)
image_counts = st.integers(1, 100_000)
several = st.lists(shares, min_size=2, max_size=8)


@pytest.mark.parametrize(
    ("accuracies", "images", "seed_deviation", "expected"),
    [
        ([0.5], 100, 0.0, 0.05),
        ([0.9], 10_000, 0.0, 0.003),
        ([0.9], 10_000, 0.004, 0.005),
        ([0.8497], 3500, 0.0, 0.00604),
        ([0.8497], 3500, SEED_DEVIATION, 0.00674),
        # Mean 0.9: binomial 0.09 / 10,000 = 9e-6; the seeds' variance is 32e-6, that of the mean of two 16e-6.
        ([0.896, 0.904], 10_000, SEED_DEVIATION, 0.005),
        ([0.9, 0.9, 0.9], 10_000, SEED_DEVIATION, 0.003),
        ([1.0], 500, 0.0, 0.0),
    ],
)
def test_known_values(accuracies: list[float], images: int, seed_deviation: float, expected: float) -> None:
    assert standard_error(accuracies, images, seed_deviation) == pytest.approx(expected, abs=5e-6)


def test_one_seed_takes_the_measured_deviation_unless_told_otherwise() -> None:
    assert SEED_DEVIATION == 0.003
    assert standard_error([0.9], 10_000) == pytest.approx(math.hypot(0.003, 0.003))


@settings(max_examples=examples(100))
@given(several, image_counts, st.floats(0, 0.1))
def test_several_seeds_are_judged_by_themselves(accuracies: list[float], images: int, seed_deviation: float) -> None:
    mean = np.mean(accuracies)
    expected = np.sqrt(mean * (1 - mean) / images + np.var(accuracies, ddof=1) / len(accuracies))
    assert standard_error(accuracies, images, seed_deviation) == pytest.approx(float(expected), abs=1e-9)


@settings(max_examples=examples(100))
@given(st.lists(shares, min_size=1, max_size=8), image_counts, st.integers(1, 100_000))
def test_more_images_never_raise_the_error(accuracies: list[float], images: int, more: int) -> None:
    assert standard_error(accuracies, images + more) <= standard_error(accuracies, images)


@settings(max_examples=examples(100))
@given(shares, image_counts, st.floats(0, 0.1), st.floats(0, 0.1))
def test_seeds_that_scatter_more_never_lower_the_error(share: float, images: int, one: float, more: float) -> None:
    low, high = (standard_error([share], images, deviation) for deviation in (one, one + more))
    assert standard_error([share], images, 0.0) <= low <= high


@settings(max_examples=examples(100))
@given(shares, image_counts, st.integers(2, 20))
def test_seeds_that_agree_leave_the_images_part(share: float, images: int, seeds: int) -> None:
    several, one = standard_error([share] * seeds, images), standard_error([share], images, 0.0)
    assert several**2 == pytest.approx(one**2, abs=1e-14)  # squares: near 0 a root makes much of a rounded mean


@settings(max_examples=examples(100))
@given(shares, image_counts)
def test_error_is_largest_at_one_half(share: float, images: int) -> None:
    assert standard_error([share], images) <= standard_error([0.5], images)


@pytest.mark.parametrize(
    ("accuracies", "images", "seed_deviation", "complaint"),
    [
        ([], 100, 0.0, "got 0 and 100"),
        ([0.5], 0, 0.0, "got 1 and 0"),
        ([1.5], 100, 0.0, r"within 0\.\.1; got \[1.5\]"),
        ([math.nan], 100, 0.0, r"within 0\.\.1"),
        ([0.5], 100, -0.1, "must not be negative; got -0.1"),
        ([0.5], 100, math.nan, "must not be negative; got nan"),
    ],
)
def test_senseless_input_is_refused(
    accuracies: list[float], images: int, seed_deviation: float, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        standard_error(accuracies, images, seed_deviation)


def test_the_binomial_part_covers_what_repeated_draws_of_images_show() -> None:
    """Draw test sets of 400 images for a network that is right on 85 % of all images, and compare the spread."""
    drawn = np.random.default_rng(1).binomial(400, 0.85, size=20_000) / 400
    assert standard_error([0.85], 400, 0.0) == pytest.approx(float(np.std(drawn)), rel=0.03)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((0.8497, 0.0060), (0.8649, 0.0058), False),  # 1.52 points, 1.96 errors of the difference are 1.64
        ((0.8497, 0.0060), (0.8680, 0.0058), True),  # 1.83 points
        ((0.85, 0.003), (0.85 - 1.959 * 0.005, 0.004), False),
        ((0.85, 0.003), (0.85 - 1.961 * 0.005, 0.004), True),
        ((0.85, 0.0), (0.85, 0.0), False),
        ((0.1, None), (0.9, 0.001), False),
        ((0.1, 0.001), (0.9, None), False),
    ],
)
def test_which_accuracies_differ(
    one: tuple[float, float | None], other: tuple[float, float | None], expected: bool
) -> None:
    assert differ(MeasuredAccuracy(*one), MeasuredAccuracy(*other)) is expected
    assert differ(MeasuredAccuracy(*other), MeasuredAccuracy(*one)) is expected


@settings(max_examples=examples(200))
@given(measured, measured)
def test_bars_of_accuracies_that_differ_do_not_overlap(one: MeasuredAccuracy, other: MeasuredAccuracy) -> None:
    assume(differ(one, other))
    assert one.standard_error is not None
    assert other.standard_error is not None
    assert abs(one.value - other.value) > one.standard_error + other.standard_error


@settings(max_examples=examples(200))
@given(measured, measured)
def test_accuracies_whose_95_percent_intervals_are_apart_differ(one: MeasuredAccuracy, other: MeasuredAccuracy) -> None:
    low, high = sorted((one, other), key=lambda accuracy: accuracy.value)
    assert low.interval is not None
    assert high.interval is not None
    assume(low.interval[1] < high.interval[0])
    assert differ(one, other)


@settings(max_examples=examples(100))
@given(measured, measured, st.floats(1, 1000))
def test_larger_errors_never_make_a_difference(one: MeasuredAccuracy, other: MeasuredAccuracy, factor: float) -> None:
    assert one.standard_error is not None
    assert differ(MeasuredAccuracy(one.value, factor * one.standard_error), other) <= differ(one, other)


@settings(max_examples=examples(100))
@given(measured)
def test_interval_holds_the_accuracy_and_stays_within_bounds(accuracy: MeasuredAccuracy) -> None:
    assert accuracy.interval is not None
    low, high = accuracy.interval
    assert 0 <= low <= accuracy.value <= high <= 1
    assert accuracy.standard_error is not None
    assert high - low <= 2 * NORMAL_95 * accuracy.standard_error + 1e-12


def test_interval_and_text_of_a_known_accuracy() -> None:
    accuracy = MeasuredAccuracy(0.8497, 0.006)
    assert accuracy.interval == pytest.approx((0.83794, 0.86146))
    assert accuracy.percent == "84.97 ± 0.60"
    assert MeasuredAccuracy(0.8497, None).interval is None
    assert MeasuredAccuracy(0.8497, None).percent == "84.97"


def test_needs_the_standard_library_alone() -> None:
    tree = ast.parse(Path(uncertainty.__file__).read_text(encoding="utf-8"))
    imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert imported
    assert {name.split(".")[0] for name in imported} <= sys.stdlib_module_names


def test_networks_that_answer_alike_leave_the_seeds_part() -> None:
    right = [1.0, 0.0, 0.5, 1.0]
    assert paired_standard_error(right, right, 0.003) == 0.003


def test_the_images_part_is_that_of_the_mean_of_their_differences() -> None:
    one, other = [1.0, 1.0, 0.0, 1.0], [1.0, 0.0, 0.0, 0.0]  # differences 0, 1, 0, 1
    assert paired_standard_error(one, other, 0.0) == pytest.approx(math.sqrt((1 / 3) / 4))
    assert paired_standard_error(other, one, 0.0) == paired_standard_error(one, other, 0.0)


def test_it_is_the_spread_of_the_difference_over_other_images() -> None:
    """Networks that find the same images hard: the error of independent accuracies would be twice as large."""
    random = np.random.default_rng(1)

    def answers(easy: NDArray[np.bool_]) -> tuple[list[float], list[float]]:
        one, other = (easy ^ (random.random(easy.size) < flips) for flips in (0.05, 0.04))
        return one.astype(float).tolist(), other.astype(float).tolist()

    samples = [answers(random.random(1_000) < 0.85) for _ in range(400)]
    spread = np.std([np.mean(one) - np.mean(other) for one, other in samples], ddof=1)
    errors = [paired_standard_error(one, other, 0.0) for one, other in samples]
    assert np.mean(errors) == pytest.approx(spread, rel=0.1)
    independent = math.hypot(*(standard_error([float(np.mean(one))], len(one), 0.0) for one in samples[0]))
    assert independent > 1.5 * np.mean(errors)


@pytest.mark.parametrize(("one", "other"), [(3, 4), (1, 1), (0, 0)])
def test_other_images_or_too_few_have_no_paired_error(one: int, other: int) -> None:
    with pytest.raises(ValueError, match="the same images, two or more"):
        paired_standard_error([1.0] * one, [1.0] * other, 0.0)

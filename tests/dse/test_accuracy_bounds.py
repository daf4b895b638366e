"""Bounds on accuracies: which networks are nested, what follows for them, and what contradicts it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dse.accuracy_bounds import DeclaredBound, GainBound, NestedBound, Reached, Trained, is_function_of
from dse.design import Design, NetworkChoice, Sums, uniform_design
from dse.networks import FeatureMaps
from kernels_asm import Arithmetic, OutputType, Overflow, RunningSums
from tests.fuzz import examples
from tests.sample_kernels import tiny_network

EXACT = uniform_design(1.0, 32, Overflow.EXACT, None)
WIDE = uniform_design(2.0, 32, Overflow.EXACT, None)
BYTES = FeatureMaps.INT8
CLIPPED = Sums(8, Overflow.EXACT, 31)


@pytest.fixture(scope="module")
def nested() -> NestedBound:
    return NestedBound(tiny_network)


def learned(number: int, *epochs: float) -> Trained:
    return Trained(number, EXACT, epochs[-1], 0.001, epochs)


def test_a_training_gains_no_more_than_the_best_of_five_others():
    bound, noise = GainBound(), 4 * 2**0.5 * 0.001
    known = [learned(number, 0.6, 0.7, 0.75 + number / 100) for number in range(5)]
    assert bound.of(EXACT, known) == 1.0
    assert bound.of(EXACT, known, Reached(1, 0.5)) == pytest.approx(0.5 + 0.19 + noise)
    assert bound.of(EXACT, known, Reached(2, 0.5)) == pytest.approx(0.5 + 0.09 + noise)
    assert bound.of(EXACT, known, Reached(1, 0.9)) == 1.0
    assert bound.of(EXACT, known[:4], Reached(1, 0.5)) == 1.0  # too few
    assert bound.of(EXACT, known, Reached(3, 0.5)) == 1.0  # no training had more than three epochs


def test_a_training_that_gains_more_than_any_other_contradicts_the_bound():
    known = [learned(number, 0.6, 0.7) for number in range(5)]
    assert GainBound().contradiction([*known, learned(5, 0.6, 0.7)]) is None
    told = GainBound().contradiction([*known, learned(5, 0.4, 0.7)])
    assert told == "trial 5 went from 40.00% after epoch 1 to 70.00%, further than any other"
    assert GainBound().contradiction([*known[:4], learned(5, 0.4, 0.7)]) is None  # the others are too few to say


def trained(design: Design, accuracy: float, error: float = 0.005, number: int = 0) -> Trained:
    return Trained(number, design, accuracy, error)


@pytest.mark.parametrize(
    "inner",
    [
        EXACT,
        uniform_design(1.0, 32, Overflow.EXACT, 31),
        uniform_design(0.5, 32, Overflow.EXACT, None),
        uniform_design(1.0, 32, Overflow.EXACT, None, BYTES),
        uniform_design(1.0, 16, Overflow.WRAP, None),
        uniform_design(1.0, 8, Overflow.WRAP, 7),
        uniform_design(0.5, 8, Overflow.SATURATE, None, BYTES),
        Design(NetworkChoice(), (CLIPPED, *EXACT.sums * 3)),
    ],
    ids=str,
)
def test_what_loses_more_is_bounded_by_what_loses_less(nested, inner):
    assert nested.of(inner, [trained(EXACT, 0.8)]) == pytest.approx(0.8 + 4 * 2**0.5 * 0.005)


@pytest.mark.parametrize(
    ("inner", "outer"),
    [
        (WIDE, EXACT),
        (EXACT, uniform_design(1.0, 32, Overflow.EXACT, 31)),
        (EXACT, uniform_design(1.0, 32, Overflow.EXACT, None, BYTES)),
        (EXACT, Design(NetworkChoice(depth_multiplier=2.0), EXACT.sums)),
        (Design(NetworkChoice(input_size=20), EXACT.sums), EXACT),
        (EXACT, Design(NetworkChoice(), (CLIPPED, *EXACT.sums * 3))),
        (EXACT, uniform_design(1.0, 8, Overflow.WRAP, None)),
        # a large sum that wraps to the other end of a clip is not told by the clip of the exact sum
        (uniform_design(1.0, 8, Overflow.WRAP, 31), uniform_design(1.0, 32, Overflow.EXACT, 31)),
        (uniform_design(1.0, 8, Overflow.RUNNING, None), EXACT),  # block 4's sums depend on their order
    ],
    ids=str,
)
def test_what_tells_more_apart_is_not_bounded(nested, inner, outer):
    assert nested.of(inner, [trained(outer, 0.8)]) == 1.0


def test_the_least_of_several_bounds_holds_and_none_is_above_1(nested):
    known = [trained(WIDE, 0.9), trained(EXACT, 0.7), trained(uniform_design(1.0, 32, Overflow.EXACT, 3), 0.5)]
    assert nested.of(uniform_design(1.0, 32, Overflow.EXACT, 31), known) == pytest.approx(0.7 + 4 * 2**0.5 * 0.005)
    assert nested.of(uniform_design(1.0, 32, Overflow.EXACT, 31), [trained(WIDE, 0.99)]) == 1.0
    assert nested.of(EXACT, []) == 1.0


def test_a_nested_network_beyond_the_bound_contradicts_it(nested):
    inner = uniform_design(1.0, 32, Overflow.EXACT, 31)
    assert nested.contradiction([trained(EXACT, 0.8), trained(inner, 0.82, number=1)]) is None
    told = nested.contradiction([trained(EXACT, 0.8), trained(inner, 0.83, number=1)])
    assert told == "trial 1 reached 83.00%, and trial 0, which loses less, 80.00%"
    assert nested.contradiction([trained(inner, 0.5), trained(EXACT, 0.9)]) is None


def test_a_declared_bound_holds_for_all_until_one_is_above():
    bound = DeclaredBound(0.85)
    assert bound.of(WIDE, []) == 0.85
    assert bound.contradiction([trained(WIDE, 0.85)]) is None
    assert bound.contradiction([trained(WIDE, 0.86, number=7)]) == "trial 7 reached 86.00%, above 85.00%"


@given(clips=st.lists(st.integers(1, 60), min_size=2, max_size=2), window=st.integers(1, 80))
@settings(max_examples=examples(100), deadline=None)
def test_a_smaller_clip_is_a_function_of_a_larger_one(clips, window):
    small, large = (Arithmetic(32, clip=clip).end_value(window) for clip in sorted(clips))
    assert is_function_of(small, large, window)


def test_a_larger_clip_is_no_function_of_a_smaller_one_that_cuts_more():
    small, large = (Arithmetic(32, clip=clip).end_value(80) for clip in (7, 31))
    assert not is_function_of(large, small, 80)


def test_running_sums_are_functions_of_themselves_alone():
    running, exact = RunningSums(-31, 31), Arithmetic(16, output=OutputType.INT16).end_value(576)
    assert is_function_of(running, running, 576)
    assert not is_function_of(running, exact, 576)
    assert not is_function_of(exact, running, 576)

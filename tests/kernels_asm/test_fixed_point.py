"""The batch norm in fixed point, compared with the operations' definitions in plain integers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels_asm import InputError
from kernels_asm.fixed_point import batch_norm_int8

INT8 = st.integers(-128, 127)
INT16 = st.integers(-(2**15), 2**15 - 1)


def saturated(value: int, bits: int) -> int:
    return min(max(value, -(1 << (bits - 1))), (1 << (bits - 1)) - 1)


def one_by_one(x: int, multiplier: int, shift: int, offset: int, shortcut: int) -> int:
    """The steps as the architecture's reference manual writes its operations, with integers of any size."""
    value = saturated(x, 16)
    value = saturated((2 * value * multiplier + (1 << 15)) >> 16, 16)
    if shift:
        value = (value + (1 << (shift - 1))) >> shift
    return saturated(saturated(saturated(value + offset, 16), 8) + shortcut, 8)


@given(
    x=st.one_of(INT16, st.integers(-(2**31), 2**31 - 1)),
    multiplier=INT16,
    shift=st.integers(0, 15),
    offset=INT16,
    shortcut=INT8,
)
def test_each_value_goes_through_the_steps(x: int, multiplier: int, shift: int, offset: int, shortcut: int) -> None:
    parameters = [np.array([value]) for value in (multiplier, shift, offset)]
    inputs = np.array([[x]], np.int32)
    assert batch_norm_int8(inputs, *parameters) == one_by_one(x, multiplier, shift, offset, 0)
    with_shortcut = batch_norm_int8(inputs, *parameters, np.array([[shortcut]], np.int8))
    assert with_shortcut == one_by_one(x, multiplier, shift, offset, shortcut)


@pytest.mark.parametrize(
    ("x", "multiplier", "shift", "offset", "expected"),
    [
        (100, 16384, 0, 0, 50),
        (101, 16384, 0, 0, 51),  # 50.5: a half goes up
        (-101, 16384, 0, 0, -50),  # -50.5 too
        (40, -32768, 3, 7, 2),  # -40 / 8 + 7
        (-32768, -32768, 9, 0, 64),  # the one product that saturates: 32,767 / 512, rounded
        (32767, 32767, 15, -128, -127),
        (32767, 32767, 0, 32767, 127),
        (-32768, 32767, 0, -32768, -128),
    ],
)
def test_known_values(x: int, multiplier: int, shift: int, offset: int, expected: int) -> None:
    parameters = [np.array([value]) for value in (multiplier, shift, offset)]
    result = batch_norm_int8(np.array([x], np.int16), *parameters)
    assert result.dtype == np.int8
    assert result.tolist() == [expected]


def test_each_channel_has_its_own_parameters() -> None:
    x = np.array([[[64, 64, 64], [-64, 640, 0]]], np.int16)
    result = batch_norm_int8(x, np.array([16384, -16384, 0]), np.array([0, 2, 15]), np.array([0, 0, -9]))
    assert result.tolist() == [[[32, -8, -9], [-32, -80, -9]]]


ONES = np.ones(3, np.int16)
SUMS = np.zeros((2, 3), np.int16)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((SUMS, ONES * 1.0, ONES, ONES), "multiplier of float64: give integers"),
        (
            (SUMS, ONES.astype(int) * 32768, ONES, ONES),
            "multiplier from 32768 to 32768: keep it within -32768 to 32767",
        ),
        ((SUMS, ONES, ONES * 16, ONES), "shift from 16 to 16: keep it within 0 to 15"),
        ((SUMS, ONES, -ONES, ONES), "shift from -1 to -1"),
        ((SUMS, ONES, ONES, ONES.astype(int) * -32769), "offset from -32769"),
        ((np.full((2, 3), 2**31), ONES, ONES, ONES), "x from 2147483648"),
        ((SUMS, ONES, ONES[:2], ONES), r"shapes \(3,\), \(2,\) and \(3,\): give one of each for every channel"),
        ((SUMS[:, :2], ONES, ONES, ONES), r"x of shape \(2, 2\) for 3 channels"),
        ((SUMS, ONES, ONES, ONES, SUMS[:1]), r"shortcut of shape \(1, 3\) for x of shape \(2, 3\)"),
        ((SUMS, ONES, ONES, ONES, SUMS + 128), "shortcut from 128 to 128"),
    ],
)
def test_what_is_out_of_range_is_refused(arguments: tuple[np.ndarray, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        batch_norm_int8(*arguments)

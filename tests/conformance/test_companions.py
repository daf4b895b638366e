"""Every companion kernel, run on the emulated machine, gives its oracle's output bit for bit.

The calls compare; here are shapes and data. Buffers end at guard pages, packed maps have borders of a byte that is
neither all zeros nor all ones.
"""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dse import companion_calls
from dse.companion_calls import (
    Call,
    run_float_batch_norm,
    run_int8_batch_norm,
    run_max_pool_bits,
    run_pack_bits,
    run_residual_add,
    run_threshold_bits,
)
from dse.errors import KernelMismatchError
from kernels_asm import InputError
from kernels_asm.activation import Activation
from kernels_asm.companions.float_batch_norm import FloatParameters, parameters_of
from kernels_asm.companions.max_pool_bits import PoolShape
from kernels_asm.packing import unpack_bits
from kernels_asm.threshold import Thresholds
from tests.fuzz import examples

CHANNELS = st.one_of(st.integers(1, 300), st.sampled_from([16, 32, 63, 64, 65, 128, 192, 256]))
SIZES = st.tuples(st.integers(1, 5), st.integers(1, 6))
CALLS = st.builds(
    Call,
    border=st.integers(0, 2),
    background=st.sampled_from([0, 0xA5]),
    alignment=st.just(1),
    pixels_at_once=st.sampled_from([1, 2]),
)
SEEDS = st.integers(0, 2**32)
STRICT = Call(border=1, background=0xA5, alignment=1)
BY_PIXELS = [replace(STRICT, pixels_at_once=pixels) for pixels in (1, 2)]
POOLS = [PoolShape(*sizes) for sizes in itertools.product((2, 3), (1, 2), (0, 1))]
# None and one whole block of 128 channels, none of 64, each number of groups behind, with and without a part of one.
EVERY_REST = range(8, 265, 8)
SPECIALS = np.array(
    [0.0, -0.0, np.inf, -np.inf, np.nan, -np.nan, 1e-45, -1e-45, 1e-38, -1e-38, 3.4e38, -3.4e38], np.float32
)


def property_test(count: int):
    return settings(deadline=None, max_examples=examples(count), suppress_health_check=[HealthCheck.too_slow])


def integers(rng: np.random.Generator, dtype: type[np.signedinteger], shape: tuple[int, ...]) -> np.ndarray:
    """Numbers of all sizes: uniform ones, small ones and the ends of the range."""
    limits = np.iinfo(dtype)
    uniform = rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    small = rng.integers(-3, 4, shape).astype(dtype)
    ends = rng.choice(np.array([limits.min, limits.min + 1, limits.max], dtype), shape)
    return np.choose(rng.integers(0, 3, shape), [uniform, small, ends])


def floats(rng: np.random.Generator, shape: tuple[int, ...], share_of_specials: float = 0.2) -> np.ndarray:
    scale = np.float32(10) ** rng.integers(-3, 4, shape).astype(np.float32)
    normal = rng.standard_normal(shape).astype(np.float32) * scale
    return np.where(rng.random(shape) < share_of_specials, rng.choice(SPECIALS, shape), normal)


def batch_norm_parameters(rng: np.random.Generator, channels: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    shift = rng.integers(0, 16, channels)
    return integers(rng, np.int16, (channels,)), shift, integers(rng, np.int16, (channels,))


# ---- pack_bits ----


@property_test(100)
@given(size=SIZES, channels=CHANNELS, dtype=st.sampled_from([np.int8, np.int16, np.float32]), call=CALLS, seed=SEEDS)
def test_pack_bits_of_random_maps(size, channels, dtype, call, seed) -> None:
    rng = np.random.default_rng(seed)
    shape = (*size, channels)
    run_pack_bits(floats(rng, shape) if dtype is np.float32 else integers(rng, dtype, shape), call)


@pytest.mark.parametrize("dtype", [np.int8, np.int16])
def test_pack_bits_of_every_integer(dtype: type[np.signedinteger]) -> None:
    limits = np.iinfo(dtype)
    values = np.arange(limits.min, int(limits.max) + 1).astype(dtype).reshape(-1, 1, 128)
    run = run_pack_bits(values, STRICT)
    assert np.array_equal(unpack_bits(run.bits[1:-1, 1:-1], 128), np.where(values < 0, -1, 1))


def test_pack_bits_of_special_floats() -> None:
    run = run_pack_bits(np.tile(SPECIALS, 5).reshape(1, 1, 60))
    expected = [1, 1, 1, -1, 1, 1, 1, -1, 1, -1, 1, -1] * 5
    assert unpack_bits(run.bits[0, 0], 60).tolist() == expected


# ---- residual_add ----


@property_test(80)
@given(size=SIZES, channels=CHANNELS, call=CALLS, seed=SEEDS)
def test_residual_add_of_random_maps(size, channels, call, seed) -> None:
    rng = np.random.default_rng(seed)
    run_residual_add(*(integers(rng, np.int8, (*size, channels)) for _ in range(2)), call)


def test_residual_add_of_every_pair_of_bytes() -> None:
    every = np.arange(-128, 128).astype(np.int8)
    left, right = (np.ascontiguousarray(grid)[:, None] for grid in np.meshgrid(every, every))
    run = run_residual_add(left, right, STRICT)
    assert run.output is not None
    assert run.output.size == 65536
    assert {-128, 127} <= set(run.output.ravel().tolist())


# ---- float_batch_norm ----


def float_parameters(
    rng: np.random.Generator, channels: int, activation: Activation, has_thresholds: bool, share_of_specials: float
) -> FloatParameters:
    names = ("scale", "bias", *parameters_of(activation), *(["threshold"] if has_thresholds else []))
    return FloatParameters(
        activation=activation, **{name: floats(rng, (channels,), share_of_specials) for name in names}
    )


@property_test(120)
@given(
    size=SIZES,
    channels=CHANNELS,
    dtype=st.sampled_from([np.float32, np.int32, np.int16, np.int8]),
    has_shortcut=st.booleans(),
    activation=st.sampled_from(list(Activation)),
    has_thresholds=st.booleans(),
    specials=st.sampled_from([0.0, 0.2]),
    call=CALLS,
    seed=SEEDS,
)
def test_float_batch_norm_of_random_maps(
    size, channels, dtype, has_shortcut, activation, has_thresholds, specials, call, seed
) -> None:
    rng = np.random.default_rng(seed)
    shape = (*size, channels)
    values = floats(rng, shape, specials) if dtype is np.float32 else integers(rng, dtype, shape)
    parameters = float_parameters(rng, channels, activation, has_thresholds, specials)
    run_float_batch_norm(values, parameters, floats(rng, shape, specials) if has_shortcut else None, call)


@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.int16, np.int8])
def test_float_batch_norm_of_every_combination_of_special_values(dtype: type[np.generic]) -> None:
    numbers = np.concatenate([SPECIALS, np.float32([1, -1, 2**24 + 2, -1.5])])
    scale, bias = (grid.ravel() for grid in np.meshgrid(numbers, numbers))
    whole = [0, 1, -1, 127, -128, 2**24 + 1, -(2**24) - 3, 2**31 - 1, -(2**31)]
    limit = 0 if dtype is np.float32 else np.iinfo(dtype).max
    fitting = [number for number in whole if -limit - 1 <= number <= limit]
    values = numbers if dtype is np.float32 else np.array(fitting, dtype)
    inputs = np.repeat(values, scale.size).reshape(1, -1, scale.size)
    for shortcut in (None, *(np.full(inputs.shape, number) for number in numbers)):
        for call in BY_PIXELS:
            run_float_batch_norm(inputs, FloatParameters(scale, bias), shortcut, call)


@pytest.mark.parametrize("activation", [Activation.RELU, Activation.PRELU, Activation.RPRELU])
def test_activations_and_thresholds_of_every_combination_of_special_values(activation: Activation) -> None:
    numbers = np.concatenate([SPECIALS, np.float32([1, -1, 0.25])])
    own, threshold = (grid.ravel() for grid in np.meshgrid(numbers, numbers))
    ones = np.ones_like(own)
    inputs = np.repeat(numbers, own.size).reshape(1, -1, own.size)
    for name in parameters_of(activation) or ("scale",):
        given_numbers = dict.fromkeys(("scale", "bias", *parameters_of(activation)), ones) | {name: own}
        parameters = FloatParameters(activation=activation, threshold=threshold, **given_numbers)
        for call in BY_PIXELS:
            run_float_batch_norm(inputs, parameters, None, call)


def test_float_activations_do_what_their_names_say() -> None:
    one = np.ones(1, np.float32)
    y = np.float32([-2.0, -0.5, 0.0, 3.0]).reshape(1, 4, 1)
    cases = {
        Activation.RELU: ({}, [0, 0, 0, 3]),
        Activation.PRELU: ({"slope": one / 4}, [-0.5, -0.125, 0, 3]),
        Activation.RPRELU: ({"before": one, "slope": one / 4, "after": one}, [0.75, 1.5, 2, 5]),
    }
    for activation, (numbers, expected) in cases.items():
        run = run_float_batch_norm(y, FloatParameters(one, 0 * one, activation, threshold=one, **numbers))
        assert run.output is not None
        assert run.output.ravel().tolist() == expected
        assert unpack_bits(run.bits[0], 1).ravel().tolist() == [-1 if value < 1 else 1 for value in expected]


def test_float_batch_norm_does_not_fuse() -> None:
    scale = np.full(16, 1 + 2**-12, np.float32)
    values = np.full((1, 1, 16), 1 + 2**-12, np.float32)
    run = run_float_batch_norm(values, FloatParameters(scale, -(scale * scale)))
    assert run.output is not None
    assert not run.output.any()


# ---- int8_batch_norm ----


@property_test(100)
@given(
    size=SIZES,
    channels=CHANNELS,
    dtype=st.sampled_from([np.int8, np.int16, np.int32]),
    has_shortcut=st.booleans(),
    call=CALLS,
    seed=SEEDS,
)
def test_int8_batch_norm_of_random_maps(size, channels, dtype, has_shortcut, call, seed) -> None:
    rng = np.random.default_rng(seed)
    shape = (*size, channels)
    shortcut = integers(rng, np.int8, shape) if has_shortcut else None
    run_int8_batch_norm(integers(rng, dtype, shape), batch_norm_parameters(rng, channels), shortcut, call)


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32])
def test_int8_batch_norm_at_the_ends_of_every_range(dtype: type[np.signedinteger]) -> None:
    multipliers = (-32768, -32767, -16384, -1, 0, 1, 16384, 32767)
    offsets = (-32768, -129, -128, -1, 0, 1, 127, 128, 32767)
    columns = np.array(list(itertools.product(multipliers, range(16), offsets))).T
    limits = np.iinfo(dtype)
    values = np.array([limits.min, -32769, -32768, -32767, -255, -1, 0, 1, 3, 254, 32767, 32768, limits.max])
    inputs = np.repeat(np.clip(values, limits.min, limits.max).astype(dtype), columns.shape[1]).reshape(1, 13, -1)
    parameters = (columns[0], columns[1], columns[2])
    outputs = set()
    for shortcut in (None, -128, -1, 1, 127):
        added = None if shortcut is None else np.full(inputs.shape, shortcut, np.int8)
        for call in BY_PIXELS:
            run = run_int8_batch_norm(inputs, parameters, added, call)
            assert run.output is not None
            outputs |= set(run.output.ravel().tolist())
    assert {-128, -127, -1, 0, 1, 126, 127} <= outputs


@property_test(80)
@given(
    size=SIZES,
    channels=st.sampled_from([32, 64, 128, 384]),
    has_shortcut=st.booleans(),
    in_order=st.booleans(),
    call=CALLS,
    seed=SEEDS,
)
def test_int8_batch_norm_in_slabs_of_random_maps(size, channels, has_shortcut, in_order, call, seed) -> None:
    rng = np.random.default_rng(seed)
    shape = (*size, channels)
    shortcut = integers(rng, np.int8, shape) if has_shortcut else None
    values, parameters = integers(rng, np.int16, shape), batch_norm_parameters(rng, channels)
    run_int8_batch_norm(values, parameters, shortcut, replace(call, in_slabs=True, in_order=in_order))


@pytest.mark.parametrize("in_order", [False, True])
@pytest.mark.parametrize("width", range(1, 8))
def test_int8_batch_norm_in_slabs_of_every_width(width: int, in_order: bool) -> None:
    rng = np.random.default_rng(width)
    values, shortcut = integers(rng, np.int16, (2, width, 256)), integers(rng, np.int8, (2, width, 256))
    call = replace(STRICT, in_slabs=True, in_order=in_order)
    run_int8_batch_norm(values, batch_norm_parameters(rng, 256), shortcut, call)


# ---- threshold_bits ----


def thresholds(rng: np.random.Generator, channels: int) -> Thresholds:
    return Thresholds(integers(rng, np.int16, (channels,)), rng.random(channels) < 0.5)


@property_test(100)
@given(size=SIZES, channels=CHANNELS, call=CALLS, seed=SEEDS)
def test_threshold_bits_of_random_maps(size, channels, call, seed) -> None:
    rng = np.random.default_rng(seed)
    limits = thresholds(rng, channels)
    values = integers(rng, np.int16, (*size, channels))
    next_to_limits = (limits.limits.astype(int) + rng.integers(-1, 2, values.shape)).clip(-(2**15), 2**15 - 1)
    run_threshold_bits(np.where(rng.random(values.shape) < 0.5, values, next_to_limits).astype(np.int16), limits, call)


@pytest.mark.parametrize("width", range(1, 8))
@pytest.mark.parametrize("channels", [64, 128, 384])
def test_threshold_bits_in_slabs_of_every_width(width: int, channels: int) -> None:
    rng = np.random.default_rng(width + channels)
    values = integers(rng, np.int16, (2, width, channels))
    run_threshold_bits(values, thresholds(rng, channels), replace(STRICT, in_slabs=True))
    run_threshold_bits(values[:1], Thresholds(values[0, 0], rng.random(channels) < 0.5), replace(STRICT, in_slabs=True))


def test_threshold_bits_of_every_integer_and_the_ends_of_the_range() -> None:
    values = np.arange(-(2**15), 2**15).astype(np.int16).reshape(-1, 1, 1).repeat(32, axis=2)
    limits = np.array([-(2**15), -(2**15) + 1, -2, -1, 0, 1, 2**15 - 2, 2**15 - 1] * 4, np.int16)
    flips = np.arange(32) >= 16
    for call in BY_PIXELS:
        run = run_threshold_bits(values, Thresholds(limits, flips), call)
        bits = unpack_bits(run.bits[1:-1, 1:-1], 32)
        assert np.count_nonzero(bits[..., 3] == -1) == 2**15  # -32768 to -1
        assert np.array_equal(bits[..., 19], -bits[..., 3])


# ---- what the kernels that walk groups of channels share ----


@pytest.mark.parametrize("channels", EVERY_REST)
def test_every_number_of_groups_behind_the_last_block(channels: int) -> None:
    rng = np.random.default_rng(channels)
    shape = (2, 3, channels)
    values = integers(rng, np.int8, shape)
    run_pack_bits(values, STRICT)
    run_residual_add(values, integers(rng, np.int8, shape), STRICT)
    for call in BY_PIXELS:
        for activation in Activation:
            parameters = float_parameters(rng, channels, activation, activation is Activation.RPRELU, 0.2)
            run_float_batch_norm(floats(rng, shape), parameters, floats(rng, shape), call)
        run_int8_batch_norm(integers(rng, np.int16, shape), batch_norm_parameters(rng, channels), values, call)
        run_threshold_bits(integers(rng, np.int16, shape), thresholds(rng, channels), call)


@pytest.mark.parametrize("last", range(1, 16))
def test_every_number_of_last_channels(last: int) -> None:
    rng = np.random.default_rng(last)
    for channels in (last, 16 + last):
        shape = (1, 3, channels)
        values = integers(rng, np.int8, shape)
        for dtype in (np.int8, np.int16):
            run_pack_bits(integers(rng, dtype, shape), STRICT)
        run_pack_bits(floats(rng, shape), STRICT)
        run_residual_add(values, integers(rng, np.int8, shape), STRICT)
        for call in BY_PIXELS:
            parameters = float_parameters(rng, channels, Activation.RPRELU, True, 0.2)
            run_float_batch_norm(floats(rng, shape), parameters, floats(rng, shape), call)
            for narrow in (np.int16, np.int8):
                run_float_batch_norm(integers(rng, narrow, shape), parameters, floats(rng, shape), call)
            run_threshold_bits(integers(rng, np.int16, shape), thresholds(rng, channels), call)
            for dtype in (np.int8, np.int16, np.int32):
                run_int8_batch_norm(integers(rng, dtype, shape), batch_norm_parameters(rng, channels), values, call)


# ---- max_pool_bits ----


@pytest.mark.parametrize("channels", [5, 64, 65, 130, 300])
@pytest.mark.parametrize("pool", POOLS, ids=str)
def test_max_pool_bits_of_every_size_of_map(pool: PoolShape, channels: int) -> None:
    rng = np.random.default_rng(channels)
    checked = 0
    for height, width in itertools.product(range(1, 6), repeat=2):
        if min(height, width) + 2 * pool.padding < pool.window:
            continue
        signs = rng.choice([-1, 1], (height, width, channels), p=[0.8, 0.2])
        run_max_pool_bits(signs, pool, rng.integers(0, 3), STRICT)
        checked += 1
    smallest = max(1, pool.window - 2 * pool.padding)
    assert checked == (6 - smallest) ** 2


@property_test(80)
@given(
    size=st.tuples(st.integers(3, 9), st.integers(3, 9)),
    channels=CHANNELS,
    pool=st.sampled_from(POOLS),
    share_of_minus=st.sampled_from([0.0, 0.5, 0.9, 1.0]),
    border=st.integers(0, 2),
    call=CALLS,
    seed=SEEDS,
)
def test_max_pool_bits_of_random_maps(size, channels, pool, share_of_minus, border, call, seed) -> None:
    signs = np.where(np.random.default_rng(seed).random((*size, channels)) < share_of_minus, -1, 1)
    run_max_pool_bits(signs, pool, border, call)


# ---- the calls themselves ----


def test_a_wrong_map_is_told_with_the_first_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    def off_by_one(left: np.ndarray, right: np.ndarray) -> np.ndarray:
        total = left + right
        total[1, 0, 2] += 1
        return total

    monkeypatch.setattr(companion_calls.residual_add, "oracle", off_by_one)
    ones = np.ones((2, 2, 9), np.int8)
    with pytest.raises(
        KernelMismatchError, match=r"residual_add .*: 1 of 36 differ, the first at row 1, column 0, chann"
    ):
        run_residual_add(ones, ones)


def test_wrong_bits_are_told_and_a_border_that_was_written_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(companion_calls.pack_bits, "oracle", lambda values: np.zeros((2, 2, 4), np.uint8))
    values = np.ones((2, 2, 9), np.int8)
    values[1, 1, 8] = -1
    with pytest.raises(KernelMismatchError, match=r"pack_bits .*the first at row 2, column 2, byte 1: 1 instead of 0"):
        run_pack_bits(values, Call(border=1))


def test_a_negative_zero_for_a_zero_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    zeros = np.zeros((1, 1, 3), np.float32)
    monkeypatch.setattr(companion_calls.float_batch_norm, "oracle", lambda *_: (-zeros, zeros > 0))
    with pytest.raises(KernelMismatchError, match=r"3 of 3 differ.*0\.0 instead of -0\.0"):
        run_float_batch_norm(zeros, FloatParameters(zeros[0, 0], zeros[0, 0]))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda m: run_residual_add(m, m[:1]), r"shortcut of shape \(1, 2, 3\) where \(2, 2, 3\) is needed"),
        (lambda m: run_residual_add(m, m.astype(np.int16)), "a feature map of int16 where the kernel takes int8"),
        (lambda m: run_float_batch_norm(m, FloatParameters(m[0], m[0])), r"scales of shape \(2, 3\) where \(3,\)"),
        (
            lambda m: run_int8_batch_norm(m.astype(np.int16), (m[0, 0],) * 3, call=Call(in_slabs=True)),
            "in slabs of 3 channels: give 32, 64 or a multiple of 128",
        ),
        (
            lambda m: run_threshold_bits(
                m.astype(np.int16), Thresholds(m[0, 0], m[0, 0].astype(bool)), Call(in_slabs=True)
            ),
            "in slabs of 3 channels: give 64 or a multiple of 128",
        ),
        (lambda m: run_int8_batch_norm(m.astype(np.int16), (m[0, 0], m[0, 0] + 20, m[0, 0])), "shift from 20 to 20"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(make, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make(np.zeros((2, 2, 3), np.int8))

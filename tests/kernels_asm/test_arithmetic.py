import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels_asm import Arithmetic, ConvShape, EndValue, InputError, OutputType, Overflow
from kernels_asm.arithmetic import OVERFLOWS_OF
from kernels_asm.oracle import binary_conv, binary_conv_in_order, dot_products

WIDE = OutputType.INT32
POLICIES = [(width, overflow) for width, overflows in OVERFLOWS_OF.items() for overflow in overflows]
WITH_END_VALUE = [policy for policy in POLICIES if policy[1] is not Overflow.RUNNING]


def all_dots(window: int) -> np.ndarray:
    return np.arange(-window, window + 1, 2)


def accumulated(p: int, width: int, overflow: Overflow) -> int:
    if overflow is Overflow.SATURATE:
        return min(p, 2**width - 1)
    if overflow is Overflow.WRAP:
        return p % 2**width
    return p


def read_back(count: int, window: int, arithmetic: Arithmetic) -> int:
    if arithmetic.overflow is not Overflow.WRAP:
        return window - 2 * count
    half = (window // 2 - count) % 2**arithmetic.accumulator
    if half >= 2 ** (arithmetic.accumulator - 1):
        half -= 2**arithmetic.accumulator
    return 2 * half + window % 2


@given(
    window=st.integers(1, 1500),
    overflow=st.sampled_from([overflow for width, overflow in WITH_END_VALUE if width == 8]),
    clip=st.none() | st.integers(1, 600),
)
def test_end_value_is_the_contract_for_every_count(window: int, overflow: Overflow, clip: int | None) -> None:
    arithmetic = Arithmetic(8, overflow, clip, WIDE)
    expected = []
    for dot in all_dots(window):
        count = accumulated((window - int(dot)) // 2, 8, overflow)
        value = read_back(count, window, arithmetic)
        expected.append(value if clip is None else min(max(value, -clip), clip))
    assert arithmetic.end_value(window).apply(all_dots(window)).tolist() == expected


@pytest.mark.parametrize("window", [1, 2, 9, 254, 255, 256, 257, 288, 510, 511, 576])
def test_equal_functions_have_equal_end_values(window: int) -> None:
    ways = [
        Arithmetic(width, overflow, clip, WIDE)
        for width, overflow in WITH_END_VALUE
        for clip in (None, 1, 3, 8, 9, 127, 255, 256, 288, 600)
    ]
    by_function: dict[bytes, set[EndValue]] = {}
    for way in ways:
        end_value = way.end_value(window)
        by_function.setdefault(end_value.apply(all_dots(window)).tobytes(), set()).add(end_value)
    assert all(len(end_values) == 1 for end_values in by_function.values())


@pytest.mark.parametrize(("window", "differs"), [(254, False), (255, False), (256, True), (257, True)])
def test_saturating_byte_differs_from_exact_only_past_255(window: int, differs: bool) -> None:
    exact = Arithmetic(8, Overflow.EXACT, None, WIDE).end_value(window)
    saturating = Arithmetic(8, Overflow.SATURATE, None, WIDE).end_value(window)
    assert (exact != saturating) == differs


def test_wrapping_byte_is_exact_around_zero() -> None:
    end_value = Arithmetic(8, Overflow.WRAP, None, WIDE).end_value(576)
    near = np.arange(-256, 255, 2)
    assert end_value.apply(near).tolist() == near.tolist()
    assert end_value.apply(np.array([256, 258, -258])).tolist() == [-256, -254, 254]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((7,), "accumulator width 7"),
        ((32, Overflow.WRAP), "never overflows"),
        ((32, Overflow.SATURATE), "never overflows"),
        ((32, Overflow.RUNNING), "never overflows"),
        ((16, Overflow.RUNNING), "running sums are bytes, not 16 bits wide: give 8 bits"),
        ((8, Overflow.EXACT, 0), "clip 0"),
        ((8, Overflow.EXACT, 32768), "clip 32768"),
        ((8, Overflow.EXACT, None, OutputType.INT8), "int8 output needs a clip"),
        ((8, Overflow.EXACT, 128, OutputType.INT8), "int8 output needs a clip"),
    ],
)
def test_impossible_arithmetic_is_refused(arguments: tuple, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        Arithmetic(*arguments)


@pytest.mark.parametrize("accumulator", [8, 16])
def test_exact_refuses_a_window_it_cannot_hold(accumulator: int) -> None:
    arithmetic = Arithmetic(accumulator)
    arithmetic.check_window(65535)
    with pytest.raises(InputError, match=f"a {accumulator}-bit accumulator cannot hold a window of 65536 products"):
        arithmetic.check_window(65536)


def test_narrow_output_refuses_a_window_past_its_lanes() -> None:
    arithmetic = Arithmetic(16, output=OutputType.INT16)
    arithmetic.check_window(32767)
    with pytest.raises(InputError, match="give output int32"):
        arithmetic.check_window(32768)


ORDERED = [
    Arithmetic(width, overflow, clip, output)
    for width, overflow in POLICIES
    for clip, output in [(31, OutputType.INT8), (None, OutputType.INT16), (None, OutputType.INT32)]
]


@given(data=st.data(), arithmetic=st.sampled_from(ORDERED), channels=st.sampled_from([1, 31, 32, 63, 64, 65, 128, 200]))
def test_order_of_the_contract_gives_the_end_value(data: st.DataObject, arithmetic: Arithmetic, channels: int) -> None:
    shape = ConvShape(data.draw(st.integers(2, 5)), data.draw(st.integers(2, 5)), channels, 3, 2, 3)
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    share_of_ones = data.draw(st.sampled_from([0.0, 0.02, 0.5, 0.98, 1.0]))
    activations = np.where(rng.random((shape.height, shape.width, channels)) < share_of_ones, -1, 1)
    weights = np.where(rng.random((3, 2, 3, channels)) < 0.5, -1, 1)
    in_order = binary_conv_in_order(activations, weights, shape, arithmetic)
    assert np.array_equal(in_order, binary_conv(activations, weights, shape, arithmetic))


def test_16_bit_accumulators_saturate_and_wrap_in_order_past_65535() -> None:
    shape = ConvShape(1, 1, 65664, 1, 1, 1, 1, 0)
    activations = np.full((1, 1, 65664), -1)
    weights = np.ones((1, 1, 1, 65664), int)
    for overflow, expected in ((Overflow.SATURATE, 65664 - 2 * 65535), (Overflow.WRAP, -65664 + 2**17)):
        arithmetic = Arithmetic(16, overflow)
        assert binary_conv_in_order(activations, weights, shape, arithmetic).item() == expected
        assert binary_conv(activations, weights, shape, arithmetic).item() == expected


RUNNING = Arithmetic(8, Overflow.RUNNING)


def random_operands(shape: ConvShape, seed: int, shares: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    filters = (shape.channels_out, shape.kernel_height, shape.kernel_width, shape.channels_in)
    inputs = (shape.height, shape.width, shape.channels_in)
    return tuple(
        np.where(rng.random(size) < share, -1, 1) for size, share in zip((inputs, filters), shares, strict=True)
    )


@given(
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    channels=st.sampled_from([1, 3, 27, 28, 32, 62, 63, 64, 126, 127, 128, 250, 253]),
    share=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    seed=st.integers(0, 2**32),
)
def test_running_sums_that_cannot_reach_a_bound_are_exact(
    kernel: tuple[int, int], channels: int, share: float, seed: int
) -> None:
    shape = ConvShape(3, 4, channels, 3, *kernel)
    operands = random_operands(shape, seed, (share, 0.1))
    running, exact = binary_conv(*operands, shape, RUNNING), dot_products(*operands, shape)
    assert np.abs(running).max() <= shape.window
    if shape.window + kernel[0] * kernel[1] <= 254:
        assert np.array_equal(running, exact)


@pytest.mark.parametrize(
    ("opposite", "expected"),
    [
        ((0, 1, 2), 0),  # -64, -128, stopped at -128, -64, 0
        ((2, 3, 4), -130),  # 64, stopped at 127, 63, -1, -65
        ((0, 2, 4), -128),  # -64, 0, -64, 0, -64: exact
        ((), 254),
        ((0, 1, 2, 3, 4), -256),
    ],
)
def test_running_sums_stop_at_a_byte_and_go_on_from_there(opposite: tuple[int, ...], expected: int) -> None:
    shape = ConvShape(1, 5, 128, 1, 1, 5, 1, 0)
    activations = np.ones((1, 5, 128), int)
    activations[:, list(opposite)] = -1
    weights = np.ones((1, 1, 5, 128), int)
    assert binary_conv(activations, weights, shape, RUNNING).item() == expected
    assert binary_conv_in_order(activations, weights, shape, RUNNING).item() == expected


@pytest.mark.parametrize(
    ("channels", "equal", "opposite"),
    [
        (3, 27, -27),
        (33, 254 + 9, -256 + 9),
        (127, 254 + 9, -256 + 9),
        (129, 254 + 9, -256 + 9),
        (130, 254, -256),
        (1, 9, -9),
    ],
)
def test_running_sums_of_blocks_with_an_odd_number_of_channels(channels: int, equal: int, opposite: int) -> None:
    shape = ConvShape(3, 3, channels, 1, padding=0)
    weights = np.ones((1, 3, 3, channels), int)
    for sign, expected in ((1, equal), (-1, opposite)):
        activations = np.full((3, 3, channels), sign)
        assert binary_conv(activations, weights, shape, RUNNING).item() == expected
        assert binary_conv_in_order(activations, weights, shape, RUNNING).item() == expected


def test_running_sums_have_no_end_value() -> None:
    with pytest.raises(InputError, match=r"depend on the order of their terms.*: give exact, saturate, wrap") as raised:
        RUNNING.end_value(9)
    assert "\n" not in str(raised.value)

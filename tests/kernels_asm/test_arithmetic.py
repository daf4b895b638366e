import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels_asm import (
    Arithmetic,
    ConvShape,
    EndValue,
    InputError,
    LayerFunction,
    OutputType,
    Overflow,
    PaddingValue,
    RunningSums,
)
from kernels_asm.arithmetic import OVERFLOWS_OF
from kernels_asm.oracle import binary_conv, binary_conv_in_order, dot_products
from kernels_asm.packing import block_sizes
from tests.fuzz import examples

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


def test_running_sums_pad_with_one_only() -> None:
    shape = ConvShape(4, 4, 9, 2, padding_value=PaddingValue.ZERO)
    for refused in (
        lambda: RUNNING.layer_function(shape),
        lambda: binary_conv(*random_operands(shape, 0, (0.5, 0.5)), shape, RUNNING),
    ):
        with pytest.raises(InputError, match=r"a running sum pads with \+1"):
            refused()


# ---------------------------------------------------------------- the function of a layer


def running(clip: int | None) -> Arithmetic:
    return Arithmetic(8, Overflow.RUNNING, clip)


def window_of(channels: int, kernel: tuple[int, int]) -> ConvShape:
    """A layer of one output."""
    return ConvShape(*kernel, channels, 1, *kernel, padding=0)


def sums_of_blocks(shape: ConvShape) -> tuple[list[int], list[int]]:
    sizes = block_sizes(shape.channels_in) * (shape.kernel_height * shape.kernel_width)
    return [size // 2 for size in sizes], [size - size // 2 for size in sizes]


def run_blocks(shape: ConvShape, moves: list[int], arithmetic: Arithmetic) -> int:
    """The output where block b moves the sum by `moves[b]`, up to n_b // 2 and down to n_b // 2 - n_b."""
    adds, takes = sums_of_blocks(shape)
    pixels = []
    for move, add, take in zip(moves, adds, takes, strict=True):
        assert -take <= move <= add
        pixels.append(np.where(np.arange(add + take) < add - move, -1, 1))
    activations = np.concatenate(pixels).reshape(shape.height, shape.width, shape.channels_in)
    weights = np.ones((1, shape.kernel_height, shape.kernel_width, shape.channels_in), int)
    output = binary_conv(activations, weights, shape, arithmetic).item()
    assert binary_conv_in_order(activations, weights, shape, arithmetic).item() == output
    return output


def spread(total: int, most: list[int]) -> list[int]:
    """`total` at least 0 over the blocks, at most `most` each, evenly."""
    moves, left = [0] * len(most), total
    while left:
        for block, limit in enumerate(most):
            if left and moves[block] < limit:
                moves[block] += 1
                left -= 1
    return moves


def two_orders(shape: ConvShape, function: RunningSums) -> tuple[list[int], list[int]]:
    """Two inputs of one dot product: up beyond 127 and back, or down beyond -128 and back; and the same spread."""
    adds, takes = sums_of_blocks(shape)
    for sign, towards, back, bound in ((1, adds, takes, 127), (-1, takes, adds, 128)):
        odd = sum(a != t for a, t in zip(adds, takes, strict=True))
        wanted = function.hi if sign > 0 else function.lo
        reached = list(itertools.accumulate(towards))
        first = next((block for block, total in enumerate(reached) if total > bound), None)
        if first is None:
            continue
        left = sum(back[first + 1 :])
        down = next((d for d in range(left + 1) if sign * (2 * sign * (bound - d) + odd - wanted) < 0), None)
        if down is None:
            continue
        away = [*towards[: first + 1], *(-move for move in spread(down, back[first + 1 :]))]
        total = sum(away)
        even = spread(total, towards) if total >= 0 else [-move for move in spread(-total, back)]
        return [sign * move for move in away], [sign * move for move in even]
    raise AssertionError(f"{shape}: no order makes a difference to {function}")


CHANNELS = (
    1,
    2,
    3,
    15,
    16,
    24,
    27,
    28,
    29,
    31,
    32,
    33,
    40,
    47,
    48,
    56,
    63,
    64,
    65,
    96,
    127,
    128,
    129,
    191,
    250,
    256,
    400,
)
KERNELS = ((1, 1), (1, 2), (2, 2), (1, 3), (3, 3), (5, 5))
RUNNING_CLIPS = (None, 1, 2, 3, 7, 15, 31, 63, 64, 127, 200, 254, 300)
LAYERS = [window_of(channels, kernel) for channels in CHANNELS for kernel in KERNELS]


def test_running_sums_are_told_apart_from_functions_of_the_dot_product() -> None:
    """Each layer that is said to depend on the order has two orders of one dot product that differ."""
    found = Counter[str]()
    for shape, clip in itertools.product(LAYERS, RUNNING_CLIPS):
        function = running(clip).layer_function(shape)
        if isinstance(function, RunningSums):
            one, other = two_orders(shape, function)
            assert sum(one) == sum(other)
            assert run_blocks(shape, one, running(clip)) != run_blocks(shape, other, running(clip))
        exact = Arithmetic(32, clip=clip).layer_function(shape)
        found["order" if isinstance(function, RunningSums) else "exact" if function == exact else "saturated"] += 1
    assert found.total() == len(LAYERS) * len(RUNNING_CLIPS)
    assert min(found["order"], found["exact"]) > 500
    assert found["saturated"] > 10


@given(
    data=st.data(),
    shape=st.sampled_from(LAYERS),
    clip=st.sampled_from(RUNNING_CLIPS),
    pattern=st.sampled_from(["equal", "opposite", "up then down", "down then up", "alternating", "random", "biased"]),
)
@settings(max_examples=examples(400))
def test_where_no_order_matters_running_sums_have_the_end_value(
    data: st.DataObject, shape: ConvShape, clip: int | None, pattern: str
) -> None:
    function = running(clip).layer_function(shape)
    adds, takes = sums_of_blocks(shape)
    turn = data.draw(st.integers(0, len(adds)))
    draw = {
        "equal": lambda block: adds[block],
        "opposite": lambda block: -takes[block],
        "up then down": lambda block: adds[block] if block < turn else -takes[block],
        "down then up": lambda block: -takes[block] if block < turn else adds[block],
        "alternating": lambda block: adds[block] if block % 2 else -takes[block],
        "random": lambda block: data.draw(st.integers(-takes[block], adds[block])),
        "biased": lambda block: data.draw(st.integers(adds[block] // 2, adds[block])),
    }[pattern]
    moves = [draw(block) for block in range(len(adds))]
    output = run_blocks(shape, moves, running(clip))
    assert function.lo <= output <= function.hi
    if isinstance(function, EndValue):
        dot = 2 * sum(moves) + sum(a != t for a, t in zip(adds, takes, strict=True))
        assert output == function.apply(np.array(dot))


@pytest.mark.parametrize("shape", LAYERS, ids=str)
@pytest.mark.parametrize("clip", [None, 15, 300])
def test_both_bounds_of_a_layer_function_are_outputs(shape: ConvShape, clip: int | None) -> None:
    function = running(clip).layer_function(shape)
    adds, takes = sums_of_blocks(shape)
    assert run_blocks(shape, adds, running(clip)) == function.hi
    assert run_blocks(shape, [-take for take in takes], running(clip)) == function.lo


@pytest.mark.parametrize(
    ("channels", "kernel", "clip", "expected"),
    [
        (28, (3, 3), None, EndValue(252, 505, -252, 252)),  # 9 blocks of 14: no sum beyond 126
        (64, (2, 2), None, EndValue(256, 513, -256, 254)),  # only the last of 4 blocks of 32 reaches 128
        (256, (1, 1), 63, EndValue(256, 513, -63, 63)),
        (32, (3, 3), None, RunningSums(-256, 254)),  # 128 after 8 blocks of 16, then back
        (32, (3, 3), 222, EndValue(288, 577, -222, 222)),  # a sum stopped at 127 ends at 111 or more
        (32, (3, 3), 223, RunningSums(-223, 223)),
        (48, (3, 3), 63, EndValue(432, 865, -63, 63)),
        (64, (3, 3), 3, RunningSums(-3, 3)),
        (33, (3, 3), None, RunningSums(-247, 263)),
    ],
)
def test_function_of_running_sums(
    channels: int, kernel: tuple[int, int], clip: int | None, expected: LayerFunction
) -> None:
    assert running(clip).layer_function(window_of(channels, kernel)) == expected


def test_all_but_running_sums_have_their_end_value() -> None:
    shape = ConvShape(5, 5, 64, 3, padding_value=PaddingValue.ZERO)
    for width, overflow in WITH_END_VALUE:
        arithmetic = Arithmetic(width, overflow, 31)
        assert arithmetic.layer_function(shape) == arithmetic.end_value(576)

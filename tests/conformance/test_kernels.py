"""Every variant of the kernel, run on the emulated machine, gives the oracle's output bit for bit."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from dse.emulation import KernelRunner, checked_run
from dse.errors import KernelMismatchError
from kernels_asm import (
    Arithmetic,
    ConvShape,
    InputError,
    KernelVariant,
    LaneTile,
    LoopOrder,
    OutputType,
    Overflow,
    Schedule,
    Tile,
    TreeTile,
    legal_tiles,
)
from kernels_asm.arithmetic import LARGEST_NARROW_WINDOW
from kernels_asm.lane_tile import lane_tiles
from kernels_asm.oracle import binary_conv_in_order, dot_products
from kernels_asm.packing import pixel_bytes
from kernels_asm.tree_tile import UNROLLS, tree_tiles
from tests.conformance.conv_cases import CLIPS, POLICIES, data, policy_name, signs

ARITHMETICS = [
    Arithmetic(width, policy, clip, output)
    for width, policy in POLICIES
    for output, clips in CLIPS.items()
    for clip in clips
]
RUNNING = Arithmetic(8, Overflow.RUNNING, 31, OutputType.INT8)
SHAPES = [
    ConvShape(3, 5, 7, 5),
    ConvShape(1, 1, 1, 1, 1, 1, 1, 0),
    ConvShape(5, 4, 64, 20, stride=2),
    ConvShape(4, 4, 130, 9),
    ConvShape(2, 3, 520, 17),  # 45 steps: byte lanes are widened
    ConvShape(6, 7, 33, 3, kernel_height=5, kernel_width=2, stride=2, padding=2),
]

# Channels, columns, rows, schedule and loop order.
TREE_KINDS = [
    (*block, *rest)
    for block in ((4, 1), (4, 2), (4, 3), (8, 1), (8, 2), (16, 1))
    for rest in itertools.product((1, 2), Schedule, LoopOrder)
]
WIDE_SHAPES = [
    ConvShape(2, 13, 32, 9),
    ConvShape(3, 12, 64, 5, kernel_height=1, kernel_width=1, padding=0),
    ConvShape(3, 14, 128, 17, kernel_height=2, kernel_width=2),
    ConvShape(4, 25, 50, 8, stride=2),
    ConvShape(5, 24, 31, 12, kernel_height=3, kernel_width=6, stride=2, padding=2),
    ConvShape(2, 12, 300, 6),
    ConvShape(3, 15, 40, 7, kernel_height=1, kernel_width=4, padding=1),
]


LANE_POLICIES = [policy for policy in POLICIES if policy[1] is not Overflow.RUNNING]


def legal(arithmetic: Arithmetic, tile: Tile, shape: ConvShape) -> bool:
    try:
        KernelVariant(arithmetic, tile).check(shape)
    except InputError:
        return False
    return True


@pytest.mark.parametrize("tile", lane_tiles(), ids=str)
@pytest.mark.parametrize("policy", LANE_POLICIES, ids=policy_name)
def test_every_lane_tile_and_policy(tile: LaneTile, policy: tuple[int, Overflow]) -> None:
    arithmetics = [a for a in ARITHMETICS if (a.accumulator, a.overflow) == policy]
    checked = 0
    # Each tile meets every output type, and every shape with one of the policies or another.
    for number, arithmetic in enumerate(arithmetics):
        shape = SHAPES[(number + lane_tiles().index(tile) + POLICIES.index(policy)) % len(SHAPES)]
        if legal(arithmetic, tile, shape):
            checked_run(KernelVariant(arithmetic, tile), shape, *data(shape, number), alignment=1)
            checked += 1
    assert checked >= len(arithmetics) // 2


WORDS = [arithmetic for arithmetic in ARITHMETICS if arithmetic.accumulator == 32]


@pytest.mark.parametrize("tile", lane_tiles((True,)), ids=str)
def test_every_lane_tile_that_adds_by_udot(tile: LaneTile) -> None:
    for number, arithmetic in enumerate(WORDS):
        shape = SHAPES[(number + lane_tiles((True,)).index(tile)) % len(SHAPES)]
        checked_run(KernelVariant(arithmetic, tile), shape, *data(shape, number), alignment=1)


@pytest.mark.parametrize("kind", TREE_KINDS, ids=lambda kind: "-".join(map(str, kind)))
def test_every_kind_of_tree_that_adds_by_udot(kind: tuple[int, int, int, Schedule, LoopOrder]) -> None:
    channels, columns, rows, schedule, order = kind
    number = TREE_KINDS.index(kind)
    tiles = list(tree_tiles((channels,), range(1, 13), (rows,), (columns,), (schedule,), (order,), (True,)))
    checked = 0
    for arithmetic in WORDS[number % 3 :: 3]:
        cases = [(tile, shape) for shape in WIDE_SHAPES for tile in legal_tiles(arithmetic, shape, tiles)]
        for tile, shape in cases[:: max(len(cases) // 2, 1)][:2]:
            checked_run(KernelVariant(arithmetic, tile), shape, *data(shape, number), alignment=1)
            checked += 1
    no_registers = schedule is Schedule.IN_ORDER and rows == 2 and channels * columns == 16
    assert checked == (0 if no_registers else 6)


@pytest.mark.parametrize("policy", POLICIES, ids=policy_name)
@pytest.mark.parametrize("kind", TREE_KINDS, ids=lambda kind: "-".join(map(str, kind)))
def test_every_kind_of_tree_and_policy(
    kind: tuple[int, int, int, Schedule, LoopOrder], policy: tuple[int, Overflow]
) -> None:
    channels, columns, rows, schedule, order = kind
    number = 7 * TREE_KINDS.index(kind) + POLICIES.index(policy)
    arithmetics = [a for a in ARITHMETICS if (a.accumulator, a.overflow) == policy]
    arithmetic = arithmetics[number % len(arithmetics)]
    tiles = list(tree_tiles((channels,), range(1, 13), (rows,), (columns,), (schedule,), (order,)))
    cases = [(tile, shape) for shape in WIDE_SHAPES for tile in legal_tiles(arithmetic, shape, tiles)]
    if policy[1] is Overflow.RUNNING and columns > 1:
        assert not cases  # a step would add several blocks at once
        return
    if (*kind[:4], policy[0]) == (16, 1, 2, Schedule.IN_ORDER, 32):
        assert not cases  # accumulators of 32 bits leave no registers for the halves that wait
        return
    tile, shape = cases[13 * number % len(cases)]
    checked_run(KernelVariant(arithmetic, tile), shape, *data(shape, number), alignment=1)
    unrolled, shape = next(unrolled_cases(arithmetic, cases[13 * number % len(cases) :] + cases, number))
    checked_run(KernelVariant(arithmetic, unrolled), shape, *data(shape, number), alignment=1)


def unrolled_cases(
    arithmetic: Arithmetic, cases: list[tuple[TreeTile, ConvShape]], number: int
) -> Iterator[tuple[TreeTile, ConvShape]]:
    """Yield those cases that can be unrolled, with one of the numbers of steps that they allow."""
    for tile, shape in cases:
        tiles = legal_tiles(arithmetic, shape, tile.unrolled(shape))
        if tiles:
            yield tiles[number % len(tiles)], shape


BLOCKS = [  # channels of one, two, three, four and seven blocks, of which the last is not whole
    ConvShape(3, 4, 100, 5),
    ConvShape(2, 4, 130, 5, 2, 2),
    ConvShape(2, 3, 300, 5, 3, 1),
    ConvShape(2, 3, 500, 5, 1, 2, 2),
    ConvShape(2, 2, 801, 5, 1, 2),
]


@pytest.mark.parametrize("shape", BLOCKS, ids=str)
@pytest.mark.parametrize("schedule", Schedule)
@pytest.mark.parametrize("rows", [1, 2])
def test_every_number_of_steps_in_a_row(shape: ConvShape, schedule: Schedule, rows: int) -> None:
    """With sums that stop after each block, whose sizes differ, and with exact ones."""
    unrolled = 0
    for arithmetic, columns in ((RUNNING, 1), (Arithmetic(16), 1), (Arithmetic(16), shape.kernel_width)):
        tile = TreeTile(4, 2, min(rows, shape.out_height), columns, schedule)
        for unroll in UNROLLS:
            variant = KernelVariant(arithmetic, replace(tile, unroll=unroll))
            checked_run(variant, shape, *data(shape, unroll), alignment=1)
            unrolled += variant.parameters(shape)["UNROLL"] > 1
    assert unrolled >= 6


# Strides of a tile or a window's row in bytes that no single immediate of ADD or SUB holds.
FAR_STEPS = [
    (ConvShape(2, 15, 3000, 4, 3, 3), "tree4x14r1c3", "tile"),
    (ConvShape(1, 25, 2000, 1, 1, 1, 2, 0), "tree4x12r1c1", "tile"),
    (ConvShape(1, 13, 4096, 1, 1, 7, 3, 3), "tree4x5r1c1", "tile"),
    (ConvShape(4, 9, 10000, 1, 1, 3, 1, 0), "tree4x7r1c3", "tile"),
    (ConvShape(2, 1100, 1, 1, 2, 1050, 1, 0), "tree4x12r1c1", "window"),
    (ConvShape(1, 530, 33, 3, 1, 516, 1, 0), "tree4x4r1c2", "window"),
]


@pytest.mark.parametrize(("shape", "size", "far"), FAR_STEPS, ids=str)
@pytest.mark.parametrize("schedule", Schedule)
def test_steps_beyond_an_immediate(shape: ConvShape, size: str, far: str, schedule: Schedule) -> None:
    tile = TreeTile.parse(f"{size}.{schedule}.{LoopOrder.PIXELS}")
    pixels = tile.pixels * shape.stride if far == "tile" else shape.kernel_width
    assert pixels * pixel_bytes(shape.channels_in) > 4095
    variant = KernelVariant(Arithmetic(16, clip=300, output=OutputType.INT16), tile)
    checked_run(variant, shape, *data(shape, 1), alignment=1)


@pytest.mark.parametrize("channels_in", [32, 64, 128])
@pytest.mark.parametrize("schedule", Schedule)
def test_a_prefetch_follows_the_weights(channels_in: int, schedule: Schedule) -> None:
    """It starts from the pointer that the loads of weights move on from step to step."""
    shape = ConvShape(3, 4, channels_in, 5)
    variant = KernelVariant(Arithmetic(16), TreeTile(4, 4, schedule=schedule, prefetch=64))
    trace = checked_run(variant, shape, *data(shape, 1), alignment=1).trace
    assert trace is not None
    text = "\n".join(instruction.text for instruction in trace.program.instructions)
    repeated = set(re.findall(r"ld1r \{v[0-9.]+[sd]\}, \[(x\d+)\], x6", text))
    assert len(repeated) == (4 if schedule is Schedule.IN_ORDER and channels_in < 128 else 0)
    assert set(re.findall(r"prfm pldl1keep, \[(x\d+), ", text)) == ({min(repeated)} if repeated else {"x1"})


ADVERSARIAL = [
    # name, window as one pixel of channels, share of -1 in activations and weights: the count of ones
    ("all-equal", 576, (0.0, 0.0)),
    ("all-opposite", 576, (1.0, 0.0)),
    ("count-254", 254, (1.0, 0.0)),
    ("count-255", 255, (1.0, 0.0)),
    ("count-256", 256, (1.0, 0.0)),
    ("lanes-at-31-steps", 31 * 128, (1.0, 0.0)),
    ("lanes-at-32-steps", 32 * 128, (1.0, 0.0)),
    ("lanes-at-33-steps", 33 * 128, (1.0, 0.0)),
    ("lanes-at-62-steps", 62 * 128, (1.0, 0.0)),
    ("narrow-limit", 32767, (1.0, 0.0)),
    ("count-65535", 65535, (1.0, 0.0)),
    ("count-65536", 65536, (1.0, 0.0)),
    ("count-past-65536", 65536 + 200, (1.0, 0.0)),
]


ADVERSARIAL_TILES = [
    tile
    for udot in (False, True)
    for tile in (
        LaneTile(4, 2, udot),
        TreeTile(4, 2, udot=udot),
        TreeTile(8, 1, schedule=Schedule.IN_ORDER, udot=udot),
    )
]


@pytest.mark.parametrize(("window", "shares"), [case[1:] for case in ADVERSARIAL], ids=[c[0] for c in ADVERSARIAL])
@pytest.mark.parametrize("policy", POLICIES, ids=policy_name)
def test_adversarial_counts(window: int, shares: tuple[float, float], policy: tuple[int, Overflow]) -> None:
    shape = ConvShape(1, 2, window, 5, 1, 1, 1, 0)
    checked = 0
    for clip, output in ((None, OutputType.INT32), (None, OutputType.INT16), (127, OutputType.INT8)):
        arithmetic = Arithmetic(*policy, clip, output)
        for tile in ADVERSARIAL_TILES:
            if legal(arithmetic, tile, shape):
                inputs = data(shape, 0, *shares)
                run = checked_run(KernelVariant(arithmetic, tile), shape, *inputs, alignment=1)
                assert np.array_equal(run.output, binary_conv_in_order(*inputs, shape, arithmetic))
                checked += 1
    widest = 65535 if policy in ((8, Overflow.EXACT), (16, Overflow.EXACT)) else 2**31 - 1
    if policy == (32, Overflow.EXACT):  # with and without UDOT
        assert checked == (18 if window <= 32767 else 2)
    elif policy[1] is Overflow.RUNNING:  # trees alone
        assert checked == (6 if window <= 32767 else 0)
    else:
        assert checked == (9 if window <= 32767 else int(window <= widest))


def in_blocks(shape: ConvShape, shares: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return activations with these shares of -1 in parts of the channels, one after another, and weights of +1."""
    activations, weights = data(shape, 0, 0.0, 0.0)
    parts = np.array_split(np.arange(shape.channels_in), len(shares))
    for number, (part, share) in enumerate(zip(parts, shares, strict=True)):
        activations[..., part] = signs(np.random.default_rng(number), (*activations.shape[:2], len(part)), share)
    return activations, weights


@pytest.mark.parametrize(
    "shares",
    [(1.0, 0.0), (0.0, 1.0), (1.0, 0.0, 1.0), (0.0, 1.0, 0.0, 0.5), (0.9, 0.2, 0.7)],
    ids=lambda shares: "-".join(map(str, shares)),
)
@pytest.mark.parametrize(
    "shape",
    [
        ConvShape(1, 3, 1500, 5, 1, 1, 1, 0),
        ConvShape(2, 13, 1409, 9, 1, 1, 1, 0),  # the last block has one channel
        ConvShape(3, 6, 777, 4, 2, 3),
        ConvShape(2, 4, 650, 17, 3, 3),
    ],
    ids=str,
)
@pytest.mark.parametrize("schedule", Schedule)
def test_running_sums_stop_early_and_come_back(shape: ConvShape, schedule: Schedule, shares: tuple[float, ...]) -> None:
    inputs = in_blocks(shape, shares)
    for clip, output in ((None, OutputType.INT32), (200, OutputType.INT16), (127, OutputType.INT8)):
        arithmetic = Arithmetic(8, Overflow.RUNNING, clip, output)
        for tile in (TreeTile(4, 2, schedule=schedule), TreeTile(8, 3, schedule=schedule)):
            run = checked_run(KernelVariant(arithmetic, tile), shape, *inputs, alignment=1)
            assert np.array_equal(run.output, binary_conv_in_order(*inputs, shape, arithmetic))
            if clip is None:
                assert not np.array_equal(run.output, dot_products(*inputs, shape))


ODD_CASES = [
    (channels, kernel)
    for channels in (1, 3, 31, 33, 63, 65, 127, 129, 255)
    for kernel in ((1, 1), (3, 3), (15, 17))
    if channels * kernel[0] * kernel[1] <= LARGEST_NARROW_WINDOW
]


@pytest.mark.parametrize(("channels", "kernel"), ODD_CASES, ids=str)
def test_running_sums_of_an_odd_number_of_channels(channels: int, kernel: tuple[int, int]) -> None:
    shape = ConvShape(2, 17, channels, 4, *kernel, 1, kernel[0] // 2)
    for shares, (clip, output) in itertools.product(
        ((0.0, 0.0), (1.0, 0.0), (0.5, 0.5)),
        ((127, OutputType.INT8), (31, OutputType.INT8), (None, OutputType.INT16), (300, OutputType.INT32)),
    ):
        inputs = data(shape, channels, *shares)
        arithmetic = Arithmetic(8, Overflow.RUNNING, clip, output)
        checked_run(KernelVariant(arithmetic, TreeTile(4, 12)), shape, *inputs, alignment=1)


@pytest.mark.parametrize("output", OutputType)
def test_channels_beyond_the_last_are_those_of_filters_of_plus_one(output: OutputType) -> None:
    shape = ConvShape(3, 3, 40, 5)
    variant = KernelVariant(Arithmetic(8, Overflow.EXACT, 100, output), LaneTile(8, 2))
    activations, weights = data(shape, 3)
    filled = np.concatenate([weights, np.ones((3, *weights.shape[1:]), weights.dtype)])
    whole = ConvShape(3, 3, 40, 8)
    narrow = KernelRunner(variant, shape)
    wide = KernelRunner(variant, whole)
    expected = wide.run(activations, wide.pack(filled)).output
    assert np.array_equal(narrow.run(activations, narrow.pack(weights)).output, expected[..., :5])


def test_a_wrong_kernel_is_told_with_the_first_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    import dse.emulation

    def off_by_one(*arguments: object) -> np.ndarray:
        expected = binary_conv_in_order(*arguments)
        expected[1, 0, 2] += 1
        return expected

    monkeypatch.setattr(dse.emulation, "binary_conv", off_by_one)
    shape = ConvShape(3, 3, 16, 4)
    variant = KernelVariant(Arithmetic(16, output=OutputType.INT16), LaneTile(4, 1))
    with pytest.raises(KernelMismatchError, match="1 of 36 outputs differ, the first at row 1, column 0, channel 2"):
        checked_run(variant, shape, *data(shape, 1))

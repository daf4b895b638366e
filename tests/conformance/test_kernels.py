"""Every variant of the kernel, run on the emulated machine, gives the oracle's output bit for bit."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dse.emulation import KernelRunner, checked_run
from dse.errors import KernelMismatchError
from kernels_asm import Arithmetic, ConvShape, InputError, KernelVariant, OutputType, Overflow, Tile
from kernels_asm.oracle import binary_conv_in_order
from kernels_asm.variant import all_tiles
from tests.conformance.conv_cases import CLIPS, POLICIES, data, policy_name
from tests.fuzz import examples

ARITHMETICS = [
    Arithmetic(width, policy, clip, output)
    for width, policy in POLICIES
    for output, clips in CLIPS.items()
    for clip in clips
]
TILES = list(all_tiles())
SHAPES = [
    ConvShape(3, 5, 7, 5),
    ConvShape(1, 1, 1, 1, 1, 1, 1, 0),
    ConvShape(5, 4, 64, 20, stride=2),
    ConvShape(4, 4, 130, 9),
    ConvShape(2, 3, 520, 17),  # 45 steps: byte lanes are widened
    ConvShape(6, 7, 33, 3, kernel_height=5, kernel_width=2, stride=2, padding=2),
]


def legal(variant: KernelVariant, shape: ConvShape) -> bool:
    try:
        variant.check(shape)
    except InputError:
        return False
    return True


@pytest.mark.parametrize("tile", TILES, ids=str)
@pytest.mark.parametrize("policy", POLICIES, ids=policy_name)
def test_every_tile_and_policy(tile: Tile, policy: tuple[int, Overflow]) -> None:
    arithmetics = [a for a in ARITHMETICS if (a.accumulator, a.overflow) == policy]
    checked = 0
    # Each tile meets every output type, and every shape with one of the policies or another.
    for number, arithmetic in enumerate(arithmetics):
        shape = SHAPES[(number + TILES.index(tile) + POLICIES.index(policy)) % len(SHAPES)]
        variant = KernelVariant(arithmetic, tile)
        if legal(variant, shape):
            checked_run(variant, shape, *data(shape, number), alignment=1)
            checked += 1
    assert checked >= len(arithmetics) // 2


@settings(deadline=None, max_examples=examples(150), suppress_health_check=[HealthCheck.too_slow])
@given(
    height=st.integers(1, 6),
    width=st.integers(1, 6),
    channels_in=st.one_of(st.integers(1, 140), st.sampled_from([64, 128, 192, 256, 512])),
    channels_out=st.integers(1, 20),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.integers(1, 3),
    padding=st.integers(0, 2),
    arithmetic=st.sampled_from(ARITHMETICS),
    tile=st.sampled_from(TILES),
    shares=st.tuples(*[st.sampled_from([0.0, 0.03, 0.5, 0.97, 1.0])] * 2),
    seed=st.integers(0, 2**32),
)
def test_random_layers(
    height: int,
    width: int,
    channels_in: int,
    channels_out: int,
    kernel: tuple[int, int],
    stride: int,
    padding: int,
    arithmetic: Arithmetic,
    tile: Tile,
    shares: tuple[float, float],
    seed: int,
) -> None:
    height, width = max(height, kernel[0] - 2 * padding), max(width, kernel[1] - 2 * padding)
    shape = ConvShape(height, width, channels_in, channels_out, *kernel, stride, padding)
    variant = KernelVariant(arithmetic, tile)
    if legal(variant, shape):
        inputs = data(shape, seed, *shares)
        run = checked_run(variant, shape, *inputs, alignment=1)
        assert np.array_equal(run.output, binary_conv_in_order(*inputs, shape, arithmetic))


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


@pytest.mark.parametrize(("window", "shares"), [case[1:] for case in ADVERSARIAL], ids=[c[0] for c in ADVERSARIAL])
@pytest.mark.parametrize("policy", POLICIES, ids=policy_name)
def test_adversarial_counts(window: int, shares: tuple[float, float], policy: tuple[int, Overflow]) -> None:
    shape = ConvShape(1, 2, window, 5, 1, 1, 1, 0)
    checked = 0
    for clip, output in ((None, OutputType.INT32), (None, OutputType.INT16), (127, OutputType.INT8)):
        variant = KernelVariant(Arithmetic(*policy, clip, output), Tile(4, 2))
        if legal(variant, shape):
            inputs = data(shape, 0, *shares)
            run = checked_run(variant, shape, *inputs, alignment=1)
            assert np.array_equal(run.output, binary_conv_in_order(*inputs, shape, variant.arithmetic))
            checked += 1
    widest = 65535 if policy in ((8, Overflow.EXACT), (16, Overflow.EXACT)) else 2**31 - 1
    assert checked == (3 if window <= 32767 else int(window <= widest))


@pytest.mark.parametrize("output", OutputType)
def test_channels_beyond_the_last_are_those_of_filters_of_plus_one(output: OutputType) -> None:
    shape = ConvShape(3, 3, 40, 5)
    variant = KernelVariant(Arithmetic(8, Overflow.EXACT, 100, output), Tile(8, 2))
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
    variant = KernelVariant(Arithmetic(16, output=OutputType.INT16), Tile(4, 1))
    with pytest.raises(KernelMismatchError, match="1 of 36 outputs differ, the first at row 1, column 0, channel 2"):
        checked_run(variant, shape, *data(shape, 1))

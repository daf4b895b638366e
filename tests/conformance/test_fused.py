"""Every fused variant, run on the emulated machine, gives its oracle's bits and map, and leaves the border alone.

`run_fused` compares; here are layers, data and variants. Buffers end at guard pages.
"""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dse import fused_emulation
from dse.errors import KernelMismatchError, UsageError
from dse.fused_emulation import (
    FusedOperands,
    Placement,
    fused_latency_key,
    random_fused_operands,
    run_fused,
    time_fused,
)
from isa_models import load_core
from kernels_asm import ConvShape, InputError, LoopOrder, PaddingValue, Schedule, TreeTile, legal_tiles
from kernels_asm.fused import FusedVariant, assemble_fused
from kernels_asm.fused_arguments import transform_field
from kernels_asm.transforms import (
    FloatBatchNorm,
    Int8BatchNorm,
    Int8Slabs,
    Parameters,
    ThresholdBits,
    ThresholdSlabs,
    Transform,
    all_transforms,
    parse_transform,
)
from kernels_asm.tree_tile import tree_tiles
from tests.conformance.conv_cases import data
from tests.fuzz import examples

STRICT = Placement(border=1, background=0xA5, alignment=1)
ACCUMULATORS = (8, 16, 32)
TILES = [
    TreeTile(channels, pixels, rows, columns, schedule)
    for (channels, pixels, columns), rows, schedule in itertools.product(
        ((4, 4, 3), (4, 3, 1), (8, 4, 1), (16, 2, 1)), (1, 2), Schedule
    )
    if (channels, rows, schedule) != (16, 2, Schedule.IN_ORDER)  # needs more registers than there are
]
TILES += [
    TreeTile(4, 4, rows, 3, schedule, unroll=3)
    for rows, schedule in ((1, Schedule.IN_ORDER), (2, Schedule.IN_ORDER), (2, Schedule.OUT_OF_ORDER))
]
# Output rows of 9 pixels, which no tile divides, in 5 lines.
LAYERS = [
    (32, 20, 4),
    (64, 17, 2),
    (128, 64, 1),
    (130, 7, 1),
]
"""Channels in, channels out, and pixels side by side in a register where a tile has 4."""


def layer(channels_in: int, channels_out: int, stride: int, padding_value: PaddingValue) -> ConvShape:
    height, width = (5, 9) if stride == 1 else (9, 17)
    return ConvShape(height, width, channels_in, channels_out, stride=stride, padding_value=padding_value)


def channels_of(transform: Transform, channels: int) -> int:
    """Return as many channels as the transform can have."""
    if isinstance(transform, ThresholdSlabs):
        return (64, 128, 256)[channels % 3]
    return (32, 64, 128)[channels % 3] if isinstance(transform, Int8Slabs) else channels


def parameters(rng: np.random.Generator, transform: Transform, shape: ConvShape) -> Parameters:
    """Parameters with the ends of every range among them."""
    channels = shape.channels_out
    if isinstance(transform, ThresholdBits):
        limits = rng.integers(-shape.window - 1, shape.window + 1, channels)
        ends = rng.choice([-shape.window - 1, shape.window, 0, -1], channels)
        return np.where(rng.random(channels) < 0.5, limits, ends).astype(np.int16), rng.random(channels) < 0.5
    if isinstance(transform, FloatBatchNorm):
        return tuple(
            rng.choice([1, 1e-3, 0], (2, channels)).astype(np.float32)
            * rng.normal(size=(2, channels)).astype(np.float32)
        )
    multiplier, offset = (
        np.where(rng.random(channels) < 0.2, rng.choice([-(2**15), 2**15 - 1, 0], channels), drawn)
        for drawn in (rng.integers(-(2**15), 2**15, channels), rng.integers(-100, 100, channels))
    )
    return multiplier, rng.integers(0, 16, channels), offset


def operands(shape: ConvShape, transform: Transform, seed: int, shares: tuple[float, float]) -> FusedOperands:
    rng = np.random.default_rng(seed)
    shortcut = random_fused_operands(shape, transform, seed).shortcut
    return FusedOperands(*data(shape, seed, *shares), parameters(rng, transform, shape), shortcut)


def cases(transform: Transform, padding_value: PaddingValue, stride: int) -> list[tuple[ConvShape, FusedVariant]]:
    """Each layer with two tiles; these and accumulators take turns from case to case."""
    found = []
    start = 2 * COMBINATIONS.index((transform, padding_value, stride))
    for number, (channels_in, channels_out, _) in enumerate(LAYERS):
        shape = layer(channels_in, channels_of(transform, channels_out), stride, padding_value)
        variants = [FusedVariant(ACCUMULATORS[(start + number) % 3], transform, tile) for tile in TILES]
        legal = [variant for variant in variants if legal_tiles(variant.arithmetic, shape, [variant.tile])]
        found += [(shape, legal[(start + 3 * number + turn) % len(legal)]) for turn in range(2)]
    return found


COMBINATIONS = list(itertools.product(all_transforms(), PaddingValue, (1, 2)))


@pytest.mark.parametrize(("transform", "padding_value", "stride"), COMBINATIONS, ids=lambda value: str(value))
def test_every_transform_padding_and_stride(transform: Transform, padding_value: PaddingValue, stride: int) -> None:
    for number, (shape, variant) in enumerate(cases(transform, padding_value, stride)):
        run_fused(shape, variant, operands(shape, transform, number, (0.5, 0.5)), STRICT)


def test_the_cases_reach_every_tile_and_vector() -> None:
    reached = [case for combination in COMBINATIONS for case in cases(*combination)]
    assert len(reached) == 2 * len(LAYERS) * len(COMBINATIONS) == 416
    assert {variant.tile for _, variant in reached} == set(TILES)
    assert len(TILES) == 18
    assert {variant.accumulator for _, variant in reached} == set(ACCUMULATORS)
    vectors = {
        (variant.tile.schedule, variant.tile.rows, variant.tile.vector_pixels(shape), shape.pads_zeros)
        for shape, variant in reached
    }
    assert vectors >= set(itertools.product(Schedule, (1, 2), (1, 2, 4), (False, True)))
    most = {
        shape.channels_in: variant.tile.vector_pixels(shape) for shape, variant in reached if variant.tile.pixels == 4
    }
    assert most == {channels_in: pixels for channels_in, _, pixels in LAYERS}


BORDERED = [
    ConvShape(1, 1, 3, 5, 1, 1, padding=1),  # windows that lie in the padding alone
    ConvShape(2, 4, 64, 4, 5, 5, padding=2),
    ConvShape(3, 6, 33, 8, 2, 2, padding=1),
    ConvShape(4, 9, 40, 6, 3, 1, stride=3, padding=2),
    ConvShape(6, 5, 256, 9, 1, 3, padding=3),
]


@pytest.mark.parametrize("shape", BORDERED, ids=str)
@pytest.mark.parametrize("shares", [(0.5, 0.5), (1.0, 0.0), (0.0, 0.0)], ids=str)
def test_zero_padding_wider_than_usual(shape: ConvShape, shares: tuple[float, float]) -> None:
    zeros = replace(shape, padding_value=PaddingValue.ZERO)
    for transform in (ThresholdBits(1), Int8BatchNorm(2, True)):
        for rows in (1, 2):
            if rows <= zeros.out_height:
                variant = FusedVariant(16, transform, TreeTile(4, min(3, zeros.out_width), rows, 1))
                run_fused(zeros, variant, operands(zeros, transform, rows, shares), STRICT)


@settings(deadline=None, max_examples=examples(80), suppress_health_check=[HealthCheck.too_slow])
@given(
    size=st.tuples(st.integers(1, 6), st.integers(1, 20)),
    channels_in=st.one_of(st.integers(1, 140), st.sampled_from([32, 64, 128, 256])),
    channels_out=st.one_of(st.integers(1, 40), st.sampled_from([64, 128, 144])),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.integers(1, 3),
    padding=st.integers(0, 2),
    padding_value=st.sampled_from(PaddingValue),
    transform=st.sampled_from(all_transforms()),
    accumulator=st.sampled_from(ACCUMULATORS),
    choice=st.data(),
    shares=st.tuples(*[st.sampled_from([0.0, 0.03, 0.5, 0.97, 1.0])] * 2),
    border=st.integers(0, 2),
    seed=st.integers(0, 2**32),
)
def test_random_layers(
    size,
    channels_in,
    channels_out,
    kernel,
    stride,
    padding,
    padding_value,
    transform,
    accumulator,
    choice,
    shares,
    border,
    seed,
) -> None:
    height, width = (max(length, window - 2 * padding) for length, window in zip(size, kernel, strict=True))
    channels = channels_of(transform, channels_out)
    shape = ConvShape(height, width, channels_in, channels, *kernel, stride, padding, padding_value)
    trees = tree_tiles(pixels=range(1, shape.out_width + 1), orders=(LoopOrder.PIXELS,))
    arithmetic = FusedVariant(accumulator, transform, TILES[0]).arithmetic
    tile = choice.draw(st.sampled_from(legal_tiles(arithmetic, shape, trees)))
    tile = choice.draw(st.sampled_from([tile, *legal_tiles(arithmetic, shape, tile.unrolled(shape))]))
    placement = Placement(border, 0xA5, 1)
    run_fused(shape, FusedVariant(accumulator, transform, tile), operands(shape, transform, seed, shares), placement)


def test_the_largest_window_with_the_thresholds_at_its_ends() -> None:
    shape = ConvShape(1, 2, 32767, 4, 1, 1, 1, 0)
    variant = FusedVariant(32, ThresholdBits(2), TreeTile(4, 2))
    limits = np.array([-32768, -32767, 32766, 32767], np.int16)
    for shares, signs in (((0.0, 0.0), 0b1000), ((1.0, 0.0), 0b1110)):
        operands = FusedOperands(*data(shape, 0, *shares), (limits, np.zeros(4, np.bool_)))
        assert run_fused(shape, variant, operands, STRICT).bits[1, 1:3, 0].tolist() == [signs, signs]


# ---- what is not computed ----


def test_a_wrong_kernel_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    right = fused_emulation.fused_conv

    def off_by_one(*arguments: object) -> tuple[np.ndarray, np.ndarray]:
        bits, output = right(*arguments)
        output[1, 0, 2] += 1
        return bits, output

    shape, transform = ConvShape(3, 3, 16, 4), Int8BatchNorm(1, True)
    variant = FusedVariant(8, transform, TreeTile(4, 2))
    monkeypatch.setattr(fused_emulation, "fused_conv", off_by_one)
    with pytest.raises(KernelMismatchError, match="1 of 36 outputs differ, the first at row 1, column 0, channel 2"):
        time_fused(shape, variant, load_core("cortex-a53"))
    monkeypatch.setattr(fused_emulation, "fused_conv", lambda *given: (right(*given)[0] ^ 1, right(*given)[1]))
    with pytest.raises(KernelMismatchError, match=r"\(bits\).*36 of 100 outputs differ, the first at row 1, column 1"):
        time_fused(shape, variant, load_core("cortex-a53"))


def test_a_shortcut_that_does_not_fit_is_refused() -> None:
    shape = ConvShape(3, 3, 16, 4)
    plain, adding = Int8BatchNorm(1), Int8BatchNorm(1, True)
    given = random_fused_operands(shape, adding)
    wide = FusedOperands(given.activations, given.weights, given.parameters, np.zeros((3, 3, 4), np.int16))
    for transform, inputs, message in (
        (plain, given, "int8.by1 has no shortcut"),
        (adding, random_fused_operands(shape, plain), r"int8\+shortcut.by1 needs a shortcut"),
        (adding, wide, r"a shortcut of int16 \(3, 3, 4\) where int8 \(3, 3, 4\) is needed"),
    ):
        with pytest.raises(InputError, match=message):
            run_fused(shape, FusedVariant(8, transform, TreeTile(4, 2)), inputs)


@pytest.mark.parametrize("core", ["cortex-a53", "cortex-a72"])
def test_a_transform_takes_a_small_part_of_the_time(core: str) -> None:
    """More than sign bits cost, less than a fifth of what the products take at the most that the core computes."""
    shape, tile = ConvShape(8, 8, 128, 32), TreeTile(4, 8, 1, 3)
    bits, norm = (
        time_fused(shape, FusedVariant(8, parse_transform(text), tile), load_core(core))
        for text in ("bits.by2", "int8+shortcut.by2")
    )
    assert bits.simulation.cycles < norm.simulation.cycles < 1.2 * bits.simulation.cycles
    assert norm.products_per_cycle == shape.products / norm.simulation.cycles > 20


def test_a_core_without_the_instructions_is_refused() -> None:
    variant = FusedVariant(32, ThresholdBits(1), TreeTile(4, 2, udot=True))
    with pytest.raises(UsageError, match="needs the ISA feature 'dotprod', which cortex-a53 has not"):
        time_fused(ConvShape(3, 3, 16, 4), variant, load_core("cortex-a53"))


def test_slabs_need_channels_that_fill_their_blocks() -> None:
    for transform, fitting in ((Int8Slabs(), "32, 64"), (ThresholdSlabs(), "64")):
        variant = FusedVariant(8, transform, TreeTile(4, 2))
        variant.check(ConvShape(3, 3, 16, 256))
        with pytest.raises(InputError, match=f"in slabs of 96 channels: give {fitting} or a multiple of 128"):
            variant.check(ConvShape(3, 3, 16, 96))


def test_the_key_of_a_timing_follows_all_that_it_depends_on() -> None:
    shape, core = ConvShape(3, 3, 16, 64), load_core("cortex-a53")
    variants = [FusedVariant(8, transform, TreeTile(4, 2)) for transform in all_transforms()]
    keys = [fused_latency_key(shape, variant, core) for variant in variants]
    keys.append(fused_latency_key(replace(shape, padding_value=PaddingValue.ZERO), variants[0], core))
    assert len({tuple(key.values()) for key in keys}) == len({key["kernel"] for key in keys}) == 14
    other = fused_latency_key(shape, variants[0], load_core("cortex-a72"))
    assert {name for name in other if other[name] != keys[0][name]} == {"core"}
    assert keys[0]["kernel"] == assemble_fused(variants[0], shape).digest


def test_field_names_of_the_transform_are_told_apart() -> None:
    variant = FusedVariant(8, ThresholdBits(1), TreeTile(4, 2))
    assert {"output", transform_field("bits"), transform_field("parameters")} <= set(variant.arguments.pointers)

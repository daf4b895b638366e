"""Random layers on random tiles of each kind: the kernel's bytes are those of the contract, executed in its order."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dse.emulation import checked_run
from kernels_asm import (
    Arithmetic,
    ConvShape,
    InputError,
    KernelVariant,
    Overflow,
    Schedule,
    Tile,
    TreeTile,
    legal_tiles,
)
from kernels_asm.lane_tile import lane_tiles
from kernels_asm.oracle import binary_conv_in_order
from kernels_asm.tree_tile import UNROLLS, tree_tiles
from tests.conformance.conv_cases import CLIPS, POLICIES, data
from tests.fuzz import examples

EXAMPLES = 120
"""Of each kind of tile in `make test`; `make fuzz` draws 50 times as many, 18,000 in all."""

ARITHMETICS = [
    Arithmetic(width, policy, clip, output)
    for width, policy in POLICIES
    for output, clips in CLIPS.items()
    for clip in clips
]


UDOTS = (False, True)


def lanes(_shape: ConvShape) -> Iterator[Tile]:
    yield from lane_tiles(UDOTS)


def trees(schedule: Schedule) -> Callable[[ConvShape], Iterator[Tile]]:
    def tiles(shape: ConvShape) -> Iterator[Tile]:
        yield from tree_tiles(pixels=range(1, shape.out_width + 1), schedules=(schedule,), udots=UDOTS)

    return tiles


KINDS = {
    "lanes": lanes,
    "trees-in-order": trees(Schedule.IN_ORDER),
    "trees-out-of-order": trees(Schedule.OUT_OF_ORDER),
}


def unrolled(tile: Tile) -> list[Tile]:
    """The tile with each number of steps in a row that it can have."""
    return [replace(tile, unroll=unroll) for unroll in UNROLLS] if isinstance(tile, TreeTile) else [tile]


def arithmetics(kind: str) -> list[Arithmetic]:
    """Those that the kind computes: lanes cannot tell running sums apart."""
    return [a for a in ARITHMETICS if kind != "lanes" or a.overflow is not Overflow.RUNNING]


@st.composite
def shapes(draw: st.DrawFn) -> ConvShape:
    kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    padding = draw(st.integers(0, 2))
    return ConvShape(
        height=max(draw(st.integers(1, 6)), kernel[0] - 2 * padding),
        width=max(draw(st.integers(1, 20)), kernel[1] - 2 * padding),
        channels_in=draw(st.one_of(st.integers(1, 140), st.sampled_from([32, 64, 128, 192, 256, 512]))),
        channels_out=draw(st.integers(1, 20)),
        kernel_height=kernel[0],
        kernel_width=kernel[1],
        stride=draw(st.integers(1, 3)),
        padding=padding,
    )


@pytest.mark.hypothesis  # so that `make fuzz` selects it
@pytest.mark.parametrize("kind", KINDS)
def test_random_layers(kind: str) -> None:
    executed = 0

    @settings(deadline=None, max_examples=examples(EXAMPLES), suppress_health_check=[HealthCheck.too_slow])
    @given(
        shape=shapes(),
        arithmetic=st.sampled_from(arithmetics(kind)),
        choice=st.data(),
        shares=st.tuples(*[st.sampled_from([0.0, 0.03, 0.5, 0.97, 1.0])] * 2),
        seed=st.integers(0, 2**32),
    )
    def check(
        shape: ConvShape, arithmetic: Arithmetic, choice: st.DataObject, shares: tuple[float, float], seed: int
    ) -> None:
        nonlocal executed
        tile = choice.draw(st.sampled_from(legal_tiles(arithmetic, shape, KINDS[kind](shape))), label="tile")
        tile = choice.draw(st.sampled_from(legal_tiles(arithmetic, shape, unrolled(tile))), label="unrolled")
        inputs = data(shape, seed, *shares)
        run = checked_run(KernelVariant(arithmetic, tile), shape, *inputs, alignment=1)
        assert np.array_equal(run.output, binary_conv_in_order(*inputs, shape, arithmetic))
        executed += 1

    check()
    assert executed >= examples(EXAMPLES)


def test_each_kind_computes_every_layer_and_arithmetic() -> None:
    """What `check` relies on: there is always a tile to draw."""
    layers = [ConvShape(1, 1, 1, 1, 1, 1, 1, 0), ConvShape(1, 1, 520, 3, 4, 4, 3, 2), ConvShape(2, 20, 33, 4, 1, 4)]
    for shape in layers:
        for kind, tiles in KINDS.items():
            for arithmetic in arithmetics(kind):
                assert legal_tiles(arithmetic, shape, tiles(shape))


def test_windows_beyond_16_bits_are_for_lanes() -> None:
    shape = ConvShape(1, 1, 33_000, 1, 1, 1, 1, 0)
    assert legal_tiles(Arithmetic(32), shape, lanes(shape))
    assert not legal_tiles(Arithmetic(32), shape, tree_tiles())
    with pytest.raises(InputError, match="33000 products exceeds 32767"):
        next(tree_tiles()).registers(Arithmetic(32), shape)

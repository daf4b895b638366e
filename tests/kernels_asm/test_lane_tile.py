import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels_asm import Arithmetic, ConvShape, InputError, LaneTile, Overflow, legal_tiles
from kernels_asm.lane_tile import lane_tiles
from kernels_asm.tile import VECTOR_REGISTERS

SHORT = ConvShape(4, 4, 384, 8, 3, 3)  # 27 steps: no widening
LONG = ConvShape(4, 4, 512, 8, 3, 3)  # 36 steps: byte lanes must be widened


@given(tile=st.sampled_from(lane_tiles()), shape=st.sampled_from([SHORT, LONG]), width=st.sampled_from([8, 16, 32]))
def test_a_legal_plan_fits_the_register_file(tile: LaneTile, shape: ConvShape, width: int) -> None:
    arithmetic = Arithmetic(width)
    if legal_tiles(arithmetic, shape, [tile]):
        plan = tile.plan(arithmetic, shape)
        assert plan.used <= VECTOR_REGISTERS
        assert plan.group_channels >= 1
        assert plan.group_pixels >= 1
    else:
        with pytest.raises(InputError, match="vector registers of 32"):
            tile.plan(arithmetic, shape)


def test_only_exact_bytes_widen_and_only_past_31_steps() -> None:
    tile = LaneTile(2, 2)
    assert not tile.widens(Arithmetic(8), SHORT)
    assert tile.widens(Arithmetic(8), LONG)
    assert not tile.widens(Arithmetic(8, Overflow.WRAP), LONG)
    assert not tile.widens(Arithmetic(16), LONG)


def test_widening_costs_tiles() -> None:
    long, short = (set(legal_tiles(Arithmetic(8), shape, lane_tiles())) for shape in (LONG, SHORT))
    assert long < short


def test_too_large_a_tile_is_refused_with_the_count() -> None:
    with pytest.raises(InputError, match="tile 16x2 needs 37 vector registers of 32"):
        LaneTile(16, 2).plan(Arithmetic(8), SHORT)


def test_running_sums_are_refused() -> None:
    with pytest.raises(InputError, match=r"tile 4x4: its lanes hold parts of a sum .* running sums do: give a tree"):
        LaneTile(4, 4).registers(Arithmetic(8, Overflow.RUNNING), SHORT)


@pytest.mark.parametrize(("channels", "pixels"), [(3, 1), (32, 1), (4, 0), (4, 9)])
def test_a_tile_out_of_range_is_refused(channels: int, pixels: int) -> None:
    with pytest.raises(InputError, match=f"tile {channels}x{pixels}"):
        LaneTile(channels, pixels)

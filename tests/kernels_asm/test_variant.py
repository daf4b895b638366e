import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels_asm import Arithmetic, ConvShape, InputError, KernelVariant, Overflow, Tile, legal_tiles
from kernels_asm.variant import VECTOR_REGISTERS, all_tiles

SHORT = ConvShape(4, 4, 384, 8, 3, 3)  # 27 steps: no widening
LONG = ConvShape(4, 4, 512, 8, 3, 3)  # 36 steps: byte lanes must be widened


@given(
    tile=st.sampled_from(list(all_tiles())), shape=st.sampled_from([SHORT, LONG]), width=st.sampled_from([8, 16, 32])
)
def test_a_legal_plan_fits_the_register_file(tile: Tile, shape: ConvShape, width: int) -> None:
    variant = KernelVariant(Arithmetic(width), tile)
    if tile in legal_tiles(variant.arithmetic, shape):
        plan = variant.registers(shape)
        assert plan.used <= VECTOR_REGISTERS
        assert plan.group_channels >= 1
        assert plan.group_pixels >= 1
    else:
        with pytest.raises(InputError, match="vector registers of 32"):
            variant.check(shape)


def test_only_exact_bytes_widen_and_only_past_31_steps() -> None:
    tile = Tile(2, 2)
    assert not KernelVariant(Arithmetic(8), tile).widens(SHORT)
    assert KernelVariant(Arithmetic(8), tile).widens(LONG)
    assert not KernelVariant(Arithmetic(8, Overflow.WRAP), tile).widens(LONG)
    assert not KernelVariant(Arithmetic(16), tile).widens(LONG)


def test_widening_costs_tiles() -> None:
    assert set(legal_tiles(Arithmetic(8), LONG)) < set(legal_tiles(Arithmetic(8), SHORT))


def test_too_large_a_tile_is_refused_with_the_count() -> None:
    with pytest.raises(InputError, match="tile 16x2 needs 37 vector registers of 32"):
        KernelVariant(Arithmetic(8), Tile(16, 2)).check(SHORT)


@pytest.mark.parametrize(("channels", "pixels"), [(3, 1), (32, 1), (4, 0), (4, 9)])
def test_a_tile_out_of_range_is_refused(channels: int, pixels: int) -> None:
    with pytest.raises(InputError, match=f"tile {channels}x{pixels}"):
        Tile(channels, pixels)


def test_tiles_are_read_as_they_are_written() -> None:
    assert all(Tile.parse(str(tile)) == tile for tile in all_tiles())
    for text in ("4", "x4", "4x", "axb", "4x4x4", "-4x4"):
        with pytest.raises(InputError):
            Tile.parse(text)

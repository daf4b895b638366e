"""A variant is read as it is written, and whatever else is written is refused in one line that says what is wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels_asm import (
    Arithmetic,
    ConvShape,
    InputError,
    KernelVariant,
    LaneTile,
    OutputType,
    Overflow,
    TreeTile,
    all_tiles,
)
from kernels_asm.arithmetic import OVERFLOWS_OF
from kernels_asm.tile import DOT_PRODUCT
from kernels_asm.tiles import listed_tiles
from kernels_asm.variant import PARTS
from kernels_asm.variant_list import can_compute, part_of, sampled_variants

ALL_TILES = list(all_tiles())
WORD_TILES = list(all_tiles((DOT_PRODUCT,)))
GOOD = "acc8-exact-clip31-int8-8x3"


@st.composite
def variants(draw: st.DrawFn) -> KernelVariant:
    accumulator = draw(st.sampled_from([8, 16, 32]))
    overflow = draw(st.sampled_from(OVERFLOWS_OF[accumulator]))
    clip = draw(st.none() | st.integers(1, 32767))
    fits_byte = clip is not None and clip <= 127
    output = draw(st.sampled_from(OutputType if fits_byte else [OutputType.INT16, OutputType.INT32]))
    one_column = [tile for tile in ALL_TILES if isinstance(tile, TreeTile) and tile.columns == 1]
    tiles = one_column if overflow is Overflow.RUNNING else WORD_TILES if accumulator == 32 else ALL_TILES
    return KernelVariant(Arithmetic(accumulator, overflow, clip, output), draw(st.sampled_from(tiles)))


@given(variants())
def test_is_read_as_it_is_written(variant: KernelVariant) -> None:
    assert KernelVariant.parse(str(variant)) == variant


def test_text_has_the_parts_in_order() -> None:
    variant = KernelVariant(Arithmetic(8, Overflow.EXACT, 31, OutputType.INT8), LaneTile(8, 3))
    assert str(variant) == GOOD
    assert [part.accepts(text) for part, text in zip(PARTS, GOOD.split("-"), strict=True)] == [True] * len(PARTS)


@given(st.text() | st.lists(st.sampled_from([*GOOD.split("-"), "", "x", "acc"])).map("-".join))
def test_every_text_is_a_variant_or_one_line(text: str) -> None:
    try:
        variant = KernelVariant.parse(text)
    except InputError as error:
        message = str(error)
    else:
        message = str(variant)
        assert message == text
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "accumulator '': write acc8, acc16 or acc32, as in acc8-exact-clip31-int8-8x3"),
        ("acc8", "overflow, clip, output, tile missing: write ACCUMULATOR-OVERFLOW-CLIP-OUTPUT-TILE, such as acc8-"),
        ("acc8-exact-clip31-int8", "tile missing: write"),
        (f"{GOOD}-fast", "'fast' is too much: write"),
        ("acc9-exact-clip31-int8-8x3", "accumulator 'acc9': did you mean acc8? write acc8, acc16 or acc32"),
        ("8-exact-clip31-int8-8x3", "accumulator '8': did you mean acc8?"),
        ("acc08-exact-clip31-int8-8x3", "accumulator 'acc08': did you mean acc8?"),
        ("ACC16-exact-clip31-int8-8x3", "did you mean acc16?"),
        ("acc8-saturated-clip31-int8-8x3", "overflow 'saturated': did you mean saturate?"),
        ("acc8-exact-none-int8-8x3", "clip 'none': did you mean clipnone? write clip1 to clip32767, or clipnone"),
        ("acc8-exact-63-int8-8x3", "clip '63': did you mean clip63?"),
        ("acc8-exact-clip31-i8-8x3", "output 'i8': did you mean int8?"),
        ("acc8-exact-clip31-int8-8x", "tile '8x': did you mean 8x3?"),
        ("acc8-exact-clip31-int8-3x3", "tile 3x3: output channels must be one of 1, 2, 4, 8, 16"),
        ("acc8-exact-clip31-int8-8x9", "tile 8x9: output pixels must be 1 to 8"),
        ("acc8-exact-clip0-int8-8x3", "clip 0: give 1 to 32767, or none"),
        ("acc8-exact-clip128-int8-8x3", "int8 output needs a clip of 1 to 127, not 128"),
        ("acc32-wrap-clip31-int8-8x3", "a 32-bit accumulator never overflows"),
        ("acc16-running-clip31-int8-8x3", "running sums are bytes, not 16 bits wide: give 8 bits"),
        ("acc8-running-clip31-int8-8x3", "tile 8x3: its lanes hold parts of a sum"),
        ("acc8-running-clip31-int8-tree4x4r1c3.ooo.pixels", "tile tree4x4r1c3.ooo.pixels: it adds 3 blocks at once"),
        ("acc16-exact-clip31-int8-8x3.udot", "tile 8x3.udot: UDOT adds to lanes of 32 bits, not to those of a 16-bit"),
        ("acc32-exact-clip31-int8-8x3.Udot", "tile '8x3.Udot': did you mean 8x3.udot?"),
        ("acc8-runing-clip31-int8-8x3", "overflow 'runing': did you mean running?"),
    ],
)
def test_what_is_wrong_is_named(text: str, expected: str) -> None:
    with pytest.raises(InputError) as error:
        KernelVariant.parse(text)
    assert expected in str(error.value)
    assert str(error.value).startswith(f"variant {text!r}: ")


def test_samples_are_texts_of_their_part() -> None:
    for part in PARTS:
        assert all(part.accepts(sample) for sample in part.samples)


def test_sampled_variants_are_all_legal_ones() -> None:
    # 7 accumulators with their overflow policies for all tiles, and running sums for trees of one column, times
    # 3 outputs with a clip of 31 and 2 without
    tiles = list(listed_tiles())
    running = sum(isinstance(tile, TreeTile) and tile.columns == 1 for tile in tiles)
    found = list(sampled_variants())
    assert len(found) == len(set(found)) == 5 * (7 * len(tiles) + running)
    only = list(sampled_variants({"accumulator": ["acc32"], "tile": ["1x1"], "clip": ["clip7"]}))
    assert [str(variant) for variant in only] == [f"acc32-exact-clip7-int{bits}-1x1" for bits in (8, 16, 32)]


def test_parts_are_found_by_their_text() -> None:
    assert [part_of(text).name for text in GOOD.split("-")] == [part.name for part in PARTS]
    with pytest.raises(
        InputError, match=r"'acc9' is no part of a variant: did you mean acc8\? write one of accumulator"
    ):
        part_of("acc9")
    with pytest.raises(InputError, match="'' is no part of a variant"):
        part_of("")


def test_a_layer_decides_what_can_compute_it() -> None:
    variant = KernelVariant.parse("acc8-exact-clip31-int8-8x3")
    assert can_compute(variant, ConvShape(4, 4, 128, 8))
    assert not can_compute(variant, ConvShape(4, 4, 512, 8))

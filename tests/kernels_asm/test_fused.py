"""Fused variants: their text form, their argument block, what they refuse."""

import pytest

from kernels_asm import ConvShape, InputError, LoopOrder, TreeTile
from kernels_asm.companions.int8_batch_norm import INT8_BATCH_NORM
from kernels_asm.fused import FusedVariant, fused_bit_map
from kernels_asm.fused_arguments import fused_block, transform_field
from kernels_asm.transforms import Int8BatchNorm, ThresholdBits, all_transforms, parse_transform


def test_variants_are_read_as_they_are_written() -> None:
    assert len(all_transforms()) == 13
    for transform in all_transforms():
        assert parse_transform(str(transform)) == transform
        variant = FusedVariant(16, transform, TreeTile(4, 7, 2, 3))
        assert FusedVariant.parse(str(variant)) == variant
    assert str(variant) == "acc16-int8+shortcut.slabs-tree4x7r2c3.ooo.pixels"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("acc8-int4.by2-tree4x14r1c3.ooo.pixels", "transform 'int4.by2': did you mean int8.by2"),
        ("acc8-bits.by2-4x2", "tile '4x2'.* write a tree such as tree4x14r1c3.ooo.pixels"),
        ("acc8-bits.by2-tree4x014r1c3.ooo.pixels", "tile 'tree4x014r1c3.ooo.pixels': write it such as"),
        ("acc9-bits.by2-tree4x14r1c3.ooo.pixels", "accumulator 'acc9'"),
        ("acc8-bits.by2", "tile missing"),
        ("acc8-bits.by2-tree4x14r1c3.ooo.pixels.udot", "UDOT adds to lanes of 32 bits"),
        ("acc8-bits.by2-tree4x14r1c3.ooo.channels", "a transform needs all channels of a tile: give loop order pixels"),
    ],
)
def test_a_wrong_part_is_named(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        FusedVariant.parse(text)


def test_a_number_of_pixels_at_once_that_no_kernel_has_is_refused() -> None:
    with pytest.raises(InputError, match=r"transform int8\.by3: 3 pixels at once: give 1 or 2"):
        Int8BatchNorm(3)


def test_the_block_holds_the_transforms_in_its_order() -> None:
    block = fused_block(INT8_BATCH_NORM)
    first = block.offsets[transform_field("input")]
    for name, offset in INT8_BATCH_NORM.offsets.items():
        assert block.offsets[transform_field(name)] == first + offset
    assert len(block.fields) == first // 8 + len(INT8_BATCH_NORM.fields)
    assert {"input", "weights", "output", "corrections"} < set(block.pointers)


def test_a_layer_that_the_tile_cannot_compute_is_refused() -> None:
    variant = FusedVariant(8, ThresholdBits(1), TreeTile(4, 7, order=LoopOrder.PIXELS))
    with pytest.raises(InputError, match="7 pixels exceed an output row of 6"):
        variant.check(ConvShape(6, 6, 32, 32))


def test_values_place_a_tile_in_each_map() -> None:
    shape = ConvShape(5, 9, 64, 20)
    variant = FusedVariant(8, Int8BatchNorm(1, True), TreeTile(8, 4, 2))
    values = variant.argument_values(shape, fused_bit_map(shape, 2))
    assert variant.scratch_bytes(shape) == 2 * 4 * 24 * 2
    assert (values["out_line"], values["out_pitch"], values["last_shift_out"]) == (4 * 48, 48, 3)
    assert (values["map_line"], values["map_pixel"]) == (values["shortcut_line"], values["shortcut_pixel"]) == (180, 20)
    assert (values["bits_line"], values["bits_pixel"], values["transform_bits_start"]) == (13 * 4, 4, 2 * (13 + 1) * 4)
    assert (values["transform_rows"], values["transform_row_pixels"]) == (1, 4)

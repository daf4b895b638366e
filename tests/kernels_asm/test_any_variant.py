"""Texts of kernels of either kind: which kind each is read as, and what is said of those that are neither."""

import pytest

from kernels_asm import ConvShape, InputError, KernelVariant
from kernels_asm.any_variant import functions, parse_variant, parts_of_kind, source_files
from kernels_asm.fused import PARTS as FUSED_PARTS
from kernels_asm.fused import FusedVariant
from kernels_asm.transforms import all_transforms
from kernels_asm.variant import PARTS
from kernels_asm.variant_list import can_compute, sampled_fused, sampled_variants

TREE = "tree4x14r1c3.io.pixels"


def test_every_listed_variant_is_read_as_its_kind() -> None:
    plain, fused = list(sampled_variants({"tile": ["8x3", TREE]})), list(sampled_fused({"tile": [TREE]}))
    assert (len(plain), len(fused)) == (70, 3 * len(all_transforms()))
    for variants, kind, parts in ((plain, KernelVariant, PARTS), (fused, FusedVariant, FUSED_PARTS)):
        assert [parse_variant(str(variant)) for variant in variants] == variants
        assert all(type(variant) is kind for variant in variants)
        assert all(parts_of_kind(variant) == parts for variant in variants)


def test_a_fused_variant_has_two_functions() -> None:
    fused = parse_variant(f"acc16-int8+shortcut.slabs-{TREE}")
    assert functions(fused) == ("binary_conv_tree", "int8_batch_norm_slabs")
    assert [path.name for path in source_files(fused)] == ["binary_conv_tree.S", "int8_batch_norm_slabs.S"]
    plain = parse_variant("acc8-exact-clip31-int8-8x3")
    assert functions(plain) == ("binary_conv",)
    assert [path.name for path in source_files(plain)] == ["binary_conv.S"]
    assert all(path.is_file() for path in (*source_files(fused), *source_files(plain)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("acc8", "write ACCUMULATOR-OVERFLOW-CLIP-OUTPUT-TILE, such as .* or ACCUMULATOR-TRANSFORM-TILE, such as"),
        ("", "variant '': write ACCUMULATOR"),
        (f"acc8-bits-{TREE}", r"transform 'bits': did you mean bits\.by"),
        (f"acc8-int8+shortcut.slab-{TREE}", r"did you mean int8\+shortcut\.slabs\?"),
        (f"acc8-BITS.BY2-{TREE}", r"did you mean bits\.by2\?"),
        (f"acc8-foo-{TREE}", "transform 'foo': write bits, int8 or float"),
        (f"8-bits.by2-{TREE}", "accumulator '8': did you mean acc8"),
        ("acc8-bits.by2", "tile missing: write ACCUMULATOR-TRANSFORM-TILE"),
        ("acc8-bits.by2-tree4x14r1c3.oo.pixels", r"did you mean tree4x14r1c3\.ooo\.pixels\?"),
        ("acc8-bits.by2-8x3", "tile '8x3'.*write a tree such as"),
        ("acc8-bits.by2-tree4x14r3c3.io.pixels", "rows must be one of 1, 2"),
        ("acc8-bits.by2-tree4x14r1c3.io.channels", "give loop order pixels"),
        (f"acc8-bits.by2-{TREE}-clip31", "'clip31' is too much"),
        ("acc8-exact-clip31", "output, tile missing: write ACCUMULATOR-OVERFLOW"),
        ("acc8-exakt-clip31-int8-8x3", "did you mean exact?"),
        ("acc8-foo-clip31-int8-8x3", "overflow 'foo': write exact, saturate"),
        ("acc8-exact-clip31-int8-tree4x14r1c3.io.pixel", r"did you mean tree4x14r1c3\.io\.pixels\?"),
    ],
)
def test_what_was_probably_meant_is_said_of_the_likelier_kind(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        parse_variant(text)
    assert "\n" not in str(caught.value)


def test_fused_samples_can_be_replaced() -> None:
    found = list(sampled_fused({"accumulator": ["acc16"], "tile": [TREE, "tree4x7r1c3.io.pixels"]}))
    assert len(found) == 2 * len(all_transforms())
    able = [variant for variant in found if can_compute(variant, ConvShape(7, 7, 64, 64))]
    assert {variant.tile.pixels for variant in able} == {7}

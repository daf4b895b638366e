"""Images made from those with another clip, against assembled ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernels_asm import (
    Arithmetic,
    ConvShape,
    KernelVariant,
    LaneTile,
    OutputType,
    Overflow,
    Schedule,
    TreeTile,
    legal_tiles,
)
from kernels_asm import assembler as assembler_module
from kernels_asm.assembler import assemble_together, assemble_variant, variant_digest, variant_kernel
from kernels_asm.placing import code_in
from kernels_asm.reclipping import STAND_IN_CLIP, with_clip
from tests.kernels_asm.image_content import image_content

SHAPE = ConvShape(4, 5, 64, 64)
CLIPS = (1, 3, 7, 31, 32, 63, 126)
TILES = [
    LaneTile(2, 3),
    LaneTile(16, 1),
    TreeTile(4, 4, 2, 3),
    TreeTile(8, 5, 1, 1, unroll=3),
    TreeTile(4, 4, 1, 3, Schedule.IN_ORDER, unroll=3),
]


def variants(clip: int) -> list[KernelVariant]:
    """Return kernels of every sum with outputs of a byte."""
    sums = [
        *((8, overflow) for overflow in Overflow),
        (16, Overflow.SATURATE),
        (16, Overflow.WRAP),
        (32, Overflow.EXACT),
    ]
    arithmetics = [Arithmetic(bits, overflow, clip, OutputType.INT8) for bits, overflow in sums]
    return [KernelVariant(one, tile) for one in arithmetics for tile in legal_tiles(one, SHAPE, TILES)]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BNN_DSE_CACHE", str(tmp_path / "cache"))


def assembled_images(clip: int) -> list[bytes]:
    return [assemble_variant(variant, SHAPE).elf for variant in variants(clip)]


@pytest.mark.parametrize("together", [False, True], ids=["alone", "together"])
def test_an_image_with_another_clip_is_the_assembled_one(together: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = {clip: [image_content(elf) for elf in assembled_images(clip)] for clip in CLIPS[::3]}
    for path in assembler_module.cache_directory().iterdir():
        path.unlink()
    assembled_images(STAND_IN_CLIP)
    changed: list[bytes | None] = []

    def noted(image: bytes, clip: int) -> bytes | None:
        changed.append(with_clip(image, clip))
        return changed[-1]

    monkeypatch.setattr(assembler_module, "with_clip", noted)
    for clip, contents in expected.items():
        if together:
            assemble_together([variant_kernel(variant, SHAPE) for variant in variants(clip)])
        assert [image_content(elf) for elf in assembled_images(clip)] == contents
    trees = {variant_digest(one, SHAPE) for one in variants(1) if isinstance(one.tile, TreeTile)}
    assert len(trees) > len(TILES)
    assert sum(image is not None for image in changed) >= len(expected) * len(trees)


@pytest.mark.parametrize("clip", CLIPS)
def test_only_immediates_differ(clip: int) -> None:
    variant = KernelVariant(Arithmetic(8, Overflow.EXACT, STAND_IN_CLIP, OutputType.INT8), TreeTile(4, 4, 2, 3))
    image = assemble_variant(variant, SHAPE).elf
    changed = with_clip(image, clip)
    assert changed is not None
    differ = [at for at, (old, new) in enumerate(zip(image, changed, strict=True)) if old != new]
    assert 0 < len(differ) <= 4 * 2
    assert all(at in code_in(image) for at in differ)


def test_an_image_without_the_clip_is_left_to_the_assembler() -> None:
    wide = assemble_variant(KernelVariant(Arithmetic(16, output=OutputType.INT16), TreeTile(4, 4, 2, 3)), SHAPE)
    other_clip = assemble_variant(
        KernelVariant(Arithmetic(8, Overflow.EXACT, 31, OutputType.INT8), TreeTile(4, 4, 2, 3)), SHAPE
    )
    assert with_clip(wide.elf, 3) is None
    assert with_clip(other_clip.elf, 3) is None

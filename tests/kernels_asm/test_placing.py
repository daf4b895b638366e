"""Images made without the linker, of kernels assembled alone and side by side, against those that the linker makes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from isa_models import Image, Machine
from kernels_asm import (
    Arithmetic,
    AssemblyError,
    ConvShape,
    KernelVariant,
    LaneTile,
    LoopOrder,
    OutputType,
    Overflow,
    Schedule,
    TreeTile,
)
from kernels_asm import assembler as assembler_module
from kernels_asm.arguments import ArgumentBlock, Field
from kernels_asm.assembler import KernelSource, assemble, assemble_together, variant_kernel
from kernels_asm.companions import float_batch_norm, int8_batch_norm, threshold_bits
from kernels_asm.companions.bit_map import BitMap
from kernels_asm.fused import FusedVariant, fused_kernel
from kernels_asm.placing import functions_of, place
from kernels_asm.toolchain import assembled, linked
from kernels_asm.transforms import all_transforms
from tests.kernels_asm.image_content import image_content

SHAPE = ConvShape(4, 5, 64, 64)
ARITHMETICS = [
    Arithmetic(8, clip=31, output=OutputType.INT8),
    Arithmetic(8, Overflow.WRAP, output=OutputType.INT16),
    Arithmetic(32),
]
TILES = [
    LaneTile(2, 3),
    TreeTile(4, 4, 2, 3),
    TreeTile(4, 4, 1, 3, Schedule.IN_ORDER, unroll=3),
    TreeTile(8, 4, 1, 1, order=LoopOrder.CHANNELS, prefetch=256),
]
BLOCK = ArgumentBlock("f", "here", (Field("input", "const uint8_t *", "bytes"),))


def convolutions() -> list[KernelSource]:
    return [variant_kernel(KernelVariant(arithmetic, tile), SHAPE) for arithmetic in ARITHMETICS for tile in TILES]


def fused() -> list[KernelSource]:
    tiles = [TreeTile(4, 4, 2), TreeTile(4, 5, 1), TreeTile(4, 4, 2, schedule=Schedule.IN_ORDER)]
    return [fused_kernel(FusedVariant(8, transform, tile), SHAPE) for transform in all_transforms() for tile in tiles]


def companions() -> list[KernelSource]:
    bits = BitMap(3, 4, 72, 1)
    found = []
    for pixels in (1, 2):
        symbols = threshold_bits.symbols(bits, pixels)
        found.append(KernelSource(threshold_bits.SOURCE, symbols, threshold_bits.THRESHOLD_BITS))
        for dtype in (np.dtype(np.int8), np.dtype(np.int16)):
            symbols = int8_batch_norm.symbols(bits, dtype, True, pixels)
            found.append(KernelSource(int8_batch_norm.SOURCE, symbols, int8_batch_norm.INT8_BATCH_NORM))
            symbols = float_batch_norm.symbols(bits, dtype, True, pixels)
            found.append(KernelSource(float_batch_norm.SOURCE, symbols, float_batch_norm.FLOAT_BATCH_NORM))
    return found


KERNELS = {"convolutions": convolutions, "fused": fused, "companions": companions}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BNN_DSE_CACHE", str(tmp_path / "cache"))


def linkers(kernel: KernelSource) -> bytes:
    """Return the image that the linker makes."""
    objects = [assembler_module._object(kernel.source, kernel, None)]
    if kernel.callee is not None:
        objects.append(assembler_module._callee_object(*kernel.callee.content, kernel.callee.source))
    return linked(objects, kernel.arguments.function, kernel.source)


def source_of(kernel: KernelSource) -> bytes:
    return assemble(kernel.source, kernel.parameters, kernel.arguments, callee=kernel.callee).elf


@pytest.mark.parametrize("kind", KERNELS)
def test_images_are_those_of_the_linker_however_they_are_assembled(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kernels = KERNELS[kind]()
    assert len(kernels) >= 10
    expected = [image_content(linkers(kernel)) for kernel in kernels]
    monkeypatch.setattr(assembler_module, "linked", lambda *_: pytest.fail("the linker was needed"))
    assert [image_content(assembler_module._build(kernel, None)) for kernel in kernels] == expected
    assemble_together(kernels)
    monkeypatch.setattr(assembler_module, "_build", lambda *_: pytest.fail("assembled alone"))
    assert [image_content(source_of(kernel)) for kernel in kernels] == expected


def write(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    source = folder / "kernel.S"
    source.write_text(text)
    return source


def test_functions_may_call_each_other_and_have_their_alignment(tmp_path: Path) -> None:
    source = write(tmp_path, "nothing")
    texts = [
        ".globl f\nf:\n mov x19, x30\n bl g\n add x0, x0, #1\n br x19\n",
        ".p2align 6\n.globl g\ng: mov x0, #41\n b h\n",
        ".globl h\nh: ret\n",
    ]
    functions = [functions_of(assembled(text, {}, source)) for text in texts]
    parts = [function for found in functions if found is not None for function in found.values()]
    elf = place(parts, "f")
    assert elf is not None
    image = Image.from_elf(elf)
    assert image.address_of("g") % 64 == image.address_of("f") % 64 == 0
    assert elf[24:32] == image.address_of("f").to_bytes(8, "little")
    objects = [assembled(text, {}, source) for text in texts]
    assert image_content(elf) == image_content(linked(objects, "f", source))
    assert place(parts[:2], "f") is None
    assert place(parts, "absent") is None


@pytest.mark.parametrize(
    "text",
    [
        ".data\n.p2align 3\nnumber: .quad 42\n.text\n.globl f\nf: adrp x1, number\n ldr x0, [x1, :lo12:number]\n ret\n",
        ".section .rodata\nnumber: .quad 42\n.text\n.globl f\nf: adr x1, number\n ldr x0, [x1]\n ret\n",
        '.text\n.globl f\nf: b .Lbehind\n.section .text.more,"ax"\n.Lbehind: mov x0, #42\n ret\n',
    ],
    ids=["data", "constants", "two sections"],
)
def test_what_a_kernel_need_not_have_is_left_to_the_linker(tmp_path: Path, text: str) -> None:
    source = write(tmp_path, text)
    kernels = [KernelSource(source, {"NUMBER": number}, BLOCK) for number in (1, 2)]
    assemble_together(kernels)
    for kernel in kernels:
        assert Machine(Image.from_elf(source_of(kernel))).call("f").x0 == 42


def test_labels_and_macros_of_copies_do_not_meet(tmp_path: Path) -> None:
    text = (
        ".macro ADD number\n add x0, x0, #(\\number * FACTOR)\n.endm\n.equ FACTOR, 10 * NUMBER\n"
        ".text\n.globl f\nf:\n mov x0, #0\n b .Lnext\n brk #0\n.Lnext:\n ADD 1\n b 1f\n brk #0\n1:\n ADD NUMBER\n ret\n"
    )
    kernels = [KernelSource(write(tmp_path, text), {"NUMBER": number}, BLOCK) for number in (1, 2, 3)]
    assemble_together(kernels)
    results = [Machine(Image.from_elf(source_of(kernel))).call("f").x0 for kernel in kernels]
    assert results == [20, 60, 120]


def test_an_error_in_one_of_many_is_told_when_that_one_is_asked_for(tmp_path: Path) -> None:
    text = ".globl f\nf:\n mov x0, #NUMBER\n .if NUMBER == 2\n nonsense\n .endif\n ret\n"
    kernels = [KernelSource(write(tmp_path, text), {"NUMBER": number}, BLOCK) for number in (1, 2, 3)]
    assemble_together(kernels)
    assert Machine(Image.from_elf(source_of(kernels[2]))).call("f").x0 == 3
    with pytest.raises(AssemblyError, match=r"^kernel\.S:5: unrecognized instruction mnemonic"):
        source_of(kernels[1])


def test_what_is_stored_is_not_assembled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    kernels = convolutions()[:3]
    assemble_together(kernels)
    monkeypatch.setattr(assembler_module, "assembled", lambda *_: pytest.fail("assembled again"))
    assemble_together([*kernels, replace(kernels[0])])

"""Kernels of an export are distinct, and bring every source that they include."""

from __future__ import annotations

from pathlib import Path

from dse.export.kernel_files import kernel_files
from dse.export.kernel_table import KernelTable
from kernels_asm import ConvShape, TreeTile
from kernels_asm.assembler import SOURCES
from kernels_asm.fused import FusedVariant
from kernels_asm.transforms import Int8Slabs, ThresholdSlabs, Transform


def add_fused(kernels: KernelTable, transform: Transform, shape: ConvShape) -> str:
    variant = FusedVariant(8, transform, TreeTile(4, 4, 1, 3))
    callee = variant.callee(shape)
    called = kernels.add(callee.source, callee.parameters, callee.arguments)
    source = SOURCES / variant.tile.source
    return kernels.add(source, variant.parameters(shape), variant.arguments, called).symbol


def test_one_kernel_serves_layers_of_one_kind_and_structures_are_told_apart() -> None:
    kernels = KernelTable()
    shape = ConvShape(8, 8, 64, 64)
    symbols = [add_fused(kernels, Int8Slabs(shortcut=True), shape) for _ in range(2)]
    symbols.append(add_fused(kernels, ThresholdSlabs(), shape))
    symbols.append(add_fused(kernels, Int8Slabs(shortcut=True), ConvShape(8, 8, 128, 64)))
    assert symbols == ["binary_conv_tree_1", "binary_conv_tree_1", "binary_conv_tree_2", "binary_conv_tree_3"]
    assert [block.function for block in kernels.blocks] == [
        "int8_batch_norm_slabs",
        "binary_conv_tree_int8_batch_norm_slabs",
        "threshold_bits_slabs",
        "binary_conv_tree_threshold_bits_slabs",
    ]
    files = kernel_files(kernels, {"binary_conv_tree_1": ["layer a: something"]})
    assert "#define CALLEE int8_batch_norm_slabs_1\n" in files["kernels/binary_conv_tree_1.S"]
    assert "// layer a: something\n" in files["kernels/binary_conv_tree_1.S"]
    assert files["kernels.h"].count("_Static_assert(offsetof(") == sum(len(block.fields) for block in kernels.blocks)


def test_every_included_source_comes_along() -> None:
    kernels = KernelTable()
    add_fused(kernels, Int8Slabs(), ConvShape(8, 8, 64, 64))
    files = set(kernels.source_files())
    assert {Path("binary_conv_tree.S"), Path("tree_transform.inc"), Path("companions/int8_batch_norm_slabs.S")} <= files
    assert Path("arguments.inc") not in files
    assert Path("binary_conv.S") not in files

"""Kernels are read back from the texts that trials record."""

from __future__ import annotations

import pytest

from dse.kernel_description import data_bytes
from dse.layer_work import Convolution, FusedConvolution
from dse.normalisation_pass import NormalisationPass
from dse.recorded_kernel import RecordedKernel, read_kernel, read_shape
from dse.roofline import moved_bytes
from kernels_asm import ConvShape, InputError, KernelError, KernelVariant, OutputType
from kernels_asm.fused import FusedVariant

SHAPES = (
    ConvShape(28, 28, 128, 128),
    ConvShape(7, 9, 64, 32, 1, 3, 2, 0),
    ConvShape.parse("14x14x64x64", padding_value="zero"),
)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_texts_of_layers_are_read_back(shape: ConvShape) -> None:
    assert read_shape(str(shape)) == shape


def test_kernels_are_read_back_and_passes_are_none() -> None:
    variant = KernelVariant.parse("acc8-exact-clip31-int8-8x3")
    fused = FusedVariant.parse("acc16-int8+shortcut.slabs-tree4x14r1c3.ooo.pixels")
    assert read_kernel(str(Convolution(SHAPES[0], variant))) == RecordedKernel(SHAPES[0], variant)
    assert read_kernel(str(FusedConvolution(SHAPES[2], fused))) == RecordedKernel(SHAPES[2], fused)
    assert read_kernel(str(NormalisationPass(14, 14, 32, OutputType.INT8))) is None


@pytest.mark.parametrize("text", ["", "x", "28", "28x28x1", "28x28x1x1 s0", "9" * 300, "28x28x1x1; rm"])
def test_senseless_layers_are_refused(text: str) -> None:
    with pytest.raises(InputError):
        read_shape(text)


@pytest.mark.parametrize("text", ["convolution 1x1 acc8-exact-clip31-int8-8x3", "convolution 28x28x8x8 what"])
def test_unreadable_convolutions_are_refused(text: str) -> None:
    with pytest.raises(KernelError):
        read_kernel(text)


def test_scratch_is_not_moved() -> None:
    kernel = RecordedKernel(SHAPES[2], FusedVariant.parse("acc16-int8+shortcut.slabs-tree4x14r1c3.ooo.pixels"))
    sizes = data_bytes(kernel.variant, kernel.shape)
    assert moved_bytes(kernel) == sum(sizes.values()) - sizes["scratch"] > sizes["weights"]

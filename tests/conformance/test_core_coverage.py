"""Every core times every instruction of every kernel, or says which extension of the instruction set it lacks."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest

from isa_models import Image, list_cores, load_core
from isa_models.coverage import entry_of
from isa_models.instruction_class import InstructionClass, classify
from isa_models.operands import decode
from kernels_asm import (
    Arithmetic,
    ConvShape,
    InputError,
    KernelVariant,
    LaneTile,
    OutputType,
    PaddingValue,
    Schedule,
    TreeTile,
)
from kernels_asm.activation import Activation
from kernels_asm.assembler import KernelImage, assemble, assemble_variant
from kernels_asm.companions import (
    float_batch_norm,
    int8_batch_norm,
    max_pool_bits,
    pack_bits,
    residual_add,
    threshold_bits,
)
from kernels_asm.companions.bit_map import BitMap
from kernels_asm.fused import FusedVariant, assemble_fused
from kernels_asm.int8_conv import Int8Path, Int8Variant, assemble_int8
from kernels_asm.references.indirect_16bit import assemble_indirect
from kernels_asm.references.one_channel_direct import assemble_one_channel
from kernels_asm.transforms import all_transforms
from tests.conformance.conv_cases import POLICIES

OUTPUTS = [(OutputType.INT8, 31), (OutputType.INT16, None), (OutputType.INT16, 300), (OutputType.INT32, 7)]
TILES = [
    LaneTile(1, 1),
    LaneTile(2, 5),
    LaneTile(4, 4),
    LaneTile(16, 1),
    TreeTile(4, 4, 1, 3),
    TreeTile(4, 4, 2, 1, Schedule.IN_ORDER, prefetch=64),
    LaneTile(4, 4, udot=True),
    TreeTile(4, 4, 1, 3, udot=True),
]
SHAPES = [
    ConvShape(4, 4, 64, 16),
    ConvShape(4, 9, 31, 16, stride=2),
    ConvShape(2, 3, 520, 17),  # byte lanes are widened
]


def convolutions() -> Iterator[KernelImage]:
    for (width, policy), (output, clip), tile, shape in itertools.product(POLICIES, OUTPUTS, TILES, SHAPES):
        try:
            yield assemble_variant(KernelVariant(Arithmetic(width, policy, clip, output), tile), shape)
        except InputError:
            continue  # this combination computes nothing


def comparisons() -> Iterator[KernelImage]:
    for shape in SHAPES:
        yield assemble_indirect(shape)
        yield assemble_one_channel(shape)
    for path, shift in itertools.product(Int8Path, (None, 0, 8)):
        yield assemble_int8(Int8Variant(path, path.default_tile, shift))


def companions() -> Iterator[KernelImage]:
    for channels in (16, 24, 200):  # without a part of a group, with one, and with blocks of 128 channels
        bits = BitMap(1, 1, channels)
        for dtype in (np.int8, np.int16, np.float32):
            yield assemble(pack_bits.SOURCE, pack_bits.symbols(bits, np.dtype(dtype)), pack_bits.PACK_BITS)
        yield assemble(residual_add.SOURCE, residual_add.symbols(bits), residual_add.RESIDUAL_ADD)
        for pixels in (1, 2):
            symbols = threshold_bits.symbols(bits, pixels)
            yield assemble(threshold_bits.SOURCE, symbols, threshold_bits.THRESHOLD_BITS)
        types = (np.float32, np.int32, np.int16, np.int8)
        for dtype, has_shortcut, activation in itertools.product(types, (False, True), Activation):
            symbols = float_batch_norm.symbols(
                bits, np.dtype(dtype), has_shortcut, activation=activation, has_thresholds=has_shortcut
            )
            yield assemble(float_batch_norm.SOURCE, symbols, float_batch_norm.FLOAT_BATCH_NORM)
        for dtype, has_shortcut, pixels in itertools.product((np.int8, np.int16, np.int32), (False, True), (1, 2)):
            symbols = int8_batch_norm.symbols(bits, np.dtype(dtype), has_shortcut, pixels)
            yield assemble(int8_batch_norm.SOURCE, symbols, int8_batch_norm.INT8_BATCH_NORM)
        for sizes in itertools.product((2, 3), (1, 2), (0, 1)):
            symbols = max_pool_bits.symbols(channels, max_pool_bits.PoolShape(*sizes))
            yield assemble(max_pool_bits.SOURCE, symbols, max_pool_bits.MAX_POOL_BITS)


def fused() -> Iterator[KernelImage]:
    shape = ConvShape(4, 5, 64, 64, padding_value=PaddingValue.ZERO)
    for transform in all_transforms():
        yield assemble_fused(FusedVariant(8, transform, TreeTile(4, 4, 2)), shape)


@pytest.fixture(scope="module")
def instructions() -> dict[InstructionClass, str]:
    """An instruction of each class that some kernel uses."""
    found: dict[InstructionClass, str] = {}
    for image in itertools.chain(convolutions(), comparisons(), companions(), fused()):
        for instruction in Image.from_elf(image.elf).program.instructions:
            if instruction.mnemonic not in (".word", "udf"):  # padding
                kind = classify(instruction.mnemonic, decode(instruction))
                assert kind is not None, instruction
                found.setdefault(kind, str(instruction))
    return found


def test_the_kernels_use_what_binary_networks_are_made_of(instructions):
    used = {kind.mnemonic for kind in instructions}
    assert {"ldr", "eor", "cnt", "uadalp", "str"} <= used
    assert {"udot", "sqadd", "csel"} <= used  # of 32-bit sums with UDOT, and of running sums
    assert {"ld1r", "fmul", "uaddlv", "scvtf"} <= used  # of the references
    assert {"smull", "sadalp", "sdot", "srshr"} <= used  # of the int8 convolution


def test_the_companions_use_what_carries_maps_between_convolutions(instructions):
    mnemonics = {kind.mnemonic for kind in instructions}
    assert {
        "cmlt",
        "fcmlt",
        "addp",
        "and",
        "fmul",
        "fadd",
        "scvtf",
        "sqrdmulh",
        "srshl",
        "sqxtn2",
        "sqadd",
        "cmge",
        "bl",
    } <= mnemonics


@pytest.mark.parametrize("name", list_cores())
def test_every_instruction_has_an_entry(instructions, name):
    core = load_core(name)
    in_its_isa = {kind: text for kind, text in instructions.items() if kind.feature in (None, *core.features)}
    lacking = [f"{text}: {kind.names[-1]}" for kind, text in in_its_isa.items() if entry_of(kind, core) is None]
    assert not lacking
    assert in_its_isa

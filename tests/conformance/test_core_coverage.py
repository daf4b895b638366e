"""Every core times every instruction of every kernel, or says which extension of the instruction set it lacks."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator

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
    Overflow,
    Schedule,
    TreeTile,
)
from kernels_asm.assembler import KernelImage, assemble_variant
from kernels_asm.int8_conv import Int8Path, Int8Variant, assemble_int8
from kernels_asm.references.indirect_16bit import assemble_indirect
from kernels_asm.references.one_channel_direct import assemble_one_channel

POLICIES = [*itertools.product((8, 16), Overflow), (32, Overflow.EXACT)]
OUTPUTS = [(OutputType.INT8, 31), (OutputType.INT16, None), (OutputType.INT16, 300), (OutputType.INT32, 7)]
TILES = [
    LaneTile(1, 1),
    LaneTile(2, 5),
    LaneTile(4, 4),
    LaneTile(16, 1),
    TreeTile(4, 4, 1, 3),
    TreeTile(4, 4, 2, 1, Schedule.IN_ORDER, prefetch=64),
]
SHAPES = [
    ConvShape(4, 4, 64, 16),
    ConvShape(4, 9, 31, 16, stride=2),
    ConvShape(2, 3, 520, 17),
]  # the last widens byte lanes


@pytest.fixture(scope="module")
def instructions() -> dict[InstructionClass, str]:
    """An instruction of each class that some kernel uses."""
    found: dict[InstructionClass, str] = {}
    for image in images():
        for instruction in Image.from_elf(image.elf).program.instructions:
            if instruction.mnemonic not in (".word", "udf"):  # padding
                kind = classify(instruction.mnemonic, decode(instruction))
                assert kind is not None, instruction
                found.setdefault(kind, str(instruction))
    return found


def images() -> Iterator[KernelImage]:
    """Every kernel, with the parameters that make a difference to its instructions."""
    for (width, policy), (output, clip), tile, shape in itertools.product(POLICIES, OUTPUTS, TILES, SHAPES):
        with contextlib.suppress(InputError):  # this combination computes nothing
            yield assemble_variant(KernelVariant(Arithmetic(width, policy, clip, output), tile), shape)
    for shape in SHAPES:
        yield assemble_indirect(shape)
        yield assemble_one_channel(shape)
    for path, shift in itertools.product(Int8Path, (None, 0, 8)):
        yield assemble_int8(Int8Variant(path, path.default_tile, shift))


def test_the_kernels_use_what_binary_networks_are_made_of(instructions):
    used = {kind.mnemonic for kind in instructions}
    assert {"ldr", "eor", "cnt", "uadalp", "str"} <= used
    assert {"ld1r", "fmul", "uaddlv", "scvtf"} <= used  # of the references
    assert {"smull", "sadalp", "sdot", "srshr"} <= used  # of the int8 convolution


@pytest.mark.parametrize("name", list_cores())
def test_every_instruction_has_an_entry(instructions, name):
    core = load_core(name)
    in_its_isa = {kind: text for kind, text in instructions.items() if kind.feature in (None, *core.features)}
    lacking = [f"{text}: {kind.names[-1]}" for kind, text in in_its_isa.items() if entry_of(kind, core) is None]
    assert not lacking
    assert in_its_isa

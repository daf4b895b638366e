"""Kernels give the same bytes as static programs under qemu-user as they do in the emulator, and as the oracle says."""

import itertools
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dse.fused_emulation import Placement, fused_buffers, random_fused_operands, run_fused
from dse.kernel_call import call_kernel
from isa_models import Buffer
from kernels_asm import (
    Arithmetic,
    ConvShape,
    KernelVariant,
    LaneTile,
    OutputType,
    PaddingValue,
    Schedule,
    TreeTile,
    legal_tiles,
)
from kernels_asm.arguments import ArgumentBlock, Field
from kernels_asm.assembler import SOURCES, assemble
from kernels_asm.fused import FusedVariant, fused_bit_map
from kernels_asm.lane_tile import lane_tiles
from kernels_asm.oracle import binary_conv
from kernels_asm.packing import pack_activations, padded_channels_out
from kernels_asm.transforms import Transform, all_transforms
from kernels_asm.tree_tile import tree_tiles
from tests import qemu
from tests.conformance.conv_cases import CLIPS, POLICIES, data

BUDGET = 10_000_000
UNWRITTEN = 0xA5  # what outputs hold before, so that a byte that the kernel leaves out shows

SHAPES = [
    ConvShape(3, 5, 1, 5, padding=0),
    ConvShape(7, 6, 64, 20, stride=2),
    ConvShape(3, 4, 130, 9, padding=2),
    ConvShape(2, 3, 520, 17),  # 45 steps: byte lanes are widened
]


def conv_cases() -> list[tuple[KernelVariant, ConvShape]]:
    """Every policy with every output type on every shape, with either kernel; clips and tiles take turns."""
    cases = []
    for number, (policy, output, shape) in enumerate(itertools.product(POLICIES, OutputType, SHAPES)):
        clips = CLIPS[output]
        arithmetic = Arithmetic(*policy, clips[number % len(clips)], output)
        for kind in (lane_tiles(), tree_tiles(pixels=range(1, 7), unrolls=(1, 6))):
            tiles = legal_tiles(arithmetic, shape, kind)
            if tiles:  # running sums have no lane tile
                cases.append((KernelVariant(arithmetic, tiles[7 * number % len(tiles)]), shape))
    return cases


def udot_cases() -> list[tuple[KernelVariant, ConvShape]]:
    """Every output type on every shape, with either kernel, adding by an instruction that not every core has."""
    cases = []
    for number, (output, shape) in enumerate(itertools.product(OutputType, SHAPES)):
        arithmetic = Arithmetic(32, clip=CLIPS[output][number % len(CLIPS[output])], output=output)
        for kind in (lane_tiles((True,)), tree_tiles(pixels=range(1, 7), udots=(True,))):
            tiles = legal_tiles(arithmetic, shape, kind)
            cases.append((KernelVariant(arithmetic, tiles[7 * number % len(tiles)]), shape))
    return cases


PLAIN_CASES = conv_cases()
UDOT_CASES = udot_cases()
CONV_CASES = PLAIN_CASES + UDOT_CASES


@pytest.fixture(autouse=True)
def _needs_qemu(require_tool: Callable[..., str]) -> None:
    require_tool(qemu.PROGRAM, qemu.PACKAGE)


@pytest.mark.parametrize(("variant", "shape"), CONV_CASES, ids=[f"{v} {s}" for v, s in CONV_CASES])
def test_a_convolution_has_the_same_bytes_everywhere(variant: KernelVariant, shape: ConvShape) -> None:
    tile, output = variant.tile, variant.arithmetic.output.dtype
    activations, weights = data(shape, CONV_CASES.index((variant, shape)))
    channels = padded_channels_out(shape.channels_out, tile.channels)
    values = tile.argument_values(shape, output.itemsize)
    unwritten = np.full(shape.out_pixels * channels * output.itemsize, UNWRITTEN, np.uint8)
    buffers = [
        Buffer("input", pack_activations(activations, shape), alignment=1),
        Buffer("weights", tile.pack_weights(weights, shape), alignment=1),
        Buffer("output", unwritten, writable=True, alignment=1),
    ]
    program = qemu.assemble_program(SOURCES / tile.source, variant.parameters(shape), tile.arguments)
    cpu = qemu.PLAIN_CPU if tile.feature is None else "max"
    under_qemu = qemu.run_program(program, tile.arguments, values, buffers, cpu)["output"]
    emulated = call_kernel(program, tile.arguments, values, buffers, budget=BUDGET)  # the function inside the program
    assert under_qemu == emulated.outputs["output"]
    added = ((0, channels - shape.channels_out), (0, 0), (0, 0), (0, 0))  # filters of +1 fill the last tile
    whole = ConvShape(shape.height, shape.width, shape.channels_in, channels, 3, 3, shape.stride, shape.padding)
    expected = binary_conv(activations, np.pad(weights, added, constant_values=1), whole, variant.arithmetic)
    assert under_qemu == expected.tobytes()


def test_the_cases_reach_every_policy_output_type_clip_and_many_tiles() -> None:
    arithmetics = [variant.arithmetic for variant, _ in PLAIN_CASES]
    assert (len(PLAIN_CASES), len(UDOT_CASES)) == (180, 24)
    assert {(a.accumulator, a.overflow, a.output) for a in arithmetics} == {
        (*p, o) for p in POLICIES for o in OutputType
    }
    assert {(a.output, a.clip) for a in arithmetics} == {(o, clip) for o in OutputType for clip in CLIPS[o]}
    tiles = {variant.tile for variant, _ in PLAIN_CASES}
    lanes = [(v.tile.widens(v.arithmetic, shape)) for v, shape in PLAIN_CASES if isinstance(v.tile, LaneTile)]
    assert set(lanes) == {True, False}
    assert sum(isinstance(tile, LaneTile) for tile in tiles) >= 20
    assert sum(isinstance(tile, TreeTile) for tile in tiles) >= 40
    assert sum(isinstance(tile, TreeTile) and tile.unroll > 1 for tile in tiles) >= 20


FUSED_LAYERS = [
    ConvShape(4, 6, 64, 20, padding_value=PaddingValue.ZERO),
    ConvShape(5, 9, 130, 7, stride=2),
    ConvShape(3, 4, 32, 17, padding=2, padding_value=PaddingValue.ZERO),
]


@pytest.mark.parametrize("transform", all_transforms(), ids=str)
def test_a_fused_convolution_has_the_same_bytes_everywhere(transform: Transform) -> None:
    """The emulated run compares with the oracle."""
    for number, layer in enumerate(FUSED_LAYERS):
        shape = replace(layer, channels_out=64) if str(transform).endswith("slabs") else layer
        tile = TreeTile(4, 4, 1 + number % 2, 3, tuple(Schedule)[number % 2])
        variant = FusedVariant(8, transform, tile)
        operands, placement = random_fused_operands(shape, transform, number), Placement(1, UNWRITTEN, 1)
        callee = variant.callee(shape)
        program = qemu.assemble_program(SOURCES / tile.source, variant.parameters(shape), variant.arguments, callee)
        values = variant.argument_values(shape, fused_bit_map(shape, 1))
        buffers = fused_buffers(shape, variant, operands, placement)
        under_qemu = qemu.run_program(program, variant.arguments, values, buffers)
        emulated = run_fused(shape, variant, operands, placement)
        assert under_qemu["transform_bits"] == emulated.bits.tobytes()
        assert under_qemu.get("transform_output") == (None if emulated.output is None else emulated.output.tobytes())


SUM = ArgumentBlock(
    "sum",
    "this test",
    (
        Field("first", "uint8_t *", "a byte, which grows by 1"),
        Field("unused", "const uint8_t *", "null"),
        Field("second", "const uint8_t *", "two bytes"),
        Field("total", "void *", "8 bytes: everything together"),
        Field("count", "int64_t", "a number"),
    ),
)
SUM_BUFFERS = [
    Buffer("total", 8, writable=True),
    Buffer("first", b"\x05", writable=True, alignment=1),
    Buffer("second", b"\x07\x0b", alignment=1),
]
SUM_CODE = """
    ldr x1, [x0, #ARG_FIRST]
    ldrb w2, [x1]
    add w3, w2, #1
    strb w3, [x1]
    ldr x1, [x0, #ARG_COUNT]
    add x2, x2, x1
    ldr x1, [x0, #ARG_UNUSED]
    add x2, x2, x1
    ldr x1, [x0, #ARG_SECOND]
    ldrb w3, [x1, #1]
    add x2, x2, x3
    ldr x1, [x0, #ARG_TOTAL]
    str x2, [x1]
"""


def run_sum(folder: Path, code: str, cpu: str = qemu.PLAIN_CPU) -> dict[str, bytes]:
    source = folder / "sum.S"
    source.write_text(f'#include "arguments.inc"\n.arch_extension dotprod\n.globl sum\nsum:\n{code}\n ret\n')
    return qemu.run_program(qemu.assemble_program(source, {}, SUM), SUM, {"count": -100}, SUM_BUFFERS, cpu)


def test_buffers_go_in_and_out_by_their_fields(tmp_path: Path) -> None:
    outputs = run_sum(tmp_path, SUM_CODE)
    assert outputs == {"first": b"\x06", "total": (5 - 100 + 11).to_bytes(8, "little", signed=True)}
    emulated = call_kernel(assemble(tmp_path / "sum.S", {}, SUM), SUM, {"count": -100}, SUM_BUFFERS, budget=100)
    assert emulated.outputs == outputs


@pytest.mark.parametrize("alignment", [1, 16, 4096])
def test_a_buffer_is_aligned_as_asked(tmp_path: Path, alignment: int) -> None:
    block = ArgumentBlock("where", "this test", (Field("here", "void *", "where its own address goes"),))
    source = tmp_path / "where.S"
    source.write_text(".globl where\nwhere: ldr x1, [x0]\n str x1, [x1]\n ret\n")
    buffer = Buffer("here", 13, writable=True, alignment=alignment)
    written = qemu.run_program(qemu.assemble_program(source, {}, block), block, {}, [buffer])["here"]
    address = int.from_bytes(written[:8], "little")
    assert len(written) == 13
    assert address % 4096 == (4096 - 13) // alignment * alignment % 4096


MUST_KEEP = {
    **{f"x{number}": f"add x{number}, x{number}, #1" for number in range(18, 30)},
    **{f"d{number}": f"fneg d{number}, d{number}" for number in range(8, 16)},
    "sp": "sub sp, sp, #16",
}


@pytest.mark.parametrize("register", MUST_KEEP)
def test_a_register_that_is_not_kept_is_named(tmp_path: Path, register: str) -> None:
    with pytest.raises(qemu.QemuError, match=f"^the kernel did not keep {register}$"):
        run_sum(tmp_path, MUST_KEEP[register])


@pytest.mark.parametrize(
    "code",
    [
        "ldr x1, [x0, #ARG_SECOND]\n ldrb w2, [x1, #2]",
        "ldr x1, [x0, #ARG_TOTAL]\n sub x1, x1, #65536\n ldrb w2, [x1]",
        "ldr x1, [x0, #ARG_FIRST]\n strh wzr, [x1]",
        "ldr x1, [x0, #ARG_SECOND]\n strb wzr, [x1]",
        "str xzr, [x0, #ARG_FIRST]",
        "ldr x1, [x0, #ARG_UNUSED]\n ldrb w2, [x1]",
    ],
    ids=["load-past-end", "load-before-start", "store-past-end", "store-read-only", "store-to-block", "null"],
)
def test_a_wild_access_ends_the_program(tmp_path: Path, code: str) -> None:
    with pytest.raises(qemu.QemuError, match=r"^the kernel ended by SIGSEGV$"):
        run_sum(tmp_path, code)


def test_an_instruction_that_the_core_lacks_ends_the_program(tmp_path: Path) -> None:
    code = "sdot v0.4s, v1.16b, v2.16b"
    with pytest.raises(qemu.QemuError, match=r"^the kernel ended by SIGILL$"):
        run_sum(tmp_path, code)
    run_sum(tmp_path, code, cpu="max")


def test_a_block_of_more_fields_than_the_driver_takes_is_told(tmp_path: Path) -> None:
    fields = tuple(Field(f"number{index}", "int64_t", "nothing") for index in range(65))
    source = tmp_path / "many.S"
    source.write_text(".globl many\nmany: ret\n")
    for count, refused in ((64, False), (65, True)):
        block = ArgumentBlock("many", "this test", fields[:count])
        values = {field.name: 0 for field in block.fields}
        program = qemu.assemble_program(source, {}, block)
        with pytest.raises(qemu.QemuError, match="the driver could not read the call") if refused else nullcontext():
            assert qemu.run_program(program, block, values, []) == {}


def test_an_unknown_core_is_told(tmp_path: Path) -> None:
    with pytest.raises(qemu.QemuError, match=r"^qemu-aarch64 failed with exit code 1: .*cortex-a9"):
        run_sum(tmp_path, SUM_CODE, cpu="cortex-a9")

"""Neoverse V1: its measured timings, its pipes as a system, and the coverage of its instructions."""

from __future__ import annotations

import pytest

from dse.emulation import time_layer
from isa_models import load_core
from isa_models.assembling import image_of_text
from isa_models.image import Image
from isa_models.instruction_class import classify
from isa_models.operands import decode
from isa_models.silicon.table_comparison import TimingTable
from isa_models.silicon.timing_table import measurements
from isa_models.supported_forms import FORMS
from kernels_asm import Arithmetic, ConvShape, KernelVariant, LaneTile, OutputType
from tests.isa_models.snippets import assemble, steady_cycles

NAME = "neoverse-v1"
COPIES = 48
TOLERANCE = 0.02
KERNELS = "rows of kernels"
LATER_FEATURES = {"altnzcv", "frintts"}  # of Armv8.5

EXACT_GROUPS = (
    "Scalar integer add, sub, and neg",
    "Scalar integer multiply and multiply-accumulate",
    "Scalar shift and bit maniplation",
    "Scalar bitwise logic",
    "Vector integer add, sub, abs, and neg",
    "Vector bitwise logic",
    "Vector bit manipulation",
    "Vector integer compare",
    "Vector permute",
    "Floating point multiply",
)
# Rows of other groups that binary kernels consist of.
KERNEL_ROWS = (
    "ldr (imm; ofs = 0)",
    "ldr.q (imm; ofs = 0)",
    "ld1.b (multi; 4 reg)",
    "str.q (imm; post, ofs = 0)",
    "mov / movz (imm; 0x00)",
    "movi.b (0x00)",
    "dup.b (elem)",
    "umov.s (v.s[0] <-> w)",
    "uadalp.b",
    "uaddw.h",
    "addp.b",
    "addv.s",
    "xtn.h",
    "sqxtn.h (vec)",
    "sshll.h (<<2)",
    "sshr.h (imm; >>2)",
    "smin.h",
    "smax.h",
)


@pytest.fixture(scope="module")
def figures():
    """Return what the simulator says of the chosen rows of the table."""
    entries = [entry for entry in measurements(NAME) if entry.group in EXACT_GROUPS or entry.row in KERNEL_ROWS]
    assert {entry.row for entry in entries} >= set(KERNEL_ROWS)
    return TimingTable((entry.group, entry.row) for entry in entries).figures(entries, load_core(NAME))


@pytest.mark.parametrize("group", [*EXACT_GROUPS, KERNELS])
def test_measured_latencies_and_throughputs(figures, group):
    timed = [figure for figure in figures if figure.simulated is not None]
    chosen = [f for f in timed if (f.group if f.group in EXACT_GROUPS else KERNELS) == group]
    wrong = {(f.row, f.quantity): (f.measured, f.simulated) for f in chosen if abs(f.error) > TOLERANCE}
    assert len(chosen) > 20
    assert not wrong


def cycles_of(*instructions: str) -> float:
    """Cycles that the instructions take together, where `{n}` is a register that differs from copy to copy."""
    copies = ["\n".join(text.format(n=number % 16) for text in instructions) for number in range(COPIES)]
    (program,) = assemble(["\n".join(copies)])
    return steady_cycles(program, load_core(NAME)) / COPIES


ADD, LOAD, STORE = "add x{n}, x20, x21", "ldr q{n}, [x28, #64]", "str x20, [x28]"
SIMPLE, SHIFT = "eor v{n}.16b, v30.16b, v31.16b", "ushr v{n}.8h, v30.8h, #2"
MULTIPLY, LOOK_UP = "mul v{n}.8h, v30.8h, v31.8h", "tbl v{n}.16b, {{v30.16b}}, v31.16b"
LOOK_UP_3 = "tbl v{n}.16b, {{v28.16b, v29.16b, v30.16b}}, v31.16b"
REDUCE, ACCUMULATE = "addv s{n}, v30.4s", "uadalp v{n}.8h, v30.16b"


@pytest.mark.parametrize(
    ("instructions", "cycles"),
    [
        pytest.param((SIMPLE,) * 4 + (LOAD,) * 3, 1.0, id="four vector operations beside three loads"),
        pytest.param((ADD,) * 4 + (SIMPLE,) * 4, 1.0, id="four integer beside four vector operations"),
        pytest.param((ADD,) * 4 + (SIMPLE,) * 8, 2.0, id="a vector operation too many"),
        pytest.param((MULTIPLY,) * 2 + (SHIFT,) * 2, 1.0, id="multiplications and shifts share no pipe"),
        pytest.param((SHIFT,) * 2 + (ACCUMULATE,) * 2, 2.0, id="shifts and accumulations share theirs"),
        pytest.param((SHIFT, REDUCE), 1.0, id="shifts and reductions share theirs"),
        pytest.param((LOOK_UP_3,), 1.0, id="a look-up of two steps on a pipe each"),
        pytest.param((MULTIPLY,) * 2 + (LOOK_UP,) * 2 + (SHIFT,) * 2, 1.5, id="look-ups on either side of them"),
        pytest.param((STORE,) * 2 + (LOAD,), 1.0, id="stores leave a pipe to loads"),
        pytest.param((STORE,) * 2 + (LOAD,) * 2, 4 / 3, id="stores take load pipes"),
        pytest.param(("adds x{n}, x20, #1",) * 3 + (ADD,), 1.0, id="three results with flags and one without"),
        pytest.param(("adds x{n}, x20, #1",) * 4, 4 / 3, id="a result with flags too many"),
        pytest.param(("mov x{n}, #0",) * 2 + (ADD,) * 4, 1.0, id="clearing takes no integer pipe"),
    ],
)
def test_pipes_as_a_system(instructions, cycles):
    assert cycles_of(*instructions) == pytest.approx(cycles, rel=0.02)


def test_every_instruction_up_to_its_architecture_has_an_entry():
    core = load_core(NAME)
    texts = [text for group in FORMS.values() for text in group]
    source = "\n".join([".text", ".globl f", ".type f, %function", "f:", "1:", *texts, ""])
    program = Image.from_elf(image_of_text(source)).program
    missing, timed = [], 0
    for instruction in program.instructions[: len(texts)]:  # without padding
        kind = classify(instruction.mnemonic, decode(instruction))
        assert kind is not None, instruction.text
        if kind.feature in LATER_FEATURES:
            continue
        assert kind.feature is None or kind.feature in core.features, instruction.text
        timed += 1
        if not any(key in core.classes for key in kind.keys):
            missing.append(instruction.text)
    assert timed > 1000
    assert not missing


@pytest.mark.parametrize(
    ("instructions", "cycles"),
    [
        pytest.param(("ldr q{n}, [x28]",), 1 / 3, id="one load"),
        pytest.param(("ld1 {{v0.16b, v1.16b, v2.16b, v3.16b}}, [x28]",), 4 / 3, id="a load of 64 bytes"),
        pytest.param(("ldp x0, x1, [x28]",), 1.0, id="a pair of X registers"),
        pytest.param(("ldp x0, x1, [x28, #8]",), 1.0, id="a pair over the end of 16 bytes"),
        pytest.param(("ldur q{n}, [x28, #1]",), 1.6 / 3, id="a load at an odd address"),
        pytest.param(("ldur x{n}, [x28, #12]",), 1 / 3, id="a load over the end of 16 bytes"),
        pytest.param(("ldur x{n}, [x28, #60]",), 2 / 3, id="a load over the end of a line"),
        pytest.param(("stp x20, x21, [x28, #64]", "ldp x0, x1, [x28]"), 1.0, id="a pair beside a store of a pair"),
        pytest.param(("str q31, [x28, #40]",), 1 / 2, id="a store over the end of 16 bytes"),
        pytest.param(("str q31, [x28, #56]",), 1.0, id="a store over the end of a line"),
    ],
)
def test_loads_and_stores_a_cycle(instructions, cycles):
    assert cycles_of(*instructions) == pytest.approx(cycles, rel=0.02)


@pytest.mark.parametrize(
    ("store", "load", "cycles"),
    [
        pytest.param("str x0, [x28]", "ldr x0, [x28]", 4.6, id="X register"),
        pytest.param("stp x0, x1, [x28]", "ldp x0, x1, [x28]", 4.2, id="pair of X registers"),
        pytest.param("str q0, [x28]", "ldr q0, [x28]", 7.8, id="Q register"),
        pytest.param("st1 {{v0.d}}[1], [x28]", "ldr d0, [x28]", 9.8, id="lane"),
        pytest.param("str q0, [x28]", "ldur q0, [x28, #1]", 12, id="not all bytes from the store"),
    ],
)
def test_way_through_memory(store, load, cycles):
    assert cycles_of(store, load) == pytest.approx(cycles, abs=0.05)


def test_loads_into_lanes_of_one_register_wait_for_the_last_step_only():
    lanes = [f"ld1 {{{{v0.s}}}}[{lane}], [x28]" for lane in range(4)]
    assert cycles_of(*lanes) == pytest.approx(8.0, abs=0.05)


def test_a_binary_convolution_comes_close_to_what_four_vector_pipes_allow():
    bound = 4 * 128 / 3  # EOR, CNT and ADD for 128 products
    arithmetic = Arithmetic(16, clip=31, output=OutputType.INT8)
    timing = time_layer(ConvShape(14, 14, 128, 128), KernelVariant(arithmetic, LaneTile(16, 1)), load_core(NAME))
    assert 0.9 * bound < timing.products_per_cycle < bound
    assert timing.simulation.bound.what == "ports V0, V1, V2, V3"

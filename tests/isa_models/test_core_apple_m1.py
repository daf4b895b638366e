"""Apple M1 (Firestorm): its pipes as a system, what renaming does alone, and the coverage of its instructions."""

from __future__ import annotations

import pytest

from dse.emulation import time_layer
from isa_models import load_core
from isa_models.coverage import coverage
from kernels_asm import Arithmetic, ConvShape, KernelVariant, LaneTile, OutputType
from tests.isa_models.snippets import assemble, steady_cycles

NAME = "apple-m1"
COPIES = 48


def cycles_of(*instructions: str) -> float:
    """Cycles that the instructions take together, where `{n}` is a register that differs from copy to copy."""
    copies = ["\n".join(text.format(n=number % 16) for text in instructions) for number in range(COPIES)]
    (program,) = assemble(["\n".join(copies)])
    return steady_cycles(program, load_core(NAME)) / COPIES


ADD, ADDS, BRANCH = "add x{n}, x20, x21", "adds x{n}, x20, #1", "cbz x20, .+4"
MULTIPLY, MULTIPLY_ADD, DIVIDE = "mul x{n}, x20, x21", "madd x{n}, x20, x21, x22", "udiv x{n}, x20, x21"
INSERT_BITS, SHIFTED = "bfi x{n}, x20, #3, #8", "add x{n}, x20, x21, lsl #3"
LOAD, STORE = "ldr q{n}, [x28, #64]", "str q31, [x28]"
EOR, TO_GENERAL, FROM_GENERAL = "eor v{n}.16b, v30.16b, v31.16b", "umov w{n}, v31.s[0]", "dup v{n}.4s, w20"
SELECT, COMPARE, ROOT = "fcsel d{n}, d30, d31, eq", "fcmp d30, d31", "fsqrt d{n}, d30"


@pytest.mark.parametrize(
    ("instructions", "cycles"),
    [
        pytest.param((EOR,) * 4 + (LOAD,) * 3 + (ADD,), 1.0, id="eight a cycle: vector operations, loads, one more"),
        pytest.param((EOR,) * 4 + (LOAD,) * 3 + (ADD,) * 2, 9 / 8, id="a ninth waits for decoding"),
        pytest.param((EOR,) * 5, 5 / 4, id="a vector operation too many"),
        pytest.param((ADD,) * 6, 1.0, id="six integer operations"),
        pytest.param((ADDS,) * 3 + (ADD,) * 3, 1.0, id="flags on three of six pipes"),
        pytest.param((ADDS,) * 4, 4 / 3, id="a result with flags too many"),
        pytest.param((ADDS,) * 2 + (BRANCH,) * 2, 4 / 3, id="branches share two of the pipes with flags"),
        pytest.param((ADDS,) * 3 + (MULTIPLY,) * 2, 1.0, id="multiplications do not"),
        pytest.param((MULTIPLY_ADD, MULTIPLY), 1.0, id="multiplications of both kinds"),
        pytest.param((MULTIPLY_ADD, INSERT_BITS), 2.0, id="addition to a product and bit fields share one pipe"),
        pytest.param((DIVIDE, MULTIPLY_ADD, MULTIPLY_ADD), 2.0, id="divisions another one"),
        pytest.param((SHIFTED,) * 3, 1.0, id="a shifted operand takes a pipe twice"),
        pytest.param((LOAD,) * 2 + (STORE,) * 2, 1.0, id="two loads beside two stores"),
        pytest.param((LOAD,) * 3 + (STORE,) * 2, 5 / 4, id="loads and stores share a port"),
        pytest.param((LOAD,) * 2 + (FROM_GENERAL,), 1.0, id="moves into vector registers go through load ports"),
        pytest.param((LOAD,) * 2 + (FROM_GENERAL,) * 2, 4 / 3, id="one too many"),
        pytest.param((TO_GENERAL,) * 2 + (EOR,) * 2, 1.0, id="moves out of them through two vector pipes"),
        pytest.param((TO_GENERAL, SELECT, SELECT), 3 / 2, id="selections through the same two"),
        pytest.param((COMPARE, ROOT), 3.0, id="comparisons and roots through one"),
    ],
)
def test_pipes_as_a_system(instructions, cycles):
    assert cycles_of(*instructions) == pytest.approx(cycles, rel=0.02)


@pytest.mark.parametrize(
    "instruction", ["nop", "mov x{n}, x20", "mov x{n}, #0", "movi v{n}.16b, #0", "mov v{n}.16b, v31.16b"]
)
def test_renaming_takes_no_pipe(instruction):
    assert cycles_of(*(instruction,) * 2, *(ADD,) * 6) == pytest.approx(1.0, rel=0.02)
    assert cycles_of(*(instruction,) * 4, *(EOR,) * 4) == pytest.approx(1.0, rel=0.02)


def test_moves_between_registers_cost_a_chain_nothing():
    chain = "add x0, x0, x20\nmov x1, x0\nadd x1, x1, x20\nmov x0, x1"
    assert cycles_of(chain) == pytest.approx(2.0, abs=0.01)


def test_an_accumulator_has_no_shorter_way():
    assert cycles_of("uadalp v0.8h, v31.16b") == pytest.approx(3.0, abs=0.01)
    assert cycles_of("fmla v0.4s, v30.4s, v31.4s") == pytest.approx(4.0, abs=0.01)


def test_second_register_of_a_pair_comes_a_cycle_later():
    assert cycles_of("ldp x28, x1, [x28]") == pytest.approx(3.0, abs=0.01)
    assert cycles_of("ldp x1, x28, [x28]") == pytest.approx(4.0, abs=0.01)


@pytest.mark.parametrize(
    ("instructions", "cycles"),
    [
        pytest.param(("ldr x{n}, [x28, #60]",), 1 / 3, id="a load over the end of a line"),
        pytest.param(("stur x20, [x28, #60]",), 1 / 2, id="a store over the end of a line"),
        pytest.param(("ld1 {{v0.16b, v1.16b, v2.16b, v3.16b}}, [x28]",), 4 / 3, id="a load of 64 bytes"),
        pytest.param(("st3 {{v0.16b, v1.16b, v2.16b}}, [x28]",), 3 / 2, id="a store of 48 bytes"),
    ],
)
def test_loads_and_stores_a_cycle(instructions, cycles):
    assert cycles_of(*instructions) == pytest.approx(cycles, rel=0.02)


def test_a_load_over_the_end_of_a_line_comes_a_cycle_later():
    chain = "ldr x0, [x28, {offset}]\nand x0, x0, xzr\nadd x28, x28, x0"
    assert cycles_of(chain.replace("{offset}", "#60")) == pytest.approx(cycles_of(chain.replace("{offset}", "#56")) + 1)


@pytest.mark.parametrize(
    ("store", "load", "cycles"),
    [
        pytest.param("str x0, [x28]", "ldr x0, [x28]", 5.8, id="X register"),
        pytest.param("stp x0, x1, [x28]", "ldp x0, x1, [x28]", 7.0, id="second register of a pair"),
        pytest.param("str q0, [x28]", "ldur q0, [x28, #1]", 6.2, id="from elsewhere than the store"),
        pytest.param("st1 {{v0.d}}[1], [x28]", "ldr q0, [x28]", 13.4, id="lane"),
    ],
)
def test_way_through_memory(store, load, cycles):
    assert cycles_of(store, load) == pytest.approx(cycles, abs=0.05)


def test_loads_into_lanes_of_one_register_wait_for_the_last_step_only():
    lanes = [f"ld1 {{{{v0.s}}}}[{lane}], [x28]" for lane in range(4)]
    assert cycles_of(*lanes) == pytest.approx(8.0, abs=0.05)


def test_every_class_has_an_entry_but_those_of_extensions_that_the_core_lacks():
    found = coverage(load_core(NAME))
    assert len(found.timed) > 200
    assert not found.untimed
    assert set(found.other_isa.values()) <= {"sm4"}


def test_a_binary_convolution_comes_close_to_what_four_vector_pipes_allow():
    bound = 4 * 128 / 3  # EOR, CNT and ADD for 128 products
    arithmetic = Arithmetic(16, clip=31, output=OutputType.INT8)
    timing = time_layer(ConvShape(14, 14, 128, 128), KernelVariant(arithmetic, LaneTile(16, 1)), load_core(NAME))
    assert 0.9 * bound < timing.products_per_cycle < bound
    assert timing.simulation.bound.what == "ports V0, V1, V2, V3"

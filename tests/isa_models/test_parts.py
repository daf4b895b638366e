"""Figures between whole cycles, and what else a description says of loads and stores of a class."""

import numpy as np
import pytest

from isa_models import load_core
from isa_models.engines.parts import parts_of, whole_cycles
from tests.isa_models.snippets import assemble, steady_cycles

CORE = "cortex-a72"
STORE, LOAD = "str x20, [x28]", "ldr x{n}, [x28]"


def cycles_of(*lines, copies=1, **overrides):
    """Cycles of each of `copies` of the lines, whose `{n}` differs from copy to copy."""
    core = load_core(CORE, {field.replace("__", "."): str(value) for field, value in overrides.items()})
    code = "\n".join(line.format(n=number) for number in range(copies) for line in lines)
    return steady_cycles(assemble([code])[0], core) / copies


@pytest.mark.parametrize("cycles", [1.0, 1.25, 2.67, 0.58])
def test_whole_cycles_have_the_given_average(cycles):
    carry = np.zeros(2, dtype=np.int64)
    taken = [whole_cycles(carry, 1, parts_of(cycles)) for _ in range(100)]
    assert sum(taken) == pytest.approx(100 * cycles)
    assert max(taken) - min(taken) <= 1
    assert carry[0] == 0


def test_a_port_is_taken_for_an_average_time():
    line, field = "umaddl x{n}, w20, w21, x22", "classes__multiply_long__occupancy"
    assert cycles_of(line, copies=10, **{field: 1.5}) == pytest.approx(1.5, rel=0.02)


def test_an_accumulator_is_forwarded_after_an_average_time():
    line, field = "saba v0.8b, v30.8b, v31.8b", "classes__simd_absolute_accumulate_d__accumulate"
    assert cycles_of(line, copies=10, **{field: 1.5}) == pytest.approx(1.5, rel=0.02)


def test_a_chain_through_memory_takes_an_average_time():
    chain = ("str x0, [x28]", "ldr x0, [x28]")
    overrides = {"store_forward_latency": 5, "classes__store__forward": 1.25}
    assert cycles_of(*chain, copies=12, **overrides) == pytest.approx(6.25, abs=0.1)


def test_loads_that_read_a_store_back_take_turns():
    free = cycles_of(STORE, LOAD, copies=8, classes__store__forward_turn=0)
    assert free == pytest.approx(1.0, rel=0.02)
    assert cycles_of(STORE, LOAD, copies=8, classes__store__forward_turn=3.5) == pytest.approx(3.5, rel=0.05)


def test_only_the_first_load_of_a_store_takes_its_turn():
    lines, field = (STORE, LOAD, LOAD.replace("{n}", "1{n}")), {"classes__store__forward_turn": 3.5}
    assert cycles_of(*lines, copies=8, **field) == pytest.approx(3.5, rel=0.05)


def test_loads_from_elsewhere_take_no_turns():
    elsewhere = LOAD.replace("x28]", "x28, #64]")
    assert cycles_of(STORE, elsewhere, copies=8, classes__store__forward_turn=3.5) == pytest.approx(1.0, rel=0.02)


@pytest.mark.parametrize(("offset", "cycles"), [(0, 1.0), (8, 1.0), (1, 2.5)])
def test_a_misaligned_load_holds_its_port(offset, cycles):
    field = {"classes__load__misaligned": "{alignment: 8, occupancy: 1.5}"}
    assert cycles_of(f"ldur x{{n}}, [x28, #{offset}]", copies=8, **field) == pytest.approx(cycles, rel=0.02)


def test_a_misaligned_load_comes_later():
    field = {"classes__load__misaligned": "{alignment: 8, latency: 3}"}
    chain = "ldur x0, [x28, #{offset}]\nand x28, x0, x1"
    aligned = cycles_of(chain.replace("{offset}", "0"), **field)
    assert cycles_of(chain.replace("{offset}", "4"), **field) == pytest.approx(aligned + 3)


def test_a_store_over_the_same_two_blocks_opens_neither():
    assert cycles_of("stur x20, [x28, #12]", store_drain=4) == pytest.approx(1.0, rel=0.02)
    assert cycles_of("stur x20, [x28, #12]", "stur x20, [x28, #32]", store_drain=4) == pytest.approx(8.0, rel=0.02)


@pytest.mark.parametrize("offsets", [range(8, 136, 16), range(120, 0, -16)], ids=["up", "down"])
def test_a_store_that_goes_on_across_two_blocks_opens_one_each_time(offsets):
    walk = [f"stur q20, [x28, #{offset}]" for offset in offsets]
    assert cycles_of(*walk, store_drain=6) == pytest.approx(8 * 6, rel=0.02)

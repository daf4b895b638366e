"""Pieces of code run in loops: what their traces hold, and cycles in the steady state."""

import pytest

from isa_models import UnsupportedInstructionError, load_core
from isa_models.errors import AssemblyError
from isa_models.silicon.loops import Loops, Piece, cycles_per_pass
from isa_models.trace import NO_ADDRESS

CHAIN = Piece(("add x0, x0, x24",) * 4)
LOADS = Piece(("ldr x1, [x20, #8]", "ldr x2, [x20], #16"), setup=("add x20, x28, #32",))
LOOPED = Piece(("add x0, x0, x24",) * 4, with_loop=True)
SKIPS = Piece(("cbz x26, 0f", "nop", "0:", "add x0, x0, x24"))


@pytest.fixture(scope="module")
def loops():
    return Loops([CHAIN, LOADS, SKIPS, CHAIN, LOOPED])


def test_trace_holds_the_passes_and_nothing_of_the_loop(loops):
    trace = loops.trace(CHAIN, passes=5)
    assert len(trace) == 20
    assert {instruction.text for instruction in trace.program.instructions} == {"add x0, x0, x24"}
    assert (trace.addresses_by_instruction == NO_ADDRESS).all()


def test_the_loop_is_in_the_trace_of_a_piece_that_asks_for_it(loops):
    trace = loops.trace(LOOPED, passes=5)
    assert [trace.program.instructions[number].mnemonic for number in trace.index] == (
        ["add"] * 4 + ["subs", "b.ne"]
    ) * 5


def test_setup_is_not_in_the_trace_and_addresses_are_real(loops):
    trace = loops.trace(LOADS, passes=3)
    first = int(trace.address[0])
    assert [int(address) - first for address in trace.address] == [0, -8, 16, 8, 32, 24]
    assert (first - 40) % 64 == 0


def test_taken_branches_are_executed(loops):
    trace = loops.trace(SKIPS, passes=2)
    assert [trace.program.instructions[number].mnemonic for number in trace.index] == ["cbz", "add"] * 2


def test_steady_state_of_a_chain_is_its_latency(loops):
    trace = loops.trace(CHAIN, passes=30)
    assert cycles_per_pass(trace, (10, 30), load_core("cortex-a53")) == 4
    assert cycles_per_pass(trace, (10, 30), load_core("cortex-a72")) == 4


def test_code_that_is_refused_or_not_supported_says_so():
    with pytest.raises(AssemblyError, match="unrecognized instruction"):
        Loops([Piece(("addd x0, x0, x1",))])
    unsupported = Piece(("mrs x0, midr_el1",))
    with pytest.raises(UnsupportedInstructionError, match="midr_el1"):
        cycles_per_pass(Loops([unsupported]).trace(unsupported, passes=2), (1, 2), load_core("cortex-a53"))

"""What an in-order core issues together and what waits, one property of the Cortex-A53 a test."""

import numpy as np
import pytest

from isa_models import Program, Trace, load_core, time_trace
from tests.isa_models.snippets import BUFFER_ADDRESS, assemble, repeated_trace

SNIPPETS = {
    # Pairs
    "fadd, ldr x": "fadd v0.4s, v0.4s, v31.4s\nldr x0, [x28]",
    "fadd, str x": "fadd v0.4s, v0.4s, v31.4s\nstr x0, [x28]",
    "ldr x, fadd": "ldr x0, [x28]\nfadd v0.4s, v0.4s, v31.4s",
    "ldr d, add d-form": "ldr d0, [x28]\nadd v1.8b, v2.8b, v3.8b",
    "add d-form, ldr d": "add v1.8b, v2.8b, v3.8b\nldr d0, [x28]",
    "ldr d, ins": "ldr d0, [x28]\nins v1.d[1], x0",
    "add d-forms": "add v1.8b, v2.8b, v3.8b\nadd v4.8b, v5.8b, v6.8b",
    "cmp, b.cond": "cmp x0, #1\nb.eq .+8",
    "adds": "add x0, x1, x2\nadd x3, x4, x5",
    "dependent add": "add x0, x1, x2\nadd x3, x0, x5",
    "fadd, ldr d": "fadd v0.4s, v0.4s, v31.4s\nldr d1, [x28]",
    "fadd, str q": "fadd v0.4s, v0.4s, v31.4s\nstr q1, [x28]",
    "fadd, mov x": "fadd v0.4s, v0.4s, v31.4s\nmov x0, v1.d[0]",
    "add q-forms": "add v1.16b, v2.16b, v3.16b\nadd v4.16b, v5.16b, v6.16b",
    "two loads": "ldr x0, [x28]\nldr x1, [x28]",
    "two branches": "cbz x0, .+4\ncbz x1, .+4",
    "ldr q, add": "ldr q0, [x28]\nadd x0, x1, x2",
    "add, ldr q": "add x0, x1, x2\nldr q0, [x28]",
    # Chains
    "chain of adds": "\n".join(["add x0, x0, x1"] * 8),
    "post-index": "ldr x0, [x1], #8",
    "post-index into add": "ldr x0, [x1], #8\nadd x1, x1, #1",
    "post-index apart": "\n".join(f"ldr x0, [x{n}], #8" for n in range(1, 9)),
    "ldrb into its address": "ldrb w1, [x0]\nadd x0, x0, x1",
    "ldr into its address": "ldr x1, [x0]\nadd x0, x0, x1",
    "add before ldrb": "add x20, x28, #1\nldrb w0, [x20]",
    "add before add": "add x20, x28, #1\nadd x0, x20, #1",
    # Advanced SIMD queue
    "stalled": "fmul v0.4s, v0.4s, v31.4s\nfmul v1.4s, v0.4s, v31.4s\n"
    + "\n".join(f"eor v{n}.16b, v31.16b, v31.16b" for n in range(2, 8)),
    "iterative": "fsqrt v0.4s, v31.4s\n" + "\n".join(f"add x{n}, x{n}, #1" for n in range(8)),
    "fmul, str q": "fmul v0.4s, v1.4s, v31.4s\nstr q0, [x28]",
    # Store to load
    "str x, ldr x": "str x0, [x28]\nldr x0, [x28]",
    "str x, ldr x elsewhere": "str x0, [x28]\nldr x1, [x28, #64]",
    "str x, ldr x crossing": "str x0, [x28]\nldur x0, [x28, #1]",
    "stp x, ldp x": "stp x0, x1, [x28]\nldp x0, x1, [x28]",
    "stp x, ldp x half": "stp x0, x1, [x28, #8]\nldp x0, x1, [x28]",
    "str q, ldr q": "str q0, [x28]\nldr q0, [x28]",
    "stp q, ldr q first": "stp q0, q1, [x28]\nldr q2, [x28]",
    "stp q, ldr q second": "stp q0, q1, [x28]\nldr q2, [x28, #16]",
    "stp q, ldr q second, in a chain": "stp q0, q1, [x28]\nldr q1, [x28, #16]",
    "st1 of four, ldr q": "st1 {v0.16b-v3.16b}, [x28]\nldr q4, [x28]",
    "strb, ldrb": "strb w0, [x28, #1]\nldrb w1, [x28]",
    # One access each, run at addresses of the test's choice
    "ldr x": "ldr x0, [x28]",
    "ldr q": "ldr q0, [x28]",
    "ldrb": "ldrb w0, [x28]",
    "ldp w": "ldp w0, w1, [x28]",
    "str x only": "str x0, [x28]",
    "str q only": "str q0, [x28]",
    "ldr x to itself": "ldr x28, [x28]",
    "literal": "ldr x0, .+8",
    # Branches
    "taken branches": "b .+4\nb .+4\nb .+4\nb .+4\nb .-16",
    "tight loop": "b .",
    "blocks of two": "add x0, x1, x2\nb .+4\nadd x0, x1, x2\nb .-12",
    "blocks of three": ".balign 8\nadd x0, x1, x2\nadd x3, x4, x5\nb .+4\nadd x0, x1, x2\nadd x3, x4, x5\nb .-20",
    "not taken": "cbz x0, .+64\ncbz x1, .+64",
    "calls": "bl .+4\nret",
    "counted loop": "1:\nadd x1, x1, #1\nsubs x0, x0, #1\nb.ne 1b\nadd x2, x2, #1",
}


@pytest.fixture(scope="module")
def programs() -> dict[str, Program]:
    return dict(zip(SNIPPETS, assemble(list(SNIPPETS.values())), strict=True))


def once(program: Program, overrides: dict[str, str] | None = None) -> int:
    """Cycles from the first issue to the last, both included."""
    return time_trace(repeated_trace(program, 1), load_core("cortex-a53", overrides)).cycles


def per_pass(program: Program, overrides: dict[str, str] | None = None) -> float:
    """Cycles of one more pass once the pipeline is full."""
    core = load_core("cortex-a53", overrides)
    short, long = (time_trace(repeated_trace(program, count), core).cycles for count in (100, 300))
    return (long - short) / 200


def at(program: Program, *offsets: int, count: int = 400) -> float:
    """Cycles of one access in a stream over the addresses `BUFFER_ADDRESS + offset` in rotation."""
    core = load_core("cortex-a53")

    def cycles(passes: int) -> int:
        address = np.tile(BUFFER_ADDRESS + np.array(offsets, dtype=np.int64), passes)
        return time_trace(Trace.of_instructions(program, np.zeros(address.size, dtype=np.int32), address), core).cycles

    return (cycles(2 * count) - cycles(count)) / (count * len(offsets))


@pytest.mark.parametrize(
    "name",
    [
        "fadd, ldr x",
        "fadd, str x",
        "ldr d, add d-form",
        "add d-form, ldr d",
        "ldr d, ins",
        "add d-forms",
        "cmp, b.cond",
        "adds",
        "dependent add",
    ],
)
def test_pairs_that_issue_together(programs, name):
    assert once(programs[name]) == 1


@pytest.mark.parametrize(
    "name",
    ["ldr x, fadd", "fadd, ldr d", "fadd, str q", "fadd, mov x", "add q-forms", "two loads", "two branches"],
)
def test_pairs_that_issue_one_after_the_other(programs, name):
    assert once(programs[name]) == 2


@pytest.mark.parametrize("name", ["ldr q, add", "add, ldr q"])
def test_load_of_128_bits_takes_two_cycles_of_issue_alone(programs, name):
    assert per_pass(programs[name]) == 3.0


def test_only_the_second_of_dependent_additions_comes_for_free(programs):
    assert once(programs["chain of adds"]) == 7
    assert per_pass(programs["chain of adds"]) == 8.0


def test_written_back_base_is_there_after_three_cycles_for_loads_and_arithmetic(programs):
    assert per_pass(programs["post-index"]) == 3.0
    assert per_pass(programs["post-index into add"]) == 5.0
    assert per_pass(programs["post-index apart"]) == 8.0


def test_stalled_simd_operation_lets_later_independent_ones_pass(programs):
    # Six operations fit into the cycles in which the second multiplication waits for the first.
    assert per_pass(programs["stalled"]) == 8.0
    assert per_pass(programs["stalled"], {"neon_queue": "1"}) > 10.0


def test_long_simd_operation_does_not_hold_up_general_registers(programs):
    assert per_pass(programs["iterative"]) == 9.0


@pytest.mark.parametrize(
    ("name", "cycles"),
    [
        ("str x, ldr x", 3.0),
        ("str x, ldr x elsewhere", 2.0),
        ("str x, ldr x crossing", 5.0),
        ("stp x, ldp x", 5.0),
        ("stp x, ldp x half", 4.0),
        ("str q, ldr q", 5.0),
        ("stp q, ldr q first", 4.0),
        ("stp q, ldr q second", 6.0),
        ("stp q, ldr q second, in a chain", 6.0),
        ("st1 of four, ldr q", 8.0),
        ("strb, ldrb", 2.0),
    ],
)
def test_load_waits_for_the_bytes_of_a_store_but_for_no_others(programs, name, cycles):
    assert per_pass(programs[name]) == cycles


def test_store_that_waits_for_its_data_is_charged_to_their_register(programs):
    simulation = time_trace(repeated_trace(programs["fmul, str q"], 100), load_core("cortex-a53"))
    assert set(simulation.stalls) <= {"issue pairing", "dependence on v0"}
    assert simulation.stalls["dependence on v0"] >= 100


def test_store_issues_two_cycles_before_its_data_are_there(programs):
    # Four cycles from the multiplication to its result, less two, and the cycle of the store itself.
    assert once(programs["fmul, str q"]) == 3


def test_wait_for_a_store_is_reported_as_such(programs):
    stalls = time_trace(repeated_trace(programs["st1 of four, ldr q"], 100), load_core("cortex-a53")).stalls
    assert stalls["store to load"] > 0


def test_load_that_crosses_eight_bytes_takes_two_cycles_of_issue(programs):
    assert at(programs["ldr x"], 0) == 1.0
    assert at(programs["ldr x"], 1) == 2.0
    assert at(programs["ldr q"], 8) == 2.0
    assert at(programs["ldr q"], 1) == 3.0
    assert at(programs["ldrb"], 1) == at(programs["ldrb"], 0)
    assert at(programs["ldp w"], 1) == at(programs["ldp w"], 0) + 1


def test_load_that_crosses_a_line_costs_no_more_than_one_that_crosses_eight_bytes(programs):
    assert at(programs["ldr x"], 60) == at(programs["ldr x"], 4)


def test_crossing_load_has_its_result_two_cycles_later(programs):
    assert at(programs["ldr x to itself"], 0) == 3.0
    assert at(programs["ldr x to itself"], 1) == 5.0


def test_doublewords_at_multiples_of_four_cross_every_other_time(programs):
    assert at(programs["literal"], 0, 4) == 1.5


def test_store_takes_a_second_cycle_only_where_it_opens_two_lines(programs):
    for name in ("str x only", "str q only"):
        assert at(programs[name], 1) == 1.0
        assert at(programs[name], 57) == 2.0
        assert at(programs[name], 0, 64) == 1.0
    # In a run through memory, every line is opened once.
    assert at(programs["str q only"], *range(1, 1 + 16 * 64, 16)) == pytest.approx(1.0, abs=0.02)


def test_address_is_formed_a_cycle_earlier_than_arithmetic_is_done(programs):
    assert per_pass(programs["ldrb into its address"]) == 5.0
    assert per_pass(programs["ldr into its address"]) == 4.0
    assert per_pass(programs["add before ldrb"]) == 2.0
    assert per_pass(programs["add before add"]) == 1.0


def test_stream_of_taken_branches_runs_at_one_in_three_cycles(programs):
    assert per_pass(programs["taken branches"]) == 15.0
    assert per_pass(programs["calls"]) == 6.0


def test_branch_that_is_taken_again_and_again_has_no_bubble(programs):
    assert per_pass(programs["tight loop"]) == 1.0
    assert per_pass(programs["tight loop"], {"fetch.keeps_target": "false"}) == 3.0


def test_blocks_between_taken_branches_are_fetched_in_aligned_pairs(programs):
    assert per_pass(programs["blocks of two"]) == 6.0
    assert per_pass(programs["blocks of three"]) == 8.0


def test_branches_that_are_not_taken_run_at_one_a_cycle(programs):
    assert per_pass(programs["not taken"]) == 2.0


def test_fetch_that_ran_ahead_hides_a_bubble_behind_slow_work(programs):
    slow = assemble(["ldp q0, q1, [x28]\nldp q2, q3, [x28]\nb .+4\nldp q0, q1, [x28]\nldp q2, q3, [x28]\nb .-20"])[0]
    assert per_pass(slow) == pytest.approx(18.0)


def loop_trace(program: Program, iterations: int, loops: int) -> Trace:
    """All but the last instruction `iterations` times, then the last; all that `loops` times."""
    body = len(program.instructions) - 1
    inner = np.tile(np.arange(body, dtype=np.int32), iterations)
    index = np.tile(np.concatenate([inner, np.array([body], dtype=np.int32)]), loops)
    return Trace.of_instructions(program, index, np.full(index.size, -1, dtype=np.int64))


def test_exit_of_a_short_loop_is_learned_and_that_of_a_longer_one_costs_the_misprediction(programs):
    core = load_core("cortex-a53")
    assert core.branches.mispredict == 7
    learned = time_trace(loop_trace(programs["counted loop"], 8, 50), core)
    missed = time_trace(loop_trace(programs["counted loop"], 10, 50), core)
    assert learned.mispredictions == 0
    assert missed.mispredictions == 50
    # Two more passes of two cycles each; seven cycles from the branch on, in the first of which it issues itself.
    assert (missed.cycles - learned.cycles) / 50 == pytest.approx(2 * 2 + 6, abs=1)

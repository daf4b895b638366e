"""Rules of dispatch to the queues of the ports, each with a stream that shows it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isa_models import load_core
from isa_models.errors import InputError
from isa_models.timing import time_trace
from tests.isa_models.snippets import assemble, repeated_trace

# F1 and F0 alone, F0 twice, either, and F1 alone: in order, with one a cycle into each queue, a cycle each for
# FCMP with FRINTM, the halves of MLA, the second with SMAX, and SSHLL2, which FCMP cannot join. Measured 4.04.
CROWDED = """fcmp s16, #0.0
frintm d0, d17
mla v1.8h, v18.8h, v19.8h
smax v2.4s, v20.4s, v21.4s
sshll2 v3.8h, v22.16b, #0"""
NO_LIMITS = {"queue_inputs": "{}", "dispatch_width": "null"}


def simulate(code, repetitions=200, **overrides):
    core = load_core("cortex-a72", overrides)
    return time_trace(repeated_trace(assemble([code])[0], repetitions), core)


def cycles(code, repetitions=200, **overrides):
    return simulate(code, repetitions, **overrides).cycles / repetitions


def test_each_queue_takes_one_micro_operation_a_cycle():
    assert cycles(CROWDED) == pytest.approx(4.0, abs=0.05)
    assert cycles(CROWDED, **NO_LIMITS) == pytest.approx(3.0, abs=0.05)


def test_three_micro_operations_are_dispatched_a_cycle():
    stream = "ldr x1, [x0], #0\nadd d1, d18, d19"  # the address is written back by a micro-operation of its own
    assert cycles(stream) == pytest.approx(1.0, abs=0.05)
    assert cycles(stream, dispatch_width="2") == pytest.approx(1.5, abs=0.05)
    assert cycles(stream, dispatch_width="1") == pytest.approx(3.0, abs=0.05)


def test_dispatch_is_a_bound_where_it_limits():
    bound = simulate("ldr x1, [x0], #0\nadd d1, d18, d19", dispatch_width="1").bound
    assert (bound.what, bound.cycles) == ("dispatch", 600)


def test_what_has_just_started_shows_which_port_is_busy():
    stream = "add d0, d16, d17\nadd d2, d18, d19\nmul v1.8h, v18.8h, v19.8h"  # F0 or F1 twice, and F0 alone twice
    assert cycles(stream, queue_hold="0") == pytest.approx(3.0, abs=0.05)
    assert cycles(stream) < 2.5


def test_what_has_started_takes_no_room():
    stream = "shl d0, d16, #3"
    assert cycles(stream, port_queue="1", queue_hold="20") == pytest.approx(1.0, abs=0.2)


BLOCKS = "\n".join(["shl d0, d16, #3"] * 12 + ["umull v1.8h, v18.8b, v19.8b"] * 12)
"""F1 alone, then F0 alone: a cycle each where nothing stops the second block from starting with the first."""


def test_what_waits_for_room_holds_up_work_for_other_ports():
    wide = {"queue_inputs": "{}", "dispatch_width": "null", "results_per_cycle": "null"}
    assert cycles(BLOCKS, port_queue="2", **wide) == pytest.approx(20, abs=2)
    assert cycles(BLOCKS, port_queue="32", **wide) == pytest.approx(12, abs=0.5)


def test_limits_of_dispatch_are_a_reason_of_their_own():
    assert simulate(CROWDED, port_queue="64").stalls["dispatch"] > 500
    assert "dispatch" not in simulate(CROWDED, port_queue="64", **NO_LIMITS).stalls


@given(st.dictionaries(st.sampled_from(("B", "I0", "I1", "M", "L", "F0", "F1")), st.integers(1, 3), min_size=1))
def test_bound_of_dispatch_is_never_above_what_it_took(inputs):
    limited = {"queue_inputs": json.dumps(inputs), "dispatch_width": "1", "results_per_cycle": "null"}
    simulation = simulate("add x0, x20, x21\nadd d0, d16, d17\nldr x1, [x0], #0\ncmp x4, x5, lsl #3", 20, **limited)
    bound = next(bound.cycles for bound in simulation.bounds if bound.what == "dispatch")
    assert bound <= simulation.cycles


def test_unknown_port_is_named():
    with pytest.raises(InputError, match="queue_inputs: port 'F7'"):
        load_core("cortex-a72", {"queue_inputs": "{F7: 1}"})

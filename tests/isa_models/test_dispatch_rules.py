"""Rules of dispatch to the queues of the ports, each with a stream that shows it."""

import pytest

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


def test_entries_that_stay_show_which_port_is_busy():
    stream = "add d0, d16, d17\nadd d2, d18, d19\nmul v1.8h, v18.8h, v19.8h"  # F0 or F1 twice, and F0 alone twice
    assert cycles(stream, queue_hold="0") == pytest.approx(3.0, abs=0.05)
    assert cycles(stream) < 2.5


def test_entries_that_stay_fill_the_queue():
    assert cycles("shl d0, d16, #3", queue_hold="20") > 2.0


def test_unknown_port_is_named():
    with pytest.raises(InputError, match="queue_inputs: port 'F7'"):
        load_core("cortex-a72", {"queue_inputs": "{F7: 1}"})

"""Rules of dispatch and of result buses, each with a stream that shows it."""

import pytest

from isa_models import load_core
from isa_models.errors import InputError
from isa_models.timing import time_trace
from tests.isa_models.snippets import assemble, repeated_trace


def cycles(code, repetitions=200, **overrides):
    core = load_core("cortex-a72", {field: str(value) for field, value in overrides.items()})
    return time_trace(repeated_trace(assemble([code])[0], repetitions), core).cycles / repetitions


FOUR_THEN_THREE_CYCLES = "srshr d0, d16, #3\nshl d1, d17, #3"
THREE_CYCLES = "sshr d0, d16, #3\nshl d1, d17, #3"


def test_a_faster_operation_waits_for_the_result_bus_of_its_port():
    assert cycles(FOUR_THEN_THREE_CYCLES) > cycles(FOUR_THEN_THREE_CYCLES, result_buses=[]) + 0.5


def test_results_of_one_latency_never_meet():
    assert cycles(THREE_CYCLES) == cycles(THREE_CYCLES, result_buses=[])


def test_second_port_is_used_when_the_first_has_work_waiting():
    core = load_core("cortex-a72")
    both = time_trace(repeated_trace(assemble(["add d0, d16, d17\nadd d1, d18, d19"])[0], 200), core).ports
    alone = time_trace(
        repeated_trace(assemble(["add d0, d16, d17\nadd x0, x20, x21\nadd x1, x2, x3"])[0], 200), core
    ).ports
    assert both["F1"] > 0.9
    assert alone["F1"] == 0.0


@pytest.mark.parametrize("field", ["dispatch_groups", "result_buses"])
def test_unknown_port_is_named(field):
    with pytest.raises(InputError, match=f"{field}: port 'F7'"):
        load_core("cortex-a72", {field: "[[F7]]"})

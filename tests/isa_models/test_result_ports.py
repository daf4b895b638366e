"""Ports that hand over one result a cycle, each rule with a stream that shows it."""

import pytest

from isa_models import load_core
from isa_models.errors import InputError
from isa_models.timing import time_trace
from tests.isa_models.snippets import assemble, repeated_trace

ANY = {"result_ports": "[]", "issue_reach": "null"}
FOUR = "umull v1.8h, v16.8b, v17.8b"  # F0, four cycles
THREE = "frinta d2, d18"  # F0, three cycles


def cycles(code, repetitions=200, **overrides):
    core = load_core("cortex-a72", overrides)
    return time_trace(repeated_trace(assemble([code])[0], repetitions), core).cycles / repetitions


def test_shorter_one_waits_where_its_result_would_meet_that_of_a_longer_one():
    stream = f"{FOUR}\n{THREE}"
    assert cycles(stream, **ANY) == pytest.approx(2.0, abs=0.05)
    assert cycles(stream, issue_reach="1") == pytest.approx(3.0, abs=0.05)


def test_younger_ones_in_reach_use_what_it_leaves():
    stream = f"{FOUR}\n{THREE}"
    assert cycles(stream, issue_reach="1") > cycles(stream) + 0.2
    assert cycles(stream) >= cycles(stream, issue_reach="null") > cycles(stream, **ANY) + 0.05


def test_measured_mix_on_one_port():
    stream = "cmp x20, w21, uxth\nfcmpe s16, s17\nfrintp v1.2d, v18.2d\nscvtf d2, x22\numlal v3.2d, v19.2s, v20.2s"
    assert cycles(stream, **ANY) == pytest.approx(3.0, abs=0.05)
    assert cycles(stream, issue_reach="3") == pytest.approx(3.5, abs=0.05)
    assert cycles(stream) == pytest.approx(4.0, abs=0.05)  # measured 4.04


@pytest.mark.parametrize(
    ("other", "taken"),
    [("sshr d2, d17, #3", 3.0), ("srshr d2, d17, #3", 2.0), ("fcmp d17, d18", 2.0)],
    ids=["shorter", "as long", "no result"],
)
def test_only_results_of_another_latency_meet(other, taken):
    assert cycles(f"srshr d1, d16, #3\n{other}", issue_reach="1") == pytest.approx(taken, abs=0.05)


@pytest.mark.parametrize("twice", ["frintz v2.4s, v18.4s", "mul v2.4s, v18.4s, v19.4s"])
def test_two_passes_hand_over_once(twice):
    assert cycles(f"{FOUR}\n{twice}", issue_reach="1") == pytest.approx(3.0, abs=0.05)


def test_result_of_a_micro_operation_can_be_given():
    stream = f"{FOUR}\n{THREE}"
    rounding = "{latency: 3, ports: [F0], more: [{ports: [L], result: 0, behind: 0}], source: like, confidence: low}"
    passed_on = rounding.replace("ports: [L]", "ports: [L], after: 4")
    assert cycles(stream, issue_reach="1", **{"classes.fp_convert": rounding}) == pytest.approx(3.0, abs=0.05)
    assert cycles(stream, issue_reach="1", **{"classes.fp_convert": passed_on}) == pytest.approx(2.0, abs=0.05)


def test_latency_of_a_chain_is_not_longer():
    chain = "eor v1.16b, v1.16b, v16.16b\n" + "\n".join([FOUR.replace("v1", "v2")] * 2)
    assert cycles(chain) == pytest.approx(3.0, abs=0.1)


def test_wrong_description_is_refused():
    with pytest.raises(InputError, match="result_ports: port 'F7'"):
        load_core("cortex-a72", {"result_ports": "[F7]"})
    with pytest.raises(InputError, match="issue_reach: limits the ports that result_ports names"):
        load_core("cortex-a72", {"result_ports": "[]"})

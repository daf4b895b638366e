"""The engines against sequences and mixes measured on silicon (isa_models/silicon/README.md).

The limits are what the models reach now with a little air: they may only be lowered.
"""

import pytest

from isa_models import load_core
from isa_models.silicon.comparison import (
    a53_sequences,
    a72_mixes,
    a72_singletons,
    compare_loops,
    compare_sequences,
    is_floating_point,
    summary,
    uses_divider,
)


@pytest.mark.parametrize("is_held_out", [False, True])
def test_a53_sequences_issue_in_the_measured_cycles(is_held_out):
    cases = [case for case in a53_sequences() if case.is_held_out == is_held_out]
    wrong = {
        comparison.case.name: (comparison.predicted, comparison.case.measured)
        for comparison in compare_sequences(cases, load_core("cortex-a53"))
        if comparison.predicted != comparison.case.measured
    }
    assert len(cases) == 31
    assert not wrong


@pytest.mark.parametrize("is_held_out", [False, True])
def test_a72_singletons_without_floating_point(is_held_out):
    cases = [c for c in a72_singletons() if c.is_held_out == is_held_out and not is_floating_point(c)]
    figures = summary(compare_loops(cases, load_core("cortex-a72")))
    assert figures["mean"] < 0.035
    assert figures["within 10 %"] > 0.92


@pytest.mark.parametrize("is_held_out", [False, True])
def test_a72_mixes_without_floating_point(is_held_out):
    cases = [c for c in a72_mixes() if c.is_held_out == is_held_out and not is_floating_point(c)]
    figures = summary(compare_loops(cases, load_core("cortex-a72")))
    assert figures["cases"] > 80
    assert figures["mean"] < 0.065
    assert figures["median"] < 0.03


def test_divisions_count_as_floating_point_work_and_moves_do_not():
    by_name = {case.name.split()[0]: case for case in a72_singletons()}
    assert uses_divider(by_name["sdiv"])
    assert uses_divider(by_name["fsqrt"])
    assert is_floating_point(by_name["scvtf"])
    assert not uses_divider(by_name["scvtf"])
    assert not is_floating_point(by_name["fmov"])

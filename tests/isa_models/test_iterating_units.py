"""Units of a Cortex-A72 that iterate: a division or a root stalls its like, while other work on its port goes on."""

import pytest

from isa_models import load_core
from isa_models.timing import time_trace
from tests.isa_models.snippets import assemble, repeated_trace

SDIV = "sdiv x1, x18, x19"
MSUB = "msub x2, x20, x21, x22"
FDIV = "fdiv v1.2d, v18.2d, v19.2d"
FSQRT = "fsqrt d2, d20"
SHIFTS = "sshr d3, d21, #3\nsshr d4, d22, #3"  # on F1 alone, as roots are


def cycles(*code, repetitions=200):
    trace = repeated_trace(assemble(["\n".join(code)])[0], repetitions)
    return time_trace(trace, load_core("cortex-a72")).cycles / repetitions


@pytest.mark.parametrize(("code", "alone"), [(SDIV, 4), (MSUB, 3), (FDIV, 8), (FSQRT, 7)])
def test_stalls_its_like(code, alone):
    assert cycles(code) == pytest.approx(alone, rel=0.02)
    assert cycles(code, code) == pytest.approx(2 * alone, rel=0.02)


def test_division_and_long_multiplication_go_side_by_side():
    assert cycles(SDIV, MSUB) == pytest.approx(4, rel=0.02)


def test_quotient_and_root_go_side_by_side():
    assert cycles(FDIV, FSQRT) == pytest.approx(8, rel=0.02)


def test_work_on_the_same_port_goes_on_beside_a_root():
    assert cycles(FSQRT, SHIFTS) == pytest.approx(7, rel=0.02)


def test_work_on_the_same_port_goes_on_beside_a_division():
    multiplications = "umull v5.2d, v23.2s, v24.2s\numull v6.2d, v25.2s, v26.2s"  # on F0 alone, as quotients are
    assert cycles(FDIV, multiplications) == pytest.approx(8, rel=0.02)

import pytest

from tests.baselines.cases import ACCEPT, CASES, difference, measure, recorded


@pytest.mark.parametrize("name", CASES)
def test_instructions_and_cycles_are_the_recorded_ones(name: str) -> None:
    known = recorded().get(name)
    assert known is not None, f"{name} has no recorded figures: {ACCEPT}"
    change = difference(name, known, measure(CASES[name]))
    assert not change, "\n" + change


def test_no_recorded_case_has_gone() -> None:
    assert recorded().keys() == CASES.keys()


def test_a_difference_names_case_figure_and_share() -> None:
    was = {"instructions": 100, "cortex-a72": 50}
    told = difference("strided", was, {"instructions": 100, "cortex-a72": 55})
    assert told.splitlines() == ["strided: cortex-a72 50 -> 55 (+10.00%)", f"if this is meant: {ACCEPT}"]
    assert difference("strided", was, was) == ""

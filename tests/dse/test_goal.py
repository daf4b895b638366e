from __future__ import annotations

import pytest

from dse.constraints import Constraint
from dse.errors import UsageError
from dse.goal import Goal
from dse.measures import ACCURACY, LATENCY, Measure, MeasureKind

ALL = ("latency_ms", "accuracy", "memory_bytes", "weight_bytes", "code_bytes", "latency_ms@cortex-a53")


@pytest.mark.parametrize("text", ALL)
def test_names_read_back(text: str) -> None:
    assert str(Measure.parse(text)) == text
    assert Measure.parse(text).direction == ("maximize" if text == "accuracy" else "minimize")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("latency", "did you mean latency_ms?"),
        ("memory_byte", "did you mean memory_bytes?"),
        ("accuracy@cortex-a53", "only latency_ms has a core"),
        ("latency_ms@", "only latency_ms has a core"),
        ("", "'' is unknown"),
    ],
)
def test_unknown_measures_are_one_line(text: str, said: str) -> None:
    with pytest.raises(UsageError) as error:
        Measure.parse(text)
    assert said in str(error.value)


def test_every_kind_is_shown_in_its_unit() -> None:
    shown = {kind: Measure(kind).text(0.5 if kind is MeasureKind.ACCURACY else 2048.0) for kind in MeasureKind}
    assert list(shown.values()) == ["2048.0000", "50.00", "2.0", "2.0", "2.0"]
    assert Measure.parse("latency_ms@cortex-a53").title == "Latency (ms) of the binary layers on cortex-a53"


@pytest.mark.parametrize(
    ("text", "written", "kept", "broken"),
    [
        ("latency_ms <= 20", "latency_ms <= 20", 20.0, 20.5),
        ("accuracy>=.85", "accuracy >= 0.85", 0.85, 0.84),
        ("  memory_bytes<=1e5 ", "memory_bytes <= 100000", 99_999.0, 100_001.0),
        ("latency_ms@cortex-a53 >= 1", "latency_ms@cortex-a53 >= 1", 2.0, 0.5),
        ("code_bytes <= 0", "code_bytes <= 0", 0.0, 1.0),
    ],
)
def test_constraints_read_back(text: str, written: str, kept: float, broken: float) -> None:
    constraint = Constraint.parse(text)
    assert str(constraint) == written
    assert Constraint.parse(written) == constraint
    assert constraint.violation(kept) <= 0 < constraint.violation(broken)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("latency_ms", "is no comparison"),
        ("latency_ms < 20", "< is neither <= nor >="),
        ("latency_ms == 20", "== is neither"),
        ("latency_ms <= fast", "'fast' is no number"),
        ("latency_ms <= nan", "give a finite limit"),
        ("latency_ms <= -1", "give a finite limit"),
        ("accuracy >= 85", "accuracy is 0 to 1"),
        ("accurcy >= 0.85", "did you mean accuracy?"),
        ("__import__('os') <= 1", "is unknown"),
        ("latency_ms <= 20 <= 30", "is no comparison"),
        ("1 <= latency_ms", "'1' is unknown"),
    ],
)
def test_malformed_constraints_are_one_line(text: str, said: str) -> None:
    with pytest.raises(UsageError) as error:
        Constraint.parse(text)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_violation_is_a_share_of_the_limit() -> None:
    assert Constraint.parse("latency_ms <= 20").violation(30) == pytest.approx(0.5)
    assert Constraint.parse("accuracy >= 0.8").violation(0.6) == pytest.approx(0.25)


def test_goal_measures_latency_and_accuracy_whatever_it_is_after() -> None:
    goal = Goal.parse(["memory_bytes", "latency_ms@cortex-a53"], ["code_bytes <= 9", "accuracy >= 0.5"])
    assert [str(measure) for measure in goal.measures] == [
        "latency_ms",
        "accuracy",
        "memory_bytes",
        "latency_ms@cortex-a53",
        "code_bytes",
    ]
    assert goal.further_cores == ("cortex-a53",)
    measured = {name: float(number) for number, name in enumerate(map(str, goal.measures), start=1)} | {"accuracy": 0.4}
    assert goal.values(measured) == (3.0, 4.0)
    violations = goal.violations(measured)
    assert violations["code_bytes <= 9"] == pytest.approx(-4 / 9)
    assert violations["accuracy >= 0.5"] == pytest.approx(0.2)


def test_default_goal_and_losses() -> None:
    assert Goal.of_spec({}) == Goal() == Goal((LATENCY, ACCURACY))
    assert Goal().losses((2.0, 0.8)) == (2.0, -0.8)
    with pytest.raises(UsageError, match="objectives accuracy: give at least two"):
        Goal.parse(["accuracy"], [])

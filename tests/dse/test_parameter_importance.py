"""What a parameter explains by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from dse.parameter_importance import importance_figure, importances
from dse.results import read_results
from tests.sample_study import CONVENTIONAL, add_measured, build_study, create_study


def test_parameter_that_decides_explains_everything(tmp_path: Path) -> None:
    study = create_study(tmp_path / "study.db")
    for accumulator, latency in ((8, 1.0), (16, 2.0), (32, 5.0)):
        for clip, accuracy in ((0, 0.8), (15, 0.7)):
            add_measured(study, latency, accuracy, 0.01, {**CONVENTIONAL, "accumulator": accumulator, "clip": clip})
    found = importances(read_results(study))
    assert set(found) == {"accumulator", "clip"}
    assert found["accumulator"] == pytest.approx((1.0, 0.0))
    assert found["clip"] == pytest.approx((0.0, 1.0))


def test_shares_lie_between_nothing_and_all(tmp_path: Path) -> None:
    found = importances(read_results(build_study(tmp_path / "study.db")))
    assert {"width_multiplier", "accumulator", "overflow", "clip"} <= set(found)
    assert all(0 <= share <= 1 for both in found.values() for share in both)
    assert found["width_multiplier"][0] > 0.2


def test_empty_study_says_so(tmp_path: Path) -> None:
    results = read_results(create_study(tmp_path / "study.db"))
    assert importances(results) == {}
    assert "No parameter" in importance_figure(results).layout.annotations[0].text

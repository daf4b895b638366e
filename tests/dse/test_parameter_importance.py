"""What a parameter explains by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from dse.parameter_importance import importance_figure, importances
from dse.study_reader import read_results
from tests.sample_study import CONVENTIONAL, add_measured, build_study, create_study


def test_parameter_that_decides_explains_everything(tmp_path: Path) -> None:
    study = create_study(tmp_path / "study.db")
    for accumulator, latency in ((8, 1.0), (16, 2.0), (32, 5.0)):
        for clip, accuracy in ((0, 0.8), (15, 0.7)):
            add_measured(study, latency, accuracy, 0.01, {**CONVENTIONAL, "accumulator": accumulator, "clip": clip})
    found = importances(read_results(study))
    assert set(found) == {"Bits", "Clip"}
    assert found["Bits"] == pytest.approx((1.0, 0.0))
    assert found["Clip"] == pytest.approx((0.0, 1.0))


def test_layers_are_parameters_of_their_own_where_they_differ(tmp_path: Path) -> None:
    study = create_study(tmp_path / "study.db")
    for latency, bits in ((1.0, 32), (2.0, [32, 16, 32, 32]), (3.0, [32, 8, 32, 16])):
        add_measured(
            study,
            latency,
            latency,
            0.01,
            design={"accumulator": bits}
            if bits == 32
            else {"accumulator": bits, "overflow": ["exact"] * 4, "clip": [None] * 4, "depth_multiplier": 2.0},
        )
    found = importances(read_results(study))
    assert set(found) == {"Bits, layer 2", "Bits, layer 4", "Depth"}
    assert set(importance_figure(read_results(study)).data[0].y) == set(found)
    assert found["Bits, layer 2"] == pytest.approx((1.0, 1.0))


def test_shares_lie_between_nothing_and_all(tmp_path: Path) -> None:
    found = importances(read_results(build_study(tmp_path / "study.db")))
    assert {"Width", "Bits", "Overflow", "Clip"} <= set(found)
    assert all(0 <= share <= 1 for both in found.values() for share in both)
    assert found["Width"][0] > 0.2


def test_empty_study_says_so(tmp_path: Path) -> None:
    results = read_results(create_study(tmp_path / "study.db"))
    assert importances(results) == {}
    assert "No parameter" in importance_figure(results).layout.annotations[0].text

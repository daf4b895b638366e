"""The validation of a core, made from the measurements that the package carries."""

from __future__ import annotations

from pathlib import Path

import pytest

from dse import validation_charts
from dse.cache import EvaluationCache
from dse.validation_charts import ValidationSet, error_figure, measured_figure, validation_sets
from isa_models.silicon.data_sets import sequence_set


@pytest.fixture(scope="module")
def sequences() -> ValidationSet:
    data = sequence_set()
    return ValidationSet(
        data.key,
        data.file,
        data.unit,
        tuple(point.measured for point in data.points),
        tuple(point.simulated for point in data.points),
        tuple(point.error for point in data.points),
        tuple(point.is_held_out for point in data.points),
        tuple(point.name for point in data.points),
    )


def test_figure_has_every_point_of_both_halves(sequences: ValidationSet) -> None:
    drawn = {
        point
        for trace in measured_figure(sequences).data
        if trace.mode == "markers"
        for point in zip(trace.x, trace.y, strict=True)
    }
    assert drawn == set(zip(sequences.measured, (round(one, 2) for one in sequences.simulated), strict=True))
    assert (
        sum(count or 0 for trace in error_figure(sequences).data for count in trace.y) == len(sequences.measured) == 62
    )
    assert sequences.share_within(0.02) > 0.9


def test_validation_is_simulated_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr(
        "isa_models.silicon.data_sets.sets_of",
        lambda core: [calls.append(core) or sequence_set()],  # type: ignore[func-returns-value]
    )
    cache = EvaluationCache(tmp_path)
    first = validation_sets("cortex-a53", cache)
    assert validation_sets("cortex-a53", cache) == first
    assert calls == ["cortex-a53"]
    assert [data.key for data in first] == ["cortex-a53-sequences"]
    assert next(cache.files()).parent.parent.name == validation_charts.VALIDATION


def test_nothing_is_made_up_for_an_unmeasured_core(tmp_path: Path) -> None:
    assert validation_sets("cortex-a55", EvaluationCache(tmp_path)) == ()

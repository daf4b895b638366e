from __future__ import annotations

import json

import pytest

from dse.errors import UsageError
from dse.spec import CHANGEABLE, StudySpec, check_resumes, stored_spec

RECORD = StudySpec().record(1.5e9)
NONE: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("core", "cortex-a53"),
        ("dataset", "cifar10"),
        ("seed", 7),
        ("recipe", {"epochs": 9}),
        ("objectives", ["latency_ms", "memory_bytes"]),
        ("constraints", ["latency_ms <= 3"]),
        ("sampler", "grid"),
        ("clock_hz", 1e9),
        ("overrides", {"l2.latency": "30"}),
    ],
)
def test_other_settings_name_the_field(field, value):
    with pytest.raises(UsageError, match=f"was made with {field} .*another --name"):
        check_resumes("study", RECORD, {**RECORD, field: value}, NONE)


@pytest.mark.parametrize("field", sorted(CHANGEABLE))
def test_what_may_change_is_no_obstacle(field):
    check_resumes("study", RECORD, {**RECORD, field: "another"}, NONE)


def test_ranges_count_where_they_were_asked_for():
    stored = {**RECORD, "parameters": {**RECORD["parameters"], "clips": [0, 3]}}
    check_resumes("study", RECORD, stored, NONE)
    with pytest.raises(UsageError, match="was made with clips 0,3, not 0,3,7,15,31,63"):
        check_resumes("study", RECORD, stored, frozenset({"clips"}))
    reordered = {**RECORD, "parameters": {**RECORD["parameters"], "clips": [3, 7, 15, 31, 63, 0]}}
    check_resumes("study", RECORD, reordered, frozenset({"clips"}))


def test_record_and_spec_are_json_and_read_back():
    spec = StudySpec(trials=3, constraints=("accuracy>=.8",), overrides={"l2.latency": "30"})
    assert spec.constraints == ("accuracy >= 0.8",)
    assert StudySpec.model_validate_json(spec.model_dump_json()) == spec
    assert json.loads(json.dumps(spec.record(1e9))) == spec.record(1e9)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"recipe": {"quick": {"images": 640, "train_images": 128}}},
        {"recipe": {"kind": "scratch", "scratch": {"epochs": 4, "stages": "two-stage", "crop_scale": (0.5, 1.0)}}},
        {"constraints": ("latency_ms <= 20",), "sampler": "nsga2", "overrides": {"l2.latency": "30"}},
        {"parameters": {"clips": (0, 7)}, "until_stalled": 5},
    ],
)
def test_worker_reads_the_spec_that_a_study_keeps(changes):
    spec = StudySpec.model_validate(changes)
    record = json.loads(json.dumps(spec.record(1.5e9)))
    assert stored_spec(record).record(1.5e9) == json.loads(json.dumps(spec.record(1.5e9)))


def test_recipe_that_no_spec_can_set_is_refused():
    record = StudySpec().record(1.5e9)
    with pytest.raises(UsageError, match="recipe cannot be set in a spec"):
        stored_spec({**record, "recipe": {**record["recipe"], "latent_bound": 0.5}})
    with pytest.raises(UsageError, match="spec cannot be read"):
        stored_spec({**record, "sampler": "sorcery"})


def test_recipe_is_refused_by_the_entries_that_differ() -> None:
    stored = StudySpec().record(1.5e9)
    changed = {**stored["recipe"], "design": {**stored["recipe"]["design"], "images": 3200}}
    images = stored["recipe"]["design"]["images"]
    with pytest.raises(UsageError, match=rf"made with recipe design\.images=3200, not design\.images={images}: give"):
        check_resumes("study", stored, {**stored, "recipe": changed}, frozenset())

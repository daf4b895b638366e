from __future__ import annotations

from pathlib import Path

import optuna
import pytest

from dse.errors import UsageError
from dse.known_designs import CONVENTIONAL
from dse.launch import StudySettings, StudySetup, run_study
from dse.networks import FeatureMaps
from dse.spec import ParameterRanges, StudySpec
from isa_models import load_core
from isa_models.errors import IsaModelError
from kernels_asm import Overflow
from tests.dse.conftest import RecordedProgress


def create(folder: Path, spec: StudySpec) -> optuna.Study:
    settings = StudySettings(str(folder / "study.db"), "study", spec, folder / "cache")
    core = load_core(spec.core, {})
    return StudySetup(settings, core).create(spec.record(core.clock_hz))


def test_ranges_are_the_space_and_what_is_outside_is_no_first_design(tmp_path: Path) -> None:
    ranges = ParameterRanges(
        widths=(1.0, 0.5),
        accumulators=(16, 32),
        overflows=(Overflow.EXACT, Overflow.WRAP),
        clips=(0, 20),
        maps=(FeatureMaps.FLOAT32,),
    )
    study = create(tmp_path, StudySpec(parameters=ranges))
    assert study.user_attrs["space"] == {
        "widths": [1.0, 0.5],
        "accumulators": [16, 32],
        "overflows": ["exact", "wrap"],
        "clips": [0, 20],
        "maps": ["float32"],
    }
    assert study.user_attrs["first"] == [CONVENTIONAL.to_dict()]
    assert study.user_attrs["spec"]["parameters"]["clips"] == [0, 20]
    assert study.user_attrs["chance_accuracy"] == 0.1


def test_goal_makes_the_objectives_and_its_cores_are_a_part_of_what_must_not_change(tmp_path: Path) -> None:
    study = create(tmp_path, StudySpec(objectives=("accuracy", "latency_ms@cortex-a53", "code_bytes")))
    assert study.metric_names == ["accuracy", "latency_ms@cortex-a53", "code_bytes"]
    assert [direction.name for direction in study.directions] == ["MAXIMIZE", "MINIMIZE", "MINIMIZE"]
    assert study.user_attrs["digests"]["core cortex-a53"] == load_core("cortex-a53", {}).digest


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (StudySpec(parameters=ParameterRanges(accumulators=(8,))), "parameters.accumulators must hold 32"),
        (StudySpec(parameters=ParameterRanges(overflows=(Overflow.WRAP,))), "parameters.overflows must hold exact"),
        (StudySpec(parameters=ParameterRanges(maps=(FeatureMaps.INT8,))), "parameters.maps must hold float32"),
        (StudySpec(objectives=("accuracy", "latency_ms@cortex-a5")), "cortex-a5"),
        (StudySpec(enqueue=("clip=20",)), "outside the study's ranges"),
    ],
)
def test_wrong_specs_are_refused_before_there_is_a_study(tmp_path: Path, spec: StudySpec, said: str) -> None:
    settings = StudySettings(str(tmp_path / "study.db"), "study", spec, tmp_path / "cache")
    with pytest.raises((UsageError, IsaModelError)) as error:
        run_study(settings, RecordedProgress())
    assert said in str(error.value)
    assert not (tmp_path / "study.db").exists()

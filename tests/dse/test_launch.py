from __future__ import annotations

import signal
from pathlib import Path

import optuna
import pytest

from dse.errors import UsageError
from dse.known_designs import CONVENTIONAL
from dse.launch import ACCURACY_AT_MOST, StudySettings, StudySetup, has_ended, run_study
from dse.networks import FeatureMaps, Repairs
from dse.space import SearchSpace
from dse.spec import ParameterRanges, StudySpec, stored_spec
from dse.staging import SETTLED, STAGE, Stage
from dse.storage import MADE_WITH, StudyStorage
from isa_models import load_core
from isa_models.errors import IsaModelError
from kernels_asm import Overflow
from kernels_asm.activation import Activation
from tests.dse.conftest import RecordedProgress


def create(folder: Path, spec: StudySpec) -> optuna.Study:
    settings = StudySettings(str(folder / "study.db"), "study", spec, folder / "cache")
    core = load_core(spec.core, {})
    return StudySetup(settings, core).create(spec.record(core.clock_hz))


@pytest.mark.parametrize("last", ["", "spec", "digests"])
@pytest.mark.parametrize("prefix", ["", "journal:"])
def test_study_whose_making_was_interrupted_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: str, prefix: str
) -> None:
    settings = StudySettings(f"{prefix}{tmp_path / 'study'}", "study", StudySpec(), tmp_path / "cache")
    monkeypatch.setattr(StudySetup, "run", lambda *_: None)
    write = optuna.Study.set_user_attr

    def fail_behind(study: optuna.Study, name: str, value: object) -> None:
        if last in ("", *study.user_attrs):
            raise OSError("the disk is full")
        write(study, name, value)

    monkeypatch.setattr(optuna.Study, "set_user_attr", fail_behind)
    with pytest.raises(OSError, match="disk is full"):
        run_study(settings, RecordedProgress())
    monkeypatch.setattr(optuna.Study, "set_user_attr", write)
    with pytest.raises(UsageError, match=r"^study 'study' is empty: its making was interrupted, or it was not made by"):
        StudyStorage(settings.storage).open(None)
    run_study(settings, RecordedProgress())
    study = StudyStorage(settings.storage).open(None)
    assert study.user_attrs.keys() == MADE_WITH | {"format", "enqueued"}


def test_an_interrupt_waits_until_the_study_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = optuna.Study.set_user_attr

    def interrupted(study: optuna.Study, name: str, value: object) -> None:
        signal.raise_signal(signal.SIGINT)
        write(study, name, value)

    monkeypatch.setattr(optuna.Study, "set_user_attr", interrupted)
    with pytest.raises(KeyboardInterrupt):
        create(tmp_path, StudySpec())
    assert StudyStorage(str(tmp_path / "study.db")).open(None).user_attrs.keys() == MADE_WITH | {"format"}


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
        "depths": [1.0],
        "input_sizes": [0],
        "repairs": [""],
        "layer_counts": [],
    }
    assert study.user_attrs["first"] == [CONVENTIONAL.to_dict()]
    assert study.user_attrs["spec"]["parameters"]["clips"] == [0, 20]
    assert study.user_attrs["chance_accuracy"] == 0.1


def test_layers_depths_sizes_and_repairs_are_searched_where_they_are_asked_for(tmp_path: Path) -> None:
    ranges = ParameterRanges(
        depths=(1.0, 0.5, 2.0),
        input_sizes=(0, 20),
        repairs=("", "activation=prelu", "estimator=approx-sign"),
        per_layer=True,
    )
    space = SearchSpace.from_dict(create(tmp_path, StudySpec(parameters=ranges)).user_attrs["space"])
    assert space.layer_counts == (4, 4, 8)
    assert space.input_sizes == (0, 20)
    assert space.repairs == ("", str(Repairs(activation=Activation.PRELU)))  # the last of the three is the usual


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
        (StudySpec(parameters=ParameterRanges(depths=(2.0,))), "parameters.depths must hold 1"),
        (StudySpec(parameters=ParameterRanges(input_sizes=(20,))), "parameters.input_sizes must hold 0"),
        (StudySpec(parameters=ParameterRanges(input_sizes=(0, 28))), "images of fashion-mnist-small have 28 rows"),
        (StudySpec(parameters=ParameterRanges(repairs=("residual=single",))), 'parameters.repairs must hold ""'),
        (StudySpec(parameters=ParameterRanges(repairs=("", "residual=twice"))), "'twice' is unknown"),
        (StudySpec(objectives=("accuracy", "latency_ms@cortex-a5")), "cortex-a5"),
        (StudySpec(objectives=("latency_ms", "latency_ms@cortex-a72")), "cortex-a72 is the study's own core"),
        (
            StudySpec(constraints=("accuracy >= 0.9", "latency_ms <= 2", "accuracy <= 0.8")),
            "constraints accuracy >= 0.9 and accuracy <= 0.8: no design keeps both",
        ),
        (StudySpec(enqueue=("clip=20",)), "outside the study's ranges"),
    ],
)
def test_wrong_specs_are_refused_before_there_is_a_study(tmp_path: Path, spec: StudySpec, said: str) -> None:
    settings = StudySettings(str(tmp_path / "study.db"), "study", spec, tmp_path / "cache")
    with pytest.raises((UsageError, IsaModelError)) as error:
        run_study(settings, RecordedProgress())
    assert said in str(error.value)
    assert not (tmp_path / "study.db").exists()


def test_a_declared_bound_stays_through_runs_and_workers_that_declare_none(tmp_path: Path) -> None:
    core = load_core("cortex-a72", {})

    def setup(spec: StudySpec) -> StudySetup:
        return StudySetup(StudySettings(str(tmp_path / "study.db"), "study", spec, tmp_path / "cache"), core)

    declaring, silent = StudySpec(accuracy_at_most=0.9), StudySpec()
    study = setup(declaring).create(declaring.record(core.clock_hz))
    setup(declaring).declare_bound(study)
    setup(silent).declare_bound(study)
    worker = setup(stored_spec(silent.record(core.clock_hz)))  # it reads every field, declared or not
    assert [bound.name for bound in worker._bounds(study)] == ["declared", "nested", "gain"]
    assert study.user_attrs[ACCURACY_AT_MOST] == 0.9


def test_a_study_with_spared_designs_has_ended_once_it_is_settled() -> None:
    study = optuna.create_study(directions=["minimize", "maximize"])
    spec = StudySpec(trials=1)
    assert not has_ended(study, spec)
    spared = optuna.trial.create_trial(
        state=optuna.trial.TrialState.PRUNED, user_attrs={STAGE: Stage.TRAINING, "design": {}}
    )
    study.add_trial(spared)
    assert not has_ended(study, spec)
    study.set_user_attr(SETTLED, True)
    assert has_ended(study, spec)
    assert not has_ended(study, spec.model_copy(update={"train_all": True}))

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import time
from itertools import count

import optuna
import pytest
from optuna.trial import TrialState

from dse.cache import EvaluationCache
from dse.design import Design, uniform_design
from dse.errors import CacheError, DseError, InterruptedStudyError, NoKernelError, StorageError, TrainingError
from dse.evaluation import Evaluator
from dse.goal import Goal
from dse.hypervolume import stalled_for
from dse.liveness import Watch, this_process
from dse.measuring import Measuring
from dse.networks import FeatureMaps
from dse.space import SearchSpace
from dse.spec import SamplerKind
from dse.staging import is_spared
from dse.study import is_stalled
from dse.study_lock import FileLock
from dse.study_reader import StudyReader, read_results
from dse.tile_search import TileSearch
from dse.workers import DEATHS, RETRY, WORKER, fail_abandoned_trials, is_worth_retrying, signs_of_life
from kernels_asm import Overflow
from tests.sample_kernels import FAMILY, tiny_network

CONVENTIONAL = uniform_design(1.0, 32, Overflow.EXACT, None)


FLOAT32 = (FeatureMaps.FLOAT32,)


def designs(study: optuna.Study, *states: TrialState) -> list[Design]:
    return [Design.from_dict(trial.user_attrs["design"]) for trial in study.get_trials(states=states or None)]


def complete(study: optuna.Study) -> list[Design]:
    return designs(study, TrialState.COMPLETE)


def test_runs_the_conventional_design_first(fake_study):
    study = fake_study.run(1)
    assert complete(study) == [CONVENTIONAL]


def test_budget_counts_complete_trials_only(make_fake_study):
    illegal = uniform_design(1.0, 16, Overflow.RUNNING, None)
    fake = make_fake_study(space=SearchSpace(accumulators=(16, 32), overflows=(Overflow.EXACT, Overflow.RUNNING)))
    study = fake.run(12, first=(illegal,))
    pruned = study.get_trials(states=(TrialState.PRUNED,))
    assert len(complete(study)) == 12
    assert [Design.from_dict(trial.user_attrs["design"]) for trial in pruned] == [illegal]
    assert "running sums are bytes" in pruned[0].user_attrs["pruned"]


def test_finished_study_evaluates_nothing(fake_study):
    first = fake_study.run(4)
    trained = len(fake_study.trainer.trained)
    second = fake_study.run(4)
    assert len(second.trials) == len(first.trials)
    assert len(fake_study.trainer.trained) == trained


def test_larger_budget_continues_and_repeats_nothing(fake_study):
    fake_study.run(5)
    study = fake_study.run(12)
    assert len(set(complete(study))) == len(complete(study)) == 12


def test_resumed_run_draws_other_designs_than_the_first_did(make_fake_study):
    fake = make_fake_study()
    first = complete(fake.run(6))
    after = complete(fake.run(11))[6:]
    assert not set(first) & set(after)
    assert [design.sums[0].clip for design in first[1:]] != [design.sums[0].clip for design in after]


def test_same_seed_draws_the_same_designs(make_fake_study, tmp_path):
    runs = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        runs.append(complete(make_fake_study(folder=tmp_path / name).run(8, seed=3)))
    assert runs[0] == runs[1]


def test_stops_when_every_legal_design_has_been_tried(make_fake_study):
    space = SearchSpace((1.0,), (8, 32), (Overflow.EXACT, Overflow.SATURATE), (0, 7), FLOAT32)
    fake = make_fake_study(space=space)
    study = fake.run(100)
    # (8 exact, 8 saturate, 32) x (no clip, 7), less saturate with 7: constant in block4
    assert len(complete(study)) == 5
    assert "every one" in fake.progress.note


def test_designs_of_one_arithmetic_share_a_training(make_fake_study):
    space = SearchSpace((1.0,), (8, 16, 32), (Overflow.EXACT,), (0,), FLOAT32)
    fake = make_fake_study(space=space)
    study = fake.run(3)
    assert len(complete(study)) == 3
    assert len(fake.trainer.trained) == 1
    assert [trial.user_attrs["accuracy_cached"] for trial in study.trials] == [False, True, True]


def test_running_sums_share_the_training_of_exact_sums_where_no_order_matters(fake_study):
    for width, trainings in ((0.5, 1), (1.0, 3)):  # at width 1 the order matters in block4
        for overflow in (Overflow.EXACT, Overflow.RUNNING):
            fake_study.evaluator.accuracy(uniform_design(width, 8, overflow, 31), lambda _what: None)
        assert len(fake_study.trainer.trained) == trainings


def test_records_what_reports_show(fake_study):
    trial = fake_study.run(1).trials[0]
    cycles = sum(layer["cycles"] for layer in trial.user_attrs["layers"])
    assert trial.user_attrs["cycles"] == cycles
    assert trial.values[0] == pytest.approx(cycles / 1e9 * 1e3)
    layer = trial.user_attrs["layers"][0]
    convolution, behind = layer["kernels"]
    assert convolution["kernel"].endswith(layer["variant"])
    assert layer["variant"].endswith(layer["tile"])
    assert layer["cycles"] == convolution["cycles"] + behind["cycles"]
    assert layer["products_per_cycle"] == layer["products"] / convolution["cycles"]
    assert convolution["kernel"].startswith("convolution 14x14x32x32")
    assert behind["kernel"] == "float32 batch norm of int32 14x14x32 + shortcut"
    assert layer["ports"]["F0"] == pytest.approx(1)
    assert {"accuracy_standard_error", "test_accuracy", "train_seconds", "history"} <= trial.user_attrs.keys()
    assert trial.user_attrs["test_accuracy_standard_error"] is None


def test_records_the_error_of_the_test_accuracy_where_the_trainer_knows_it(fake_study, monkeypatch):
    train = fake_study.trainer.train

    def train_with_error(*arguments):
        record, weights = train(*arguments)
        return {**record, "test_standard_error": 0.003}, weights

    monkeypatch.setattr(fake_study.trainer, "train", train_with_error)
    assert fake_study.run(1).trials[0].user_attrs["test_accuracy_standard_error"] == 0.003


def test_failed_design_does_not_end_the_study(fake_study):
    failures = iter([TrainingError("the loss is nan\nin epoch 1")])

    def fail_once():
        for error in failures:
            raise error

    fake_study.trainer.before = fail_once
    study = fake_study.run(3)
    failed = study.get_trials(states=(TrialState.FAIL,))
    assert [trial.user_attrs["error"] for trial in failed] == ["the loss is nan in epoch 1"]
    assert len(complete(study)) == 3


def test_study_stops_when_every_trial_fails(fake_study):
    def fail():
        raise TrainingError("the loss is nan")

    fake_study.trainer.before = fail
    with pytest.raises(DseError, match=r"^3 trials failed one after the other, the last with: the loss is nan$"):
        fake_study.run(10)


def test_unusable_cache_ends_the_study_and_the_design_is_retried(fake_study):
    def fail():
        raise CacheError("disk full")

    fake_study.trainer.before = fail
    with pytest.raises(CacheError):
        fake_study.run(3)
    fake_study.trainer.before = lambda: None
    study = fake_study.run(3)
    assert complete(study)[0] == CONVENTIONAL
    assert [trial.state for trial in study.trials][:2] == [TrialState.FAIL, TrialState.COMPLETE]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_trial_is_retried_and_finished_ones_stay(fake_study, number):
    finished = complete(fake_study.run(3))
    fake_study.trainer.before = lambda: os.kill(os.getpid(), number)
    with pytest.raises(InterruptedStudyError, match=r"^interrupted: 3 trials finished, run the same command"):
        _run_until_trained(fake_study)
    interrupted = designs(fake_study.load(), TrialState.FAIL)
    assert len(interrupted) == 1
    fake_study.trainer.before = lambda: None
    study = fake_study.run(5)
    assert complete(study)[:4] == [*finished, *interrupted]
    assert not study.get_trials(states=(TrialState.RUNNING, TrialState.WAITING))


def test_a_signal_never_tears_a_use_of_the_storage(fake_study, monkeypatch):
    """One comes within every use of a lock in turn, those of evaluations included, and each trial is ended."""
    torn: list[int] = []
    uses = count()
    when = 0
    acquire = FileLock.try_acquire

    def interrupted(lock):
        taken = acquire(lock)
        if taken and next(uses) == when:
            try:
                signal.raise_signal(signal.SIGINT)
            except KeyboardInterrupt:
                torn.append(when)
        return taken

    fake_study.run(2)
    monkeypatch.setattr(FileLock, "try_acquire", interrupted)
    stopped = 0
    for when in range(1, 32):
        uses = count()
        try:
            fake_study.run(2 + when)
        except InterruptedStudyError:
            stopped += 1
        uses = count(1000)
        assert fake_study.load().get_trials(states=(TrialState.RUNNING,)) == []
    assert torn == []
    assert stopped > 20


def _run_until_trained(fake):
    """Raise the budget until a trial trains, as the interruption sits in the training; cached ones do not."""
    for budget in range(4, 60):
        fake.run(budget)


def test_killed_trial_is_marked_and_retried(fake_study):
    finished = complete(fake_study.run(2))
    context = multiprocessing.get_context("fork")
    child = context.Process(target=_hang_in_training, args=(fake_study,))
    child.start()
    _wait_for_running_trial(fake_study)
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    study = fake_study.run(len(complete(fake_study.load())) + 2)
    failed = study.get_trials(states=(TrialState.FAIL,))
    assert [trial.user_attrs["error"] for trial in failed] == ["interrupted"]
    assert Design.from_dict(failed[0].user_attrs["design"]) in complete(study)
    assert complete(study)[: len(finished)] == finished


def _hang_in_training(fake):
    fake.trainer.before = lambda: time.sleep(60)
    fake.run(60)


def _wait_for_running_trial(fake):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        running = fake.load().get_trials(states=(TrialState.RUNNING,))
        if running and "design" in running[0].user_attrs:
            time.sleep(0.2)
            if fake.load().get_trials(states=(TrialState.RUNNING,)) == running:
                return
        time.sleep(0.02)
    pytest.fail("the child never started a trial")


def test_running_trial_of_a_living_process_is_left_alone(fake_study):
    study = fake_study.load()
    mine, elsewhere, dead, unsigned = study.ask(), study.ask(), study.ask(), study.ask()
    mine.set_user_attr(WORKER, this_process())
    elsewhere.set_user_attr(WORKER, {**this_process(), "machine": "another", "started": 0})
    dead.set_user_attr(WORKER, {**this_process(), "started": 0})
    assert [trial.number for trial in fail_abandoned_trials(study, Watch())] == [dead.number, unsigned.number]


def test_worker_elsewhere_is_given_up_after_a_while_without_signs_of_life(fake_study):
    study = fake_study.load()
    silent, beating = study.ask(), study.ask()
    for trial in (silent, beating):
        trial.set_user_attr(WORKER, {**this_process(), "machine": "another"})
    watch = Watch(expiry=0.5)
    with signs_of_life(beating, every=0.05):
        assert fail_abandoned_trials(study, watch) == []
        time.sleep(0.7)
        assert [trial.number for trial in fail_abandoned_trials(study, watch)] == [silent.number]
        time.sleep(0.7)
        assert fail_abandoned_trials(study, watch) == []


def test_design_over_which_three_workers_died_is_given_up(fake_study):
    """The second death is that of a worker over another design."""
    study = fake_study.run(1)
    fatal, other = ({"design": {"name": name}} for name in ("fatal", "other"))
    for attributes in (fatal, other, fatal, fatal):
        trial = study.ask()
        trial.set_user_attr(WORKER, {**this_process(), "started": 0})
        trial.set_user_attr("design", attributes["design"])
        (abandoned,) = fail_abandoned_trials(study, Watch())
        assert abandoned.number == trial.number
    failed = study.get_trials(states=(TrialState.FAIL,))
    assert [is_worth_retrying(trial) for trial in failed] == [True, True, True, False]
    assert failed[2].user_attrs["error"] == "interrupted"
    assert "3 workers died over this design" in failed[3].user_attrs["error"]


def test_study_goes_on_without_a_design_that_kills_its_workers(fake_study):
    context = multiprocessing.get_context("fork")
    for _ in range(DEATHS):
        child = context.Process(target=_die_in_training, args=(fake_study,))
        child.start()
        child.join()
        assert child.exitcode == -signal.SIGKILL
    study = fake_study.run(3)
    assert designs(study, TrialState.FAIL) == [CONVENTIONAL] * DEATHS
    assert CONVENTIONAL not in complete(study)
    assert len(complete(study)) == 3


def _die_in_training(fake):
    fake.trainer.before = lambda: os.kill(os.getpid(), signal.SIGKILL)
    fake.run(3)


def test_progress_counts_what_other_workers_end(fake_study):
    def end_elsewhere():
        fake_study.trainer.before = lambda: None
        study = fake_study.load()
        study.tell(study.ask(), state=TrialState.FAIL)

    fake_study.trainer.before = end_elsewhere
    fake_study.run(2)
    progress = fake_study.progress
    assert [trial.number for trial in progress.elsewhere] == [1]
    assert [trial.number for trial in progress.ended] == [0, 2]


def test_trial_that_was_taken_for_abandoned_counts_once(fake_study):
    """Another worker gives up this one's first trial while it trains: the design is tried again, and counted once."""

    def give_up():
        fake_study.trainer.before = lambda: None
        study = fake_study.load()
        study._storage.set_trial_user_attr(study.trials[0]._trial_id, RETRY, True)
        study.tell(0, state=TrialState.FAIL)

    fake_study.trainer.before = give_up
    study = fake_study.run(3)
    assert [trial.state for trial in study.trials[:2]] == [TrialState.FAIL, TrialState.COMPLETE]
    assert complete(study)[0] == designs(study)[0] == CONVENTIONAL
    assert len(set(complete(study))) == len(complete(study)) == 3


def test_storage_that_breaks_during_a_run_is_one_line(fake_study):
    fake_study.run(1)

    def drop_tables():
        with sqlite3.connect(fake_study.folder / "study.db") as connection:
            connection.execute("drop table trial_user_attributes")

    fake_study.trainer.before = drop_tables
    with pytest.raises(StorageError, match="no such table"), fake_study.storage.errors():
        _run_until_trained(fake_study)


def test_maps_in_bytes_are_trained_and_timed_on_their_own(fake_study):
    for maps in FeatureMaps:
        design = uniform_design(1.0, 16, Overflow.EXACT, None, maps)
        fake_study.evaluator.accuracy(design, lambda _what: None)
        layers = fake_study.evaluator.latency(design, lambda _what: None).layers
        assert [len(layer["kernels"]) for layer in layers] == ([1] * 4 if maps is FeatureMaps.INT8 else [2] * 4)
    assert len(fake_study.trainer.trained) == 2
    assert any("int8+shortcut.slabs" in timed for timed in fake_study.timer.timed)


def test_a_layer_runs_fused_or_as_two_kernels_whichever_is_faster(fake_study, monkeypatch):
    time_one = fake_study.timer.time

    def slow_where_fused(work):
        record = time_one(work)
        return record | {"cycles": record["cycles"] + 10**6 * str(work).startswith("fused")}

    monkeypatch.setattr(fake_study.timer, "time", slow_where_fused)
    design = uniform_design(1.0, 16, Overflow.EXACT, None, FeatureMaps.INT8)
    layers = fake_study.evaluator.latency(design, lambda _what: None).layers
    assert [layer["variant"].startswith("acc16-exact-clipnone-int16") for layer in layers] == [True] * 4
    assert all(layer["cycles"] == sum(kernel["cycles"] for kernel in layer["kernels"]) for layer in layers)


def test_constraints_are_given_to_the_sampler_and_infeasible_designs_are_off_the_front(make_fake_study):
    spec = {"constraints": ["latency_ms <= 0.2", "accuracy >= 0.7"]}
    fake = make_fake_study(spec=spec)
    study = fake.run(12, measuring=Measuring(Goal.of_spec(spec)))
    for trial in study.trials:
        latency, accuracy = trial.values
        assert trial.constraints == {
            "latency_ms <= 0.2": pytest.approx(latency / 0.2 - 1),
            "accuracy >= 0.7": pytest.approx(1 - accuracy / 0.7),
        }
    results = read_results(study)
    infeasible = [trial for trial in results.trials if not trial.feasible]
    assert 0 < len(infeasible) < 12
    assert all((trial.reason or "").startswith("infeasible: not ") for trial in infeasible)
    assert not {trial.number for trial in infeasible} & results.front_numbers
    assert {trial.number for trial in study.best_trials} == results.front_numbers  # Optuna's own account of it


def test_what_breaks_a_constraint_before_its_training_is_not_trained(make_fake_study, tmp_path):
    spec = {"constraints": ["latency_ms <= 0.07", "accuracy >= 0.7"]}
    space = SearchSpace((0.5, 1.0, 2.0), (8, 32), (Overflow.EXACT,), (0, 7))
    for folder in ("whole", "sparing"):
        (tmp_path / folder).mkdir()
    whole, sparing = (make_fake_study(tmp_path / name, spec=spec, space=space) for name in ("whole", "sparing"))
    options = {"measuring": Measuring(Goal.of_spec(spec)), "sampler": SamplerKind.GRID}
    expected = read_results(whole.run(99, **options))
    study = sparing.run(99, **options, screens=True)
    found, spared = read_results(study), [trial for trial in study.trials if is_spared(trial)]
    assert {trial.design for trial in found.front} == {trial.design for trial in expected.front}
    assert len(sparing.trainer.trained) < len(whole.trainer.trained)
    assert study.trials[0].state is TrialState.COMPLETE  # the others are compared with it, feasible or not
    assert len(found.spared) == len(spared) > 3
    for trial in spared:
        assert trial.user_attrs["stage"] == "constraint"
        assert trial.user_attrs["pruned"] == "infeasible whatever its accuracy is: not latency_ms <= 0.07"
        assert trial.constraints == {"latency_ms <= 0.07": pytest.approx(trial.user_attrs["cycles"] / 1e6 / 0.07 - 1)}
    finished = sparing.run(99, **options)  # as with --train-all
    assert set(complete(finished)) == set(complete(whole.load()))


class FakeFootprint:
    def memory_bytes(self, design: Design) -> int:
        return int(1000 * design.network.width_multiplier)

    def weight_bytes(self, design: Design) -> int:
        return int(5000 * design.network.width_multiplier**2)

    def code_bytes(self, design: Design) -> int:
        return 100 * design.sums[0].accumulator


def test_goal_without_accuracy_trains_only_what_can_reach_the_front(make_fake_study, tmp_path):
    spec = {"objectives": ["latency_ms", "memory_bytes"], "constraints": ["accuracy >= 0.6"]}
    space = SearchSpace((0.5, 1.0, 2.0), (8, 32), (Overflow.EXACT,), (0, 7), FLOAT32)
    for folder in ("whole", "sparing"):
        (tmp_path / folder).mkdir()
    whole, sparing = (make_fake_study(tmp_path / name, spec=spec, space=space) for name in ("whole", "sparing"))
    options = {"measuring": Measuring(Goal.of_spec(spec), FakeFootprint()), "sampler": SamplerKind.GRID}
    expected = read_results(whole.run(99, **options))
    study = sparing.run(99, **options, screens=True)
    assert {trial.design for trial in read_results(study).front} == {trial.design for trial in expected.front}
    assert len(sparing.trainer.trained) < len(whole.trainer.trained)
    spared = [trial for trial in study.trials if is_spared(trial)]
    assert spared
    for trial in spared:
        known, better = trial.user_attrs["known_objectives"], study.trials[trial.user_attrs["exclusion"]["by"]]
        assert all(one <= known[str(number)] for number, one in enumerate(better.values))
        assert trial.user_attrs["pruned"] == (
            f"cannot reach the front whatever its accuracy is: trial {better.number} is better"
        )
    finished = sparing.run(99, **options)  # as with --train-all
    assert set(complete(finished)) == set(complete(whole.load()))


@pytest.mark.parametrize("kind", [SamplerKind.TPE, SamplerKind.NSGA3])
def test_other_objectives_are_measured_recorded_and_optimised(make_fake_study, kind):
    spec = {"objectives": ["memory_bytes", "accuracy", "latency_ms@slow"], "constraints": ["code_bytes <= 1600"]}
    fake = make_fake_study(spec=spec)
    cache = EvaluationCache(fake.folder / "cache")
    search = TileSearch(fake.timer, cache, FAMILY)
    slow = Evaluator(
        tiny_network,
        search,
        fake.trainer,
        1e8,
        cache,
    )
    measuring = Measuring(Goal.of_spec(spec), FakeFootprint(), {"slow": slow})
    study = fake.run(15, sampler=kind, measuring=measuring)
    assert study.metric_names == ["memory_bytes", "accuracy", "latency_ms@slow"]
    for trial in study.trials:
        design, measures = Design.from_dict(trial.user_attrs["design"]), trial.user_attrs["measures"]
        assert measures.keys() == {"latency_ms", "accuracy", "memory_bytes", "latency_ms@slow", "code_bytes"}
        assert measures["latency_ms@slow"] == pytest.approx(10 * measures["latency_ms"])
        assert trial.values == [
            1000 * design.network.width_multiplier,
            measures["accuracy"],
            measures["latency_ms@slow"],
        ]
        assert (trial.constraints["code_bytes <= 1600"] <= 0) is (design.sums[0].accumulator <= 16)
    results = read_results(study)
    assert {trial.number for trial in study.best_trials} == results.front_numbers
    recorded = [trial.user_attrs["measures"]["latency_ms"] for trial in study.trials]
    assert [trial.latency_ms for trial in results.complete] == recorded
    assert results.hypervolumes[-1] > results.hypervolumes[0]


def test_a_design_without_a_kernel_on_a_further_core_is_a_failed_trial(make_fake_study):
    spec = {"objectives": ["latency_ms", "accuracy", "latency_ms@slow"]}
    space = SearchSpace((1.0,), (8, 32), (Overflow.EXACT,), (0, 7), FLOAT32)
    fake = make_fake_study(spec=spec, space=space)

    class NarrowCore:
        def latency(self, design, activity):
            if design.sums[0].accumulator == 8:
                raise NoKernelError("no tile can do 8-bit sums: give another arithmetic")
            return fake.evaluator.latency(design, activity)

    study = fake.run(9, sampler=SamplerKind.GRID, measuring=Measuring(Goal.of_spec(spec), None, {"slow": NarrowCore()}))
    assert {design.sums[0].accumulator for design in complete(study)} == {32}
    failed = study.get_trials(states=(TrialState.FAIL,))
    assert {Design.from_dict(trial.user_attrs["design"]).sums[0].accumulator for trial in failed} == {8}
    assert {trial.user_attrs["error"] for trial in failed} == {"no tile can do 8-bit sums: give another arithmetic"}


def test_stalled_study_stops_and_says_so(make_fake_study):
    space = SearchSpace((1.0,), (16, 32), (Overflow.EXACT, Overflow.WRAP), maps=FLOAT32)
    fake = make_fake_study(space=space)
    study = fake.run(100, until_stalled=4, sampler=SamplerKind.GRID)
    volumes = read_results(study).hypervolumes
    assert stalled_for(volumes) == 4
    assert len(complete(study)) == len(volumes) < 18
    assert fake.progress.note == study.user_attrs["stopped"] == "stalled: no hypervolume gained in 4 complete trials"
    assert is_stalled(StudyReader(study), 4)
    assert not is_stalled(StudyReader(study), 5)
    assert not is_stalled(StudyReader(study), 0)
    assert len(complete(fake.run(100, until_stalled=4))) == len(volumes)  # again: nothing is evaluated
    assert len(complete(fake.run(len(volumes) + 1))) == len(volumes) + 1
    assert fake.load().user_attrs["stopped"] is None

"""Trainings that a study spares: none of them would have been on its front, and what was wrongly spared is reopened."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from dse.accuracy import NetworkTrainer
from dse.accuracy_bounds import AccuracyBound, DeclaredBound, GainBound, NestedBound, Reached
from dse.accuracy_claims import spared_note
from dse.cache import EvaluationCache
from dse.chosen_network import network_builder
from dse.cli.tables import front_notes
from dse.data import load_dataset
from dse.design import Design, uniform_design
from dse.errors import InterruptedStudyError, UsageError
from dse.evaluation import Evaluator
from dse.front import pareto_front
from dse.goal import Goal
from dse.latency import EmulatedTimer
from dse.legality import Legality
from dse.networks import FeatureMaps
from dse.report import render_report
from dse.space import SearchSpace
from dse.spec import SamplerKind
from dse.staging import EXCLUSION, KNOWN, REACHED, SETTLED, STAGE, Stage, Staging, is_spared
from dse.storage import StudyStorage
from dse.study import StudyRunner, finished_trials
from dse.study_reader import read_results
from dse.tile_candidates import tile_family
from dse.tile_search import TileSearch
from dse.training.recipe import Recipe
from isa_models import load_core
from kernels_asm import Overflow
from tests.dse.conftest import RecordedProgress
from tests.fuzz import examples
from tests.sample_kernels import tiny_network

DIRECTIONS = (StudyDirection.MINIMIZE, StudyDirection.MAXIMIZE)
ERROR = 0.004
NESTED = NestedBound(tiny_network)
DESIGNS = tuple(
    uniform_design(width, 16, Overflow.EXACT, clip, maps)
    for width, clip, maps in itertools.product((0.5, 1.0, 2.0), (None, 31, 7, 3), FeatureMaps)
)
SMALL_SPACE = SearchSpace((1.0,), (16, 32), (Overflow.EXACT,), (0, 31, 15, 7, 5, 3), (FeatureMaps.FLOAT32,))
"""Twelve designs, of which two each compute the same."""


class SimulatedStudy:
    """The stages of `StudyRunner` over given latencies and accuracies, without kernels, trainings and a storage."""

    def __init__(
        self, bounds: Sequence[AccuracyBound], latency: Callable[[Design], float], accuracy: Callable[[Design], float]
    ) -> None:
        self.staging = Staging(bounds, DIRECTIONS)
        self.latency, self.accuracy = latency, accuracy
        self.trials: list[FrozenTrial] = []

    def run(self, designs: Sequence[Design]) -> None:
        for number, design in enumerate(designs):
            self._evaluate(design, may_spare=number > 0)
        while reopened := self.staging.to_reopen(self.trials):
            for design in reopened:
                self._evaluate(design, may_spare=True)

    def _evaluate(self, design: Design, *, may_spare: bool) -> None:
        latency = self.latency(design)
        attributes = {"design": design.to_dict(), "accuracy_standard_error": ERROR}
        if may_spare and self.staging.exclusion(design, {0: latency}, self.trials) is not None:
            spared = {STAGE: Stage.TRAINING.value, KNOWN: {"0": latency}}
            trial = create_trial(state=TrialState.PRUNED, user_attrs=attributes | spared)
        else:
            trial = create_trial(values=[latency, self.accuracy(design)], user_attrs=attributes)
        trial.number = len(self.trials)
        self.trials.append(trial)

    @property
    def trained(self) -> set[Design]:
        complete = [trial for trial in self.trials if trial.state is TrialState.COMPLETE]
        return {Design.from_dict(trial.user_attrs["design"]) for trial in complete}

    def front(self, designs: Sequence[Design]) -> set[Design]:
        return set(pareto_front(designs, lambda design: (self.latency(design), -self.accuracy(design))))


numbers = st.floats(0, 1, allow_nan=False)
tables = st.lists(numbers, min_size=len(DESIGNS), max_size=len(DESIGNS))
orders = st.permutations(DESIGNS[1:]).map(lambda rest: (DESIGNS[0], *rest))


def table(values: Sequence[float]) -> Callable[[Design], float]:
    """Return the function that looks a design up; a grid makes equal values, of which no trial may be lost."""
    known = dict(zip(DESIGNS, (round(value, 2) for value in values), strict=True))
    return known.__getitem__


@given(order=orders, latencies=tables, accuracies=tables)
@settings(max_examples=examples(60), deadline=None)
def test_a_declared_bound_that_holds_leaves_the_front_as_it_is(order, latencies, accuracies):
    study = SimulatedStudy([DeclaredBound(max(map(table(accuracies), DESIGNS)))], table(latencies), table(accuracies))
    study.run(order)
    assert study.front(sorted(study.trained, key=str)) == study.front(DESIGNS)


@given(order=orders, latencies=tables, noise=tables)
@settings(max_examples=examples(60), deadline=None)
def test_networks_that_keep_their_order_within_the_bound_leave_the_front_as_it_is(order, latencies, noise):
    def accuracy(design: Design) -> float:
        clip_cost = {None: 0.0, 31: 0.01, 7: 0.1, 3: 0.25}[design.sums[0].clip]
        maps_cost = 0.01 if design.network.maps is FeatureMaps.INT8 else 0.0
        margin = 4 * 2**0.5 * ERROR
        return 0.9 - 0.1 / design.network.width_multiplier - clip_cost - maps_cost + table(noise)(design) * margin

    study = SimulatedStudy([NESTED], table(latencies), accuracy)
    study.run(order)
    assert study.front(sorted(study.trained, key=str)) == study.front(DESIGNS)


@given(order=orders, latencies=tables, accuracies=tables)
@settings(max_examples=examples(60), deadline=None)
def test_whatever_the_accuracies_the_trainings_that_were_made_allow_what_was_spared(order, latencies, accuracies):
    study = SimulatedStudy([DeclaredBound(0.7), NESTED], table(latencies), table(accuracies))
    study.run(order)
    assert study.staging.to_reopen(study.trials) == []
    assert len(study.trained) + sum(map(is_spared, study.trials)) >= len(DESIGNS)
    if len(study.staging.contradictions(study.trials)) == 2:
        assert study.trained == set(DESIGNS)


def test_a_contradicted_bound_reopens_what_it_excluded():
    slow = uniform_design(1.0, 32, Overflow.EXACT, None)
    fast, worse = uniform_design(0.5, 32, Overflow.EXACT, None), uniform_design(1.0, 32, Overflow.EXACT, 3)
    latency = {fast: 1.0, slow: 3.0, worse: 0.5}
    accuracy = {fast: 0.8, slow: 0.85, worse: 0.82}
    study = SimulatedStudy([DeclaredBound(0.8)], latency.__getitem__, accuracy.__getitem__)
    study.run([fast, slow, worse])
    assert [is_spared(trial) for trial in study.trials] == [False, True, False, False]
    assert study.staging.contradictions(study.trials) == [
        "the declared bound does not hold: trial 2 reached 82.00%, above 80.00%"
    ]
    assert study.trained == {fast, slow, worse}


def test_an_equal_point_is_not_excluded():
    study = SimulatedStudy([DeclaredBound(0.8)], lambda _design: 1.0, lambda _design: 0.8)
    study.run(DESIGNS)
    assert study.trained == set(DESIGNS)


def test_an_exclusion_says_what_by():
    study = SimulatedStudy([DeclaredBound(0.8)], DESIGNS.index, lambda _design: 0.8)
    study.run(DESIGNS[:1])
    exclusion = study.staging.exclusion(DESIGNS[1], {0: 1.0}, study.trials)
    assert exclusion is not None
    assert exclusion.to_dict() == {"bound": 0.8, "source": "declared", "by": 0}
    assert str(exclusion) == (
        "cannot reach the front at an accuracy of 80.00% at most (declared bound): trial 0 is better"
    )


def test_further_objectives_count():
    directions = (StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE, StudyDirection.MINIMIZE)
    staging = Staging([DeclaredBound(0.8)], directions, accuracy=0)
    attributes = {"design": DESIGNS[0].to_dict(), "accuracy_standard_error": ERROR}
    trials = [create_trial(values=[0.8, 1.0, 5.0], user_attrs=attributes)]
    assert staging.exclusion(DESIGNS[1], {1: 2.0, 2: 5.0}, trials) is not None
    assert staging.exclusion(DESIGNS[1], {1: 2.0, 2: 4.0}, trials) is None
    with pytest.raises(UsageError, match="objective 1 of the study is no accuracy"):
        Staging([DeclaredBound(0.9)], directions)


def test_infeasible_trial_excludes_nothing():
    staging = Staging([DeclaredBound(0.8)], [StudyDirection.MINIMIZE, StudyDirection.MAXIMIZE])
    attributes = {"design": DESIGNS[0].to_dict(), "accuracy_standard_error": ERROR}
    for violation, is_excluded in ((-0.1, True), (0.1, False)):
        better = create_trial(values=[1.0, 0.8], user_attrs=attributes)
        better.set_constraint("memory_bytes <= 9", violation)
        assert (staging.exclusion(DESIGNS[1], {0: 2.0}, [better]) is not None) is is_excluded


def test_a_study_spares_trainings_and_finishes_them_when_asked(make_fake_study):
    fake = make_fake_study(space=SMALL_SPACE)
    fake.trainer.error = 0.0005
    study = fake.run(12, bounds=[NESTED])
    spared = [trial for trial in study.trials if is_spared(trial)]
    assert spared
    assert len(finished_trials(study)) == 12
    trainings = len(fake.trainer.trained)
    for trial in spared:
        assert trial.user_attrs["pruned"].startswith("cannot reach the front")
        assert study.trials[trial.user_attrs[EXCLUSION]["by"]].state is TrialState.COMPLETE
        assert trial.user_attrs["layers"]
    before = read_front(study)
    study = fake.run(12)
    assert len(fake.trainer.trained) > trainings
    assert not [trial for trial in finished_trials(study) if is_spared(trial)]
    assert read_front(study) == before


def read_front(study: optuna.Study) -> list[tuple[int, list[float]]]:
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    front = pareto_front(complete, lambda trial: (trial.values[0], -trial.values[1]))
    return [(trial.number, trial.values) for trial in front]


def stopped(study: optuna.Study) -> list[FrozenTrial]:
    return [trial for trial in study.trials if REACHED in trial.user_attrs]


def test_trainings_end_early_and_the_front_stays_as_it_is(make_fake_study, tmp_path):
    """The whole space, once with all designs trained to the end and once with the bound on what epochs can gain."""
    fakes = []
    for name in ("whole", "early"):
        (tmp_path / name).mkdir()
        fakes.append(make_fake_study(tmp_path / name, space=SMALL_SPACE))
        fakes[-1].trainer.error = 0.0005
        fakes[-1].trainer.epochs = lambda accuracy: (accuracy - 0.2, accuracy - 0.05)
    whole, early = fakes
    front = read_front(whole.run(99, sampler=SamplerKind.GRID))
    study = early.run(99, sampler=SamplerKind.GRID, bounds=[GainBound()])
    assert [values for _, values in read_front(study)] == [values for _, values in front]
    ended = stopped(study)
    assert ended
    assert all(is_spared(trial) and "(gain bound)" in trial.user_attrs["pruned"] for trial in ended)
    assert all("after epoch 1" in trial.user_attrs["pruned"] for trial in ended)
    again = early.run(99, sampler=SamplerKind.GRID)  # as with --train-all
    complete = {tuple(trial.values) for trial in again.get_trials(states=(TrialState.COMPLETE,))}
    assert complete == {tuple(trial.values) for trial in whole.load().get_trials(states=(TrialState.COMPLETE,))}


def test_a_training_that_gained_more_than_the_bound_allows_reopens_those_that_it_ended():
    def complete(number: int, *epochs: float) -> FrozenTrial:
        history = [{"epoch": epoch, "accuracy": accuracy} for epoch, accuracy in enumerate(epochs, start=1)]
        attributes = {"design": DESIGNS[number].to_dict(), "accuracy_standard_error": 0.001, "history": history}
        return create_trial(values=[1.0, epochs[-1]], user_attrs=attributes)

    staging = Staging([GainBound()], DIRECTIONS)
    known = [complete(number, 0.6, 0.8) for number in range(5)]
    reached = Reached(1, 0.5)
    assert staging.exclusion(DESIGNS[6], {0: 2.0}, known) is None
    assert staging.exclusion(DESIGNS[6], {0: 0.5}, known, reached) is None  # none is as fast
    assert staging.exclusion(DESIGNS[6], {0: 2.0}, known, reached) is not None
    attributes = {STAGE: Stage.TRAINING.value, KNOWN: {"0": 2.0}, REACHED: {"epoch": 1, "accuracy": 0.5}}
    ended = create_trial(state=TrialState.PRUNED, user_attrs={"design": DESIGNS[6].to_dict(), **attributes})
    assert staging.to_reopen([*known, ended]) == []
    late = complete(5, 0.3, 0.8)
    assert staging.contradictions([*known, late])
    assert staging.to_reopen([*known, ended, late]) == [DESIGNS[6]]


def test_a_reopened_trial_that_was_interrupted_is_reopened_by_the_next_run(make_fake_study):
    fake = make_fake_study(space=SMALL_SPACE)
    fake.trainer.error = 0.0005
    spared = sum(map(is_spared, fake.run(12, bounds=[NESTED]).trials))
    assert fake.load().user_attrs[SETTLED]

    def interrupt():
        raise KeyboardInterrupt

    fake.trainer.before = interrupt
    with pytest.raises(InterruptedStudyError):
        fake.run(12)
    assert not fake.load().user_attrs[SETTLED]
    fake.trainer.before = lambda: None
    study = fake.run(12)
    assert spared > 0
    assert not any(map(is_spared, finished_trials(study)))
    assert len(finished_trials(study)) == 12


def test_counts_are_read_and_resumed(make_fake_study):
    fake = make_fake_study(space=SMALL_SPACE)
    fake.trainer.error = 0.0005
    fake.run(9, bounds=[NESTED])
    study = fake.run(12, bounds=[NESTED])
    assert fake.progress.begun == (9, 12)
    results = read_results(study)
    assert len(results.spared) + len(results.complete) == 12
    assert len(results.spared) == sum(map(is_spared, study.trials)) > 0
    note = (
        f"not trained, or not to the end: {len(results.spared)} of 12 designs, which could not have reached the front"
    )
    assert spared_note(results) == note
    assert note in front_notes(results)
    assert note.capitalize() in render_report(results)


def test_a_real_study_spares_clips_that_cost_too_much_and_rightly(tmp_path):
    """Emulated kernels and short trainings: what is spared is no point of the front once it is trained."""
    unclipped, clipped, *narrower = (
        uniform_design(width, 8, Overflow.EXACT, clip, FeatureMaps.INT8)
        for width, clip in ((0.5, None), (1.0, 1), (0.75, 1), (0.5, 1))
    )
    space = SearchSpace((0.5, 0.75, 1.0), (8,), (Overflow.EXACT,), (0, 1), (FeatureMaps.INT8,))
    dataset, core, cache = load_dataset(), load_core("cortex-a72"), EvaluationCache(tmp_path / "cache")
    network_of, family = network_builder("tiny", dataset), tile_family(core)
    search = TileSearch(EmulatedTimer(core), cache, family, first=2)
    trainer = NetworkTrainer(dataset, Recipe(epochs=1, train_images=10_000), 0, cache=cache)
    evaluator = Evaluator(network_of, search, trainer, core.clock_hz, cache)
    legality = Legality(network_of, family)
    storage = StudyStorage(str(tmp_path / "study.db"))
    study = storage.create("study", {"spec": {}}, Goal().objectives)

    def run(budget: int, *bounds: AccuracyBound) -> list[bool]:
        progress = RecordedProgress()
        lock = storage.lock("study")
        runner = StudyRunner(
            study, space, (unclipped, clipped), evaluator, legality, 0, progress, bounds=bounds, lock=lock
        )
        runner.run(budget)
        return [is_spared(trial) for trial in finished_trials(study)]

    assert run(2, NestedBound(network_of)) == [False, False]
    for design in narrower:
        study.enqueue_trial(space.parameters(design))
    assert run(4, NestedBound(network_of)) == [False, False, True, True]
    assert run(4) == [False, False, False, False]
    assert [number for number, _ in read_front(study)] == [0]

from __future__ import annotations

import optuna
import pytest
from optuna.trial import TrialState

from dse.design import uniform_design
from dse.goal import Goal
from dse.networks import FeatureMaps
from dse.space import SearchSpace
from dse.spec import SamplerKind
from dse.staging import STAGE, Stage
from dse.study_reader import read_results
from dse.twins import Twins
from kernels_asm import Overflow

NARROW, WIDE, OTHER = (
    uniform_design(1.0, 8, Overflow.WRAP, 15),
    uniform_design(1.0, 16, Overflow.EXACT, 15),
    uniform_design(1.0, 16, Overflow.SATURATE, 15),
)
SPACE = SearchSpace((0.5, 1.0), (8, 16, 32), (Overflow.EXACT, Overflow.WRAP), (0, 31, 7), (FeatureMaps.FLOAT32,))


def twins_of(known, goal=None):
    rank = {one: (number,) for number, one in enumerate(known)}
    return Twins(lambda _design: known, lambda _design: "the same", goal or Goal(), rank.__getitem__)


def better(known, design, goal=None):
    return twins_of(known, goal).better(design, known[design], known.get)


def worse(known, design, goal=None):
    return [twin.design for twin in twins_of(known, goal).worse(design, known[design], known.get)]


def test_the_best_twin_stands_for_a_design():
    known = {NARROW: {"latency_ms": 1.0}, WIDE: {"latency_ms": 2.0}, OTHER: {"latency_ms": 3.0}}
    assert [better(known, design) for design in known] == [None, NARROW, NARROW]


def test_the_first_of_equal_twins_stands_for_the_others():
    known = {OTHER: {"latency_ms": 3.0}, NARROW: {"latency_ms": 2.0}, WIDE: {"latency_ms": 2.0}}
    assert [better(known, design) for design in known] == [NARROW, None, NARROW]
    assert better({WIDE: known[WIDE], **known}, NARROW) is WIDE


def test_twins_that_cannot_be_measured_stand_for_none():
    assert better({NARROW: None, WIDE: {"latency_ms": 2.0}, OTHER: None}, WIDE) is None


def test_a_twin_must_be_worse_in_nothing():
    goal = Goal.parse(["latency_ms", "accuracy", "code_bytes"], [])
    known = {NARROW: {"latency_ms": 1.0, "code_bytes": 9}, WIDE: {"latency_ms": 2.0, "code_bytes": 8}}
    assert better(known, WIDE, goal) is None
    assert better(known | {NARROW: {"latency_ms": 1.0, "code_bytes": 8}}, WIDE, goal) is NARROW


def test_an_infeasible_twin_does_not_stand_for_a_feasible_design():
    goal = Goal.parse(["latency_ms", "accuracy"], ["code_bytes <= 8"])
    known = {NARROW: {"latency_ms": 1.0, "code_bytes": 9}, WIDE: {"latency_ms": 2.0, "code_bytes": 8}}
    assert better(known, WIDE, goal) is None
    assert better(known | {WIDE: {"latency_ms": 2.0, "code_bytes": 10}}, WIDE, goal) is NARROW


def test_a_design_stands_for_those_that_are_better_in_nothing():
    known = {NARROW: {"latency_ms": 1.0}, WIDE: {"latency_ms": 2.0}, OTHER: None}
    assert worse(known, NARROW) == [WIDE]
    assert worse(known, WIDE) == []
    assert worse(known | {OTHER: {"latency_ms": 2.0}}, WIDE) == [OTHER]
    assert worse(known | {OTHER: {"latency_ms": 2.0}}, OTHER) == []


def test_a_design_stands_for_none_that_is_better_in_something():
    goal = Goal.parse(["latency_ms", "accuracy", "code_bytes"], [])
    known = {NARROW: {"latency_ms": 1.0, "code_bytes": 9}, WIDE: {"latency_ms": 2.0, "code_bytes": 8}}
    assert [worse(known, design, goal) for design in known] == [[], []]


def stages(study: optuna.Study) -> list[str]:
    return [trial.user_attrs[STAGE] for trial in study.get_trials(states=(TrialState.PRUNED,))]


@pytest.mark.parametrize("kind", [SamplerKind.GRID, SamplerKind.TPE])
def test_twins_that_others_stand_for_add_nothing_to_the_front(make_fake_study, tmp_path, kind):
    """The whole space, once with all designs evaluated and once with the best twins alone."""
    for folder in ("whole", "screened"):
        (tmp_path / folder).mkdir()
    whole, screened = (make_fake_study(tmp_path / name, space=SPACE) for name in ("whole", "screened"))
    front = {trial.values for trial in read_results(whole.run(99, sampler=SamplerKind.GRID)).front}
    study = screened.run(99, sampler=kind, screens=True)
    results = read_results(study)
    assert {trial.values for trial in results.front} == front
    assert len(results.twins) > 3
    complete = study.get_trials(states=(TrialState.COMPLETE,))
    assert len(complete) + len(results.twins) == len(whole.load().trials)
    for trial in results.complete:  # as good as the accuracies and latencies of the whole space say
        for twin in trial.stands_for:
            same = next(one for one in read_results(whole.load()).complete if one.design == twin.design)
            assert (twin.measures["latency_ms"], trial.accuracy) == same.point
            assert same.point[0] >= trial.point[0]
    assert screened.run(99, sampler=kind).get_trials(states=(TrialState.COMPLETE,)) != complete  # as with --train-all
    finished = {tuple(trial.values) for trial in screened.load().get_trials(states=(TrialState.COMPLETE,))}
    assert finished == {tuple(trial.values) for trial in whole.load().get_trials(states=(TrialState.COMPLETE,))}


def test_designs_that_a_trial_stands_for_are_proposed_no_more(make_fake_study):
    """Unless somebody asks for one by name."""
    fake = make_fake_study(space=SPACE)
    study = fake.run(6, sampler=SamplerKind.GRID, screens=True)
    twins = {twin.design for trial in read_results(study).complete for twin in trial.stands_for}
    assert len(twins) > 2
    assert not twins & {trial.design for trial in read_results(study).trials}
    asked = min(twins, key=str)
    study = fake.run(7, sampler=SamplerKind.GRID, screens=True, first=(asked,))
    assert read_results(study).complete[-1].design == asked
    assert asked not in read_results(study).twins


def test_layers_find_their_best_twins_one_by_one(make_fake_study, tmp_path):
    """Of 16 designs of four layers that compute the same, the one of 16 bits in each layer is left."""
    clips = {"clips": (0,), "maps": (FeatureMaps.FLOAT32,), "layer_counts": (4,)}
    layered = SearchSpace((1.0,), (16, 32), (Overflow.EXACT,), **clips)
    study = make_fake_study(tmp_path, space=layered).run(99, sampler=SamplerKind.RANDOM, screens=True)
    complete = read_results(study).complete
    first, *others = (trial.design for trial in complete)
    assert {sums.accumulator for sums in first.sums} == {32}  # the conventional design is evaluated in any case
    assert {sums.accumulator for design in others for sums in design.sums} == {16}
    assert len(others) == 1
    assert len(read_results(study).twins) == 2**4 - 2


def test_the_twin_is_evaluated_although_the_budget_is_finished(make_fake_study):
    fake = make_fake_study(space=SPACE)
    for budget in range(2, 9):
        study = fake.run(budget, sampler=SamplerKind.RANDOM, screens=True)
        pruned = [trial.user_attrs["pruned"] for trial in study.trials if trial.user_attrs.get(STAGE) == Stage.TWIN]
        evaluated = {str(trial.design) for trial in read_results(study).complete}
        assert {text.partition(" computes the same")[0] for text in pruned} <= evaluated
        assert not study.get_trials(states=(TrialState.WAITING,))
    assert pruned

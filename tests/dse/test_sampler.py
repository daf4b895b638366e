from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from dse.candidates import ListedCandidates
from dse.design import Design, uniform_design
from dse.errors import UsageError
from dse.networks import FeatureMaps
from dse.sampler import REDRAWS, DistinctSampler, check_installed
from dse.space import SearchSpace
from dse.spec import SamplerKind
from kernels_asm import Overflow

SPACE = SearchSpace((0.5, 1.0, 2.0), (8, 16, 32))
"""Most of its 288 designs are illegal by the rule below."""

SMALL = SearchSpace((1.0,), (8, 32), (Overflow.EXACT, Overflow.SATURATE), (0, 7), (FeatureMaps.FLOAT32,))
"""Five of its six designs are legal: one is constant in the last layer of the network that tests search."""


@pytest.fixture(params=list(SamplerKind))
def kind(request: pytest.FixtureRequest, require_package: Callable[[str], None]) -> SamplerKind:
    if request.param is SamplerKind.GP:
        require_package("scipy")
    kind: SamplerKind = request.param
    return kind


def legal_designs(space: SearchSpace) -> list[Design]:
    """Return the designs of a rule that no sampler knows: clips in byte maps alone, and of exact or running sums."""
    return [
        design
        for design in space.designs()
        if (design.sums[0].clip is None or design.network.maps is FeatureMaps.INT8)
        and (design.sums[0].clip is None or design.sums[0].overflow not in (Overflow.WRAP, Overflow.SATURATE))
    ]


def propose(kind: SamplerKind, space: SearchSpace, count: int, seed: int = 0) -> list[Design]:
    """Return what a sampler proposes one after the other, where width costs time and clips cost accuracy."""
    tried: list[Design] = []
    legal = legal_designs(space)
    candidates = ListedCandidates(
        space,
        lambda design: design in legal and design not in tried,
        lambda: (design for design in legal if design not in tried),
    )
    sampler = DistinctSampler(kind, space, seed, (0, 0), candidates)
    study = optuna.create_study(directions=["minimize", "maximize"], sampler=sampler)
    for _ in range(count):
        trial = study.ask()
        design = space.suggest(trial)
        assert design in legal
        tried.append(design)
        latency = design.network.width_multiplier**2 * (1 + design.sums[0].accumulator / 32)
        study.tell(trial, (latency, design.network.width_multiplier / 10 + (design.sums[0].clip or 100) / 1000))
    return tried


def test_every_proposal_is_legal_and_new(kind: SamplerKind) -> None:
    assert (len(legal_designs(SPACE)), len(list(SPACE.designs()))) == (108, 288)
    assert len(set(propose(kind, SPACE, 40))) == 40


def test_space_is_exhausted_exactly(kind: SamplerKind) -> None:
    assert len(legal_designs(SMALL)) == 3
    assert set(propose(kind, SMALL, 3)) == set(legal_designs(SMALL))


def test_another_process_may_take_the_last_design(kind: SamplerKind) -> None:
    sampler = DistinctSampler(kind, SPACE, 0, (0, 0), ListedCandidates(SPACE, lambda _design: False, lambda: iter(())))
    study = optuna.create_study(sampler=sampler)
    assert study.ask(SPACE.distributions()).params.keys() == SPACE.distributions().keys()


def test_same_seed_proposes_the_same(kind: SamplerKind) -> None:
    one, two, other = (propose(kind, SPACE, 16, seed) for seed in (3, 3, 4))
    assert one == two
    assert (one == other) is (kind is SamplerKind.GRID)


def test_grid_goes_in_the_order_of_the_space() -> None:
    assert propose(SamplerKind.GRID, SPACE, 12) == legal_designs(SPACE)[:12]


@pytest.mark.parametrize("kind", [SamplerKind.TPE, SamplerKind.NSGA2, SamplerKind.NSGA3, SamplerKind.GP])
def test_models_learn(kind: SamplerKind, require_package: Callable[[str], None]) -> None:
    """Narrow designs without clip are best in both objectives: models come to propose more of them than chance."""
    if kind is SamplerKind.GP:
        require_package("scipy")

    def early_good(proposed: list[Design]) -> int:
        return sum(design.sums[0].clip is None for design in proposed[12:40])

    chance = sum(design.sums[0].clip is None for design in legal_designs(SPACE)) / len(legal_designs(SPACE))
    assert early_good(propose(kind, SPACE, 40)) > 28 * chance


def test_study_is_gone_on_with_in_the_order_of_the_grid(make_fake_study: Callable[..., Any]) -> None:
    fake = make_fake_study(space=SMALL)
    legal = [design for design in SMALL.designs() if fake.legality.reason(design) is None]
    assert len(legal) == 5
    known = legal[1]
    for budget in (3, 9):
        study = fake.run(budget, sampler=SamplerKind.GRID, first=(known,))
    proposed = [Design.from_dict(trial.user_attrs["design"]) for trial in study.trials]
    assert proposed[0].sums[0].accumulator == 32
    assert proposed[1] == known
    assert proposed[2:] == [design for design in legal if design not in proposed[:2]]
    assert {trial.state for trial in study.trials} == {TrialState.COMPLETE}
    assert "every one" in fake.progress.note


@pytest.mark.parametrize("kind", sorted(REDRAWS))
def test_nearest_legal_design_stands_in_for_illegal_ones(
    kind: SamplerKind, monkeypatch: pytest.MonkeyPatch, require_package: Callable[[str], None]
) -> None:
    if kind is SamplerKind.GP:
        require_package("scipy")
    wanted = SPACE.parameters(uniform_design(0.5, 8, Overflow.WRAP, 7, FeatureMaps.INT8))
    legal = [uniform_design(1.0, 8, Overflow.WRAP, 7), uniform_design(0.5, 8, Overflow.WRAP, 7)]
    sampler = DistinctSampler(
        kind, SPACE, 0, (0, 0), ListedCandidates(SPACE, lambda design: design in legal, lambda: iter(legal))
    )
    draws: list[int] = []

    def draw(*_: Any) -> dict[str, Any]:
        draws.append(1)
        return dict(wanted)

    monkeypatch.setattr(sampler, "_draw", draw)
    study = optuna.create_study(sampler=sampler)
    assert SPACE.design(study.ask(SPACE.distributions()).params) == legal[1]
    assert len(draws) == REDRAWS[kind]


@pytest.mark.parametrize(
    ("legal", "nearest"),
    [
        ([(0.5, 63), (0.5, 15), (2.0, 7)], (0.5, 15)),  # a clip next to it, before a far one and a far width
        ([(2.0, 31), (1.0, 7)], (1.0, 7)),
    ],
)
def test_an_ordered_parameter_is_near_its_neighbours(
    legal: list[tuple[float, int]], nearest: tuple[float, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    designs = [uniform_design(width, 32, Overflow.EXACT, clip) for width, clip in legal]
    candidates = ListedCandidates(SPACE, lambda design: design in designs, lambda: iter(designs))
    sampler = DistinctSampler(SamplerKind.TPE, SPACE, 0, (0, 0), candidates)
    wanted = SPACE.parameters(uniform_design(0.5, 32, Overflow.EXACT, 31))
    monkeypatch.setattr(sampler, "_draw", lambda *_: wanted)
    found = SPACE.design(optuna.create_study(sampler=sampler).ask(SPACE.distributions()).params)
    assert (found.network.width_multiplier, found.sums[0].clip) == nearest


def test_missing_scipy_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(UsageError, match="sampler gp needs the package scipy: pip install"):
        check_installed(SamplerKind.GP)
    check_installed(SamplerKind.TPE)

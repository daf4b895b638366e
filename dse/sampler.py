"""Proposes designs by one of Optuna's samplers: only legal ones, and never one that the study has tried already.

=========  ===============================================================  ========================================
sampler    how it proposes                                                  what it suits
=========  ===============================================================  ========================================
`tpe`      densities of good and bad designs (multivariate TPE)             the default: 20 to a few hundred trials
`gp`       a Gaussian process of each objective, expected hypervolume       few, costly trials; a quarter of a
           improvement                                                      second a proposal; needs scipy
`nsga2`    crossover and mutation of the best of `POPULATION`               hundreds of trials, two or three
                                                                            objectives
`nsga3`    the same, spread by reference directions                         hundreds of trials, three or more
                                                                            objectives
`random`   each legal design with the same probability                      a baseline to compare the others with
`grid`     every legal design, in a fixed order                             spaces small enough to exhaust
=========  ===============================================================  ========================================

All but `grid` and `random` model parameters one by one and know nothing of legality. What they propose is redrawn while
it is illegal or was tried; if it still is, a legal untried design that differs little from it takes its place
(`dse.candidates`), so that the model's choice counts for as much as it can. Designs under way in other workers count as
tried, and TPE takes them for bad ones until it knows better (`constant_liar`), so that workers spread.
"""

from __future__ import annotations

import importlib.util
import random
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, GPSampler, NSGAIIISampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState

from dse.candidates import Candidates
from dse.errors import UsageError
from dse.space import SearchSpace
from dse.spec import SamplerKind

REDRAWS: Final[Mapping[SamplerKind, int]] = {
    SamplerKind.TPE: 16,
    SamplerKind.NSGA2: 16,
    SamplerKind.NSGA3: 16,
    SamplerKind.GP: 1,
}
"""Draws for one trial; a Gaussian process draws once, as a draw takes long and the next would be like it."""

POPULATION: Final = 12
"""Designs of a generation: Optuna's 50 would make the usual budgets one generation, drawn at random."""

FIXED_PARAMETERS: Final = "fixed_params"
"""Optuna's system attribute of an enqueued trial."""


class DistinctSampler(BaseSampler):
    """Draws from a sampler of Optuna's until a design is legal and untried: see the module.

    An evaluation is deterministic, so that a repeated design would be a wasted trial; models that have converged
    propose the best known designs again.

    Args:
        kind: Which sampler.
        space: The search space.
        seed: Seed of the study.
        existing_trials: Number of trials that the study holds, and of those that have begun: neither a resumed study
            nor another worker may repeat a random sequence.
        candidates: The designs that may be proposed.

    Raises UsageError if the sampler needs a package that is missing.

    """

    def __init__(
        self,
        kind: SamplerKind,
        space: SearchSpace,
        seed: int,
        existing_trials: tuple[int, int],
        candidates: Candidates,
    ) -> None:
        self._kind = kind
        self._space = space
        self._candidates = candidates
        derived = int(np.random.SeedSequence([seed, *existing_trials]).generate_state(1)[0])
        self._random = random.Random(derived)  # noqa: S311 - no secret depends on it
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            self._base = _base_sampler(kind, derived)

    def infer_relative_search_space(
        self,
        study: Study,  # noqa: ARG002 - Optuna's signature
        trial: FrozenTrial,  # noqa: ARG002
    ) -> dict[str, BaseDistribution]:
        """Return the whole space: every parameter of a design is drawn at once."""
        return self._space.distributions()

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the parameters of a legal design that was not tried; nothing for an enqueued trial."""
        if FIXED_PARAMETERS in trial.system_attrs:
            return {}
        if next(self._candidates.untried(), None) is None:
            # Another process has taken the last one meanwhile: the study prunes whatever comes now.
            return self._draw(study, trial, search_space)
        if self._kind is SamplerKind.GRID:
            return self._space.parameters(next(self._candidates.untried()))
        if self._kind is SamplerKind.RANDOM:
            return self._space.parameters(self._candidates.draw(self._random))
        for _ in range(REDRAWS[self._kind]):
            design = self._space.design(self._draw(study, trial, search_space))
            if self._candidates.is_open(design):
                return self._space.parameters(design)
        return self._space.parameters(self._candidates.nearest(design, self._random))

    def _draw(self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]) -> dict[str, Any]:
        modelled = self._base.infer_relative_search_space(study, trial)
        parameters = self._base.sample_relative(study, trial, modelled)
        for name, distribution in search_space.items():
            if name not in parameters:
                parameters[name] = self._base.sample_independent(study, trial, name, distribution)
        return parameters

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Draw one parameter, for an enqueued trial that leaves it open."""
        return self._base.sample_independent(study, trial, param_name, param_distribution)

    def reseed_rng(self) -> None:
        """Forget the seed, as Optuna asks of workers that are copies of one process."""
        self._random.seed()
        self._base.reseed_rng()

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Announce the trial to the sampler."""
        self._base.before_trial(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Hand the finished trial to the sampler."""
        self._base.after_trial(study, trial, state, values)


def check_installed(kind: SamplerKind) -> None:
    """Raise UsageError if the sampler needs a package that is not installed."""
    if kind is SamplerKind.GP and importlib.util.find_spec("scipy") is None:
        raise UsageError("sampler gp needs the package scipy: pip install scipy, or take another sampler")


def _base_sampler(kind: SamplerKind, seed: int) -> BaseSampler:
    check_installed(kind)
    match kind:
        case SamplerKind.TPE:
            return TPESampler(seed=seed, multivariate=True, group=True, constant_liar=True)
        case SamplerKind.NSGA2:
            return NSGAIISampler(seed=seed, population_size=POPULATION)
        case SamplerKind.NSGA3:
            return NSGAIIISampler(seed=seed, population_size=POPULATION)
        case SamplerKind.GP:
            return GPSampler(seed=seed, warn_independent_sampling=False)
        case SamplerKind.RANDOM | SamplerKind.GRID:
            return RandomSampler(seed=seed)

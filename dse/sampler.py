"""Proposes designs by multivariate TPE and never one that the study has tried already."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import numpy as np
from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState

from dse.design import Design
from dse.space import SearchSpace, design_of, parameters_of

REDRAWS: Final = 16
"""Draws from TPE for one trial before an untried design is drawn at random."""

FIXED_PARAMETERS: Final = "fixed_params"
"""Optuna's system attribute of an enqueued trial."""


class DistinctSampler(BaseSampler):
    """TPE over the whole space, redrawn while it proposes a design that was tried.

    TPE models densities and, once it has converged, proposes the best known designs again; each such trial would be
    wasted, because an evaluation is deterministic. After `REDRAWS` tries an untried design is drawn at random.

    Args:
        space: The search space.
        seed: Seed of the study.
        existing_trials: Number of trials that the study holds: a resumed study must not repeat its random sequence.
        tried: Designs not to propose; the study adds to it.
        untried: Yields the legal designs that are left.

    """

    def __init__(
        self,
        space: SearchSpace,
        seed: int,
        existing_trials: int,
        tried: set[Design],
        untried: Callable[[], Iterator[Design]],
    ) -> None:
        self._space = space
        self._tried = tried
        self._untried = untried
        derived = int(np.random.SeedSequence([seed, existing_trials]).generate_state(1)[0])
        self._random = random.Random(derived)  # noqa: S311 - no secret depends on it
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            self._tpe = TPESampler(seed=derived, multivariate=True, group=True, constant_liar=False)

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
        """Return the parameters of a design that was not tried; nothing for an enqueued trial."""
        if FIXED_PARAMETERS in trial.system_attrs:
            return {}
        modelled = self._tpe.infer_relative_search_space(study, trial)
        for _ in range(REDRAWS):
            parameters = self._tpe.sample_relative(study, trial, modelled)
            for name, distribution in search_space.items():
                if name not in parameters:
                    parameters[name] = self._tpe.sample_independent(study, trial, name, distribution)
            if design_of(parameters) not in self._tried:
                return parameters
        untried = list(self._untried())
        return parameters_of(self._random.choice(untried)) if untried else parameters

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Draw one parameter, for an enqueued trial that leaves it open."""
        return self._tpe.sample_independent(study, trial, param_name, param_distribution)

    def reseed_rng(self) -> None:
        """Forget the seed, as Optuna asks of workers that are copies of one process."""
        self._random.seed()
        self._tpe.reseed_rng()

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Hand the finished trial to TPE."""
        self._tpe.after_trial(study, trial, state, values)

"""How many evaluations a sampler needs until its designs have nearly all of the hypervolume there is."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final

import optuna
from optuna.trial import TrialState

from benchmarks.study_space import OBJECTIVES, SPACE, Truth
from dse.candidates import ListedCandidates
from dse.design import Design
from dse.hypervolume import Share, hypervolume
from dse.sampler import DistinctSampler
from dse.spec import SamplerKind

ENOUGH: Final = 0.99
"""Of the hypervolume of all designs."""

BASELINE: Final = "random search"
"""Name of the result that others are compared with: each legal design with the same probability, all evaluated."""

SPACE_SHARE: Final = 0.10
"""Target: evaluations as a share of the space are at most this."""

RANDOM_SHARE: Final = 0.25
"""Target: evaluations as a share of what random search needs are at most this."""


TRAINING_SECONDS: Final = 5.0
"""What a quick run takes on a core (docs/accuracy.md): next to it a latency is nothing."""


@dataclass(frozen=True)
class Run:
    """One run of a sampler.

    Attributes:
        shares: Share of the true hypervolume after each evaluation.
        timed: Designs that were timed and not evaluated, as one that computes the same is as fast or faster.
        seconds: CPU seconds in which the sampler proposed designs.

    """

    shares: tuple[float, ...]
    timed: int = 0
    seconds: float = field(default=0.0, compare=False)


@dataclass(frozen=True)
class SamplerResult:
    """What a sampler needed.

    Attributes:
        name: What it is called.
        evaluations: How many designs, seed by seed, had `ENOUGH`; None where the run's limit came first.
        limit: Most evaluations of a run.
        curve: Share of the true hypervolume after each evaluation, of the first seed.
        timed: Median of the designs of a run that were timed and not evaluated.
        seconds: Median of a run's CPU seconds in the sampler.

    """

    name: str
    evaluations: tuple[int | None, ...]
    limit: int
    curve: tuple[float, ...]
    timed: float = 0
    seconds: float = 0

    @property
    def counted(self) -> list[int]:
        """Evaluations, ascending; a run that its limit ended counts as one more than that."""
        return sorted(self.limit + 1 if count is None else count for count in self.evaluations)

    @property
    def median(self) -> float:
        """Median of the evaluations: a lower bound of it where it is above the limit."""
        return median(self.counted)

    @property
    def study_minutes(self) -> float:
        """Minutes that such a study takes on one core: proposals, and `TRAINING_SECONDS` an evaluation."""
        return (self.seconds + min(self.median, self.limit) * TRAINING_SECONDS) / 60

    def meets(self, designs: int, random: SamplerResult) -> tuple[bool, bool]:
        """Return whether the targets, against the space of so many designs and against random search, are met.

        A median beyond the limit of runs meets none: what it is, is not known.
        """
        met = (self.median <= SPACE_SHARE * designs, self.median <= RANDOM_SHARE * random.median)
        return met if self.median <= self.limit else (False, False)


def run_sampler(kind: SamplerKind, truth: Truth, seed: int, limit: int, *, screens: bool = True) -> Run:
    """Run a sampler up to `ENOUGH` of the true hypervolume or `limit` evaluations.

    As a study does it: the known designs first, then what the sampler proposes, or, if it screens, the fastest design
    that computes the same; those for which an evaluated design stands are proposed no more.
    """
    everything = hypervolume(map(truth.share, truth.values))
    tried: dict[Design, None] = {}
    candidates = ListedCandidates(
        SPACE,
        lambda design: design in truth.values and design not in tried,
        lambda: (design for design in truth.values if design not in tried),
    )
    study = optuna.create_study(
        directions=[objective.direction for objective in OBJECTIVES],
        sampler=DistinctSampler(kind, SPACE, seed, (0, 0), candidates),
    )
    for design in truth.first:
        study.enqueue_trial(SPACE.parameters(design))
    gained: list[Share] = []  # the designs that added to the hypervolume; the others need no look again
    shares: list[float] = []
    seconds = 0.0
    while len(shares) < limit and len(tried) < len(truth.values) and (not shares or shares[-1] < ENOUGH):
        begin = time.process_time()
        trial = study.ask()
        design = SPACE.suggest(trial)
        seconds += time.process_time() - begin
        tried[design] = None
        instead = truth.instead.get(design) if screens and design not in truth.first else None
        if instead is not None:
            study.tell(trial, state=TrialState.PRUNED)
            if instead not in tried:
                study.enqueue_trial(SPACE.parameters(instead))
            continue
        if screens:
            tried.update(dict.fromkeys(truth.stands_for.get(design, ())))
        study.tell(trial, truth.values[design])
        found = hypervolume([*gained, truth.share(design)]) / everything
        if not shares or found > shares[-1]:
            gained.append(truth.share(design))
        shares.append(found)
    return Run(tuple(shares), len(tried) - len(shares), seconds)


def result(name: str, runs: Sequence[Run], limit: int) -> SamplerResult:
    """Return what runs of several seeds needed."""
    evaluations = tuple(len(run.shares) if run.shares[-1] >= ENOUGH else None for run in runs)
    timed, seconds = median(run.timed for run in runs), median(run.seconds for run in runs)
    return SamplerResult(name, evaluations, limit, runs[0].shares, timed, seconds)

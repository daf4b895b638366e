"""How well one list of accuracies orders designs as another does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

APART = 0.01
"""Pairs of designs whose true accuracies differ by more than this count: one point."""

RESAMPLES = 2_000
LEVEL = 0.95
"""Share of the resamples that an interval holds."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Kendall's tau with its interval.

    Attributes:
        tau: Mean over the seeds, -1 to 1.
        low: Lower end of the interval.
        high: Upper end.
        pairs: Pairs that count.

    """

    tau: float
    low: float
    high: float
    pairs: int


def kendall_tau(estimates: Sequence[float], truth: Sequence[float], apart: float = APART) -> float:
    """Return Kendall's tau over the pairs that are more than `apart` apart in `truth`.

    A pair counts +1 where both lists order it alike, -1 where they do not, and 0 where the estimates are equal.

    Raises:
        ValueError: The lists differ in length, or no pair counts.

    """
    signs = _signs(estimates, truth, apart)
    counted = signs[~np.isnan(signs)]
    if not counted.size:
        raise ValueError(f"no two of {len(truth)} designs are more than {apart} apart")
    return float(counted.mean())


def agreement(runs: Sequence[Sequence[float]], truth: Sequence[float], seed: int = 0) -> Agreement:
    """Return the mean tau of several runs (seeds) with a bootstrap interval.

    Each resample draws as many designs as there are, with replacement, and one of the runs for each draw of the whole
    list, so that the interval holds both the choice of designs and the seed's luck. A design drawn twice makes no pair
    with itself.

    Args:
        runs: Estimates of all designs, one list a seed.
        truth: Of the same designs.
        seed: Of the resampling.

    """
    signs = [_signs(run, truth, APART) for run in runs]
    matrices = [_symmetric(values, len(truth)) for values in signs]
    random = np.random.default_rng(seed)
    taus = []
    for _ in range(RESAMPLES):
        drawn = random.integers(len(truth), size=len(truth))
        drawn_pairs = matrices[random.integers(len(matrices))][np.ix_(drawn, drawn)]
        if not np.isnan(drawn_pairs).all():
            taus.append(np.nanmean(drawn_pairs))
    outside = (1 - LEVEL) / 2
    low, high = np.quantile(taus, [outside, 1 - outside])
    return Agreement(
        tau=float(np.mean([kendall_tau(run, truth) for run in runs])),
        low=float(low),
        high=float(high),
        pairs=int((~np.isnan(signs[0])).sum()),
    )


def agreement_between(runs: Sequence[Sequence[float]]) -> float | None:
    """Return the mean tau of each run against the mean of all others; None of fewer than two runs."""
    if len(runs) < 2:
        return None
    total = np.sum(runs, axis=0)
    others = [((total - np.array(run)) / (len(runs) - 1)).tolist() for run in runs]
    return float(np.mean([kendall_tau(run, other) for run, other in zip(runs, others, strict=True)]))


def seed_deviation(runs: Sequence[Sequence[float]]) -> float | None:
    """Return the standard deviation of an accuracy from seed to seed, pooled over designs; None of fewer than two."""
    if len(runs) < 2:
        return None
    return float(np.sqrt(np.var(np.array(runs), axis=0, ddof=1).mean()))


def _signs(estimates: Sequence[float], truth: Sequence[float], apart: float) -> NDArray[np.float64]:
    """Return +1, 0 or -1 of each pair in the order of `combinations`, NaN where the truth is too close."""
    if len(estimates) != len(truth):
        raise ValueError(f"{len(estimates)} estimates of {len(truth)} designs")
    signs = [
        np.sign((estimates[i] - estimates[j]) * (truth[i] - truth[j])) if abs(truth[i] - truth[j]) > apart else np.nan
        for i, j in combinations(range(len(truth)), 2)
    ]
    return np.array(signs, dtype=np.float64)


def _symmetric(signs: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    matrix = np.full((count, count), np.nan)
    rows, columns = np.triu_indices(count, 1)
    matrix[rows, columns] = matrix[columns, rows] = signs
    return matrix

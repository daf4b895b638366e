"""How far an accuracy can be trusted, and when two accuracies may be said to differ.

An accuracy of a design is measured on a finite set of images, of a network that one seed (or a few) made; other images
and other seeds give other figures. Its standard error covers both.

All designs of a study are judged on the same images, so their errors are positively correlated: images that are hard
for one are hard for the others. `differ` treats them as independent, which is conservative: it takes the error of a
difference for larger than it is, and may leave a true difference unclaimed. It judges one pair at 95 %, without a
correction for how many pairs a study has: among many designs, some pair will differ by chance. Where it is known which
images each network classified right, `paired_standard_error` is the smaller error that the difference really has.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance
from typing import Final

SEED_DEVIATION: Final = 0.003
"""Standard deviation of accuracy between seeds: about 0.3 points, measured for a four-block network on Fashion-MNIST.

It stands in where a design was trained with one seed. Other networks, data and recipes have another one.
"""

NORMAL_95: Final = 1.96
"""Standard errors on either side of a normal distribution's mean that hold 95 % of it."""


@dataclass(frozen=True, slots=True)
class MeasuredAccuracy:
    """An accuracy (0..1) and its standard error; None where a record does not say how large it is."""

    value: float
    standard_error: float | None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval, kept within 0..1; None without a standard error."""
        if self.standard_error is None:
            return None
        margin = NORMAL_95 * self.standard_error
        return max(0.0, self.value - margin), min(1.0, self.value + margin)

    @property
    def percent(self) -> str:
        """The accuracy and its standard error in per cent, without the sign: "84.97 ± 0.60"."""
        margin = "" if self.standard_error is None else f" ± {100 * self.standard_error:.2f}"
        return f"{100 * self.value:.2f}{margin}"


def standard_error(accuracies: Sequence[float], images: int, seed_deviation: float = SEED_DEVIATION) -> float:
    """Return the standard error of the mean of `accuracies`, as a share like them.

    The variance is the sum of two parts. The images' is binomial, p (1 - p) / N; seeds share the images, so more seeds
    do not shrink it. The seeds' is the variance of their mean, s^2 / S, with s^2 the unbiased sample variance of the
    accuracies; one seed says nothing of it, and `seed_deviation` squared takes its place. As s^2 also holds what the
    images add to the spread between seeds, the sum errs to the large side.

    Args:
        accuracies: One a seed, 0..1, all measured on the same images.
        images: How many images that was, N.
        seed_deviation: Standard deviation between seeds, measured elsewhere; used where there is one accuracy. 0 leaves
            the images' part alone.

    Raises:
        ValueError: There is no accuracy or no image, an accuracy is not within 0..1, or `seed_deviation` is negative.

    """
    if not accuracies or images < 1:
        raise ValueError(f"a standard error needs accuracies and images; got {len(accuracies)} and {images}")
    if not all(0 <= accuracy <= 1 for accuracy in accuracies):
        raise ValueError(f"accuracies must be within 0..1; got {list(accuracies)}")
    if not seed_deviation >= 0:
        raise ValueError(f"the deviation between seeds must not be negative; got {seed_deviation}")
    mean = fmean(accuracies)
    seeds = seed_deviation**2 if len(accuracies) == 1 else variance(accuracies) / len(accuracies)
    return math.sqrt(mean * (1 - mean) / images + seeds)


def differ(one: MeasuredAccuracy, other: MeasuredAccuracy) -> bool:
    """Return whether two accuracies differ at 95 %: |a - b| > 1.96 sqrt(sa^2 + sb^2).

    Accuracies that differ are more than the sum of their standard errors apart, as 1.96 > sqrt(2): bars of one standard
    error that overlap belong to designs that are not shown to differ. Without both standard errors nothing is shown.
    """
    if one.standard_error is None or other.standard_error is None:
        return False
    return abs(one.value - other.value) > NORMAL_95 * math.hypot(one.standard_error, other.standard_error)


def paired_standard_error(one: Sequence[float], other: Sequence[float], seed_error: float) -> float:
    """Return the standard error of the difference of two accuracies that were measured on the same images.

    The images' part of the variance is that of the mean of their differences, var(d) / N: images that are easy or hard
    for both add nothing. The seeds' part is `seed_error` squared. As seeds add to var(d) too, the sum errs to the large
    side.

    Args:
        one: Of each image, the share of the seeds whose network is right, 0..1.
        other: The same of the other accuracy, image by image.
        seed_error: Standard error of the difference from the seeds alone.

    Raises:
        ValueError: The images are not as many, or fewer than two.

    """
    if len(one) != len(other) or len(one) < 2:
        raise ValueError(f"paired accuracies need the same images, two or more; got {len(one)} and {len(other)}")
    differences = [mine - its for mine, its in zip(one, other, strict=True)]
    mean = math.fsum(differences) / len(differences)
    squares = math.fsum((difference - mean) ** 2 for difference in differences)
    return math.sqrt(squares / (len(differences) - 1) / len(differences) + seed_error**2)

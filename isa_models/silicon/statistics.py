"""Summaries of how far simulated figures are from measured ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

_SAME = 1e-9


@dataclass(frozen=True, slots=True)
class Point:
    """One measured number and the simulated one.

    Attributes:
        name: Of the case, such as its instructions or the row of a table.
        measured: On silicon, positive.
        simulated: By an engine, in the same unit.
        error: Relative, signed; at most the difference of the two, less what rounding leaves open.
        is_held_out: Whether it belongs to the checking half.
        why: What is known about the difference, "" if nothing.

    """

    name: str
    measured: float
    simulated: float
    error: float
    is_held_out: bool
    why: str = ""


@dataclass(frozen=True, slots=True)
class Errors:
    """Absolute relative errors of some points: how many, their median, mean and maximum, and shares within limits."""

    count: int
    median: float
    mean: float
    worst: float
    exact: float
    within_2: float
    within_5: float
    within_10: float


def errors_of(points: Iterable[Point]) -> Errors:
    """Summarise points; raises ValueError without any."""
    errors = np.array([abs(point.error) for point in points])
    if not errors.size:
        raise ValueError("no points to summarise")

    def share(limit: float) -> float:
        return float((errors <= limit).mean())

    return Errors(
        count=errors.size,
        median=float(np.median(errors)),
        mean=float(errors.mean()),
        worst=float(errors.max()),
        exact=share(_SAME),
        within_2=share(0.02),
        within_5=share(0.05),
        within_10=share(0.10),
    )


def held_out(count: int, seed: int) -> frozenset[int]:
    """Numbers of the cases that are kept from fitting: every other one of a random order with a fixed seed."""
    order = np.random.default_rng(seed).permutation(count)
    return frozenset(order[::2].tolist())

"""Pareto front of a study: fast and accurate designs that no other design beats in both."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")

Objectives = tuple[float, float]
"""Latency (lower is better) and accuracy (higher is better)."""


def dominates(one: Objectives, other: Objectives) -> bool:
    """Return whether `one` is at least as good as `other` in both objectives and better in one."""
    return one[0] <= other[0] and one[1] >= other[1] and one != other


def pareto_front(items: Iterable[T], objectives: Callable[[T], Objectives]) -> list[T]:
    """Return the items that none dominates, fastest first.

    Items with equal objectives do not dominate each other: they are all on the front or all off it, in the order given.
    O(n log n).

    Args:
        items: Candidates.
        objectives: Latency and accuracy of a candidate.

    """
    ordered = sorted(items, key=lambda item: (objectives(item)[0], -objectives(item)[1]))
    front: list[T] = []
    for item in ordered:
        if not front or objectives(item)[1] > objectives(front[-1])[1] or objectives(item) == objectives(front[-1]):
            front.append(item)
    return front

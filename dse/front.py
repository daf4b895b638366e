"""Pareto front of a study: fast and accurate designs that no other design beats in both."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
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


def not_shown_above(front: Sequence[T], differ: Callable[[T, T], bool]) -> list[T | None]:
    """Return, for each item of a front, the faster item that it is not shown to be more accurate than; None for none.

    Along the front from the fastest, an item is *distinguishable* if its accuracy differs from that of the last
    distinguishable item, and the fastest always is. The others are each measured against the last distinguishable one,
    not against their neighbour: a long row of small steps would otherwise never add up to a difference.

    Args:
        front: Fastest first, accuracies ascending, as `pareto_front` returns it.
        differ: Whether the accuracies of two items differ.

    """
    faster: list[T | None] = []
    last: T | None = None
    for item in front:
        if last is None or differ(item, last):
            last = item
            faster.append(None)
        else:
            faster.append(last)
    return faster

"""Pareto front of a study: designs that no other design beats in every objective."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")

Losses = tuple[float, ...]
"""The objectives of a design, each turned so that less is better."""


def dominates(one: Losses, other: Losses) -> bool:
    """Return whether `one` is at least as good as `other` in all objectives and better in one."""
    return one != other and all(mine <= its for mine, its in zip(one, other, strict=True))


def pareto_front(items: Iterable[T], losses: Callable[[T], Losses]) -> list[T]:
    """Return the items that none dominates, least loss in the first objective first.

    Items with equal objectives do not dominate each other: they are all on the front or all off it, in the order given.
    O(n log n) for two objectives, O(n times the size of the front) for more.

    Args:
        items: Candidates.
        losses: Objectives of a candidate, less being better.

    """
    front: list[T] = []
    # What dominates an item comes before it, and is dominated, if at all, by what stands on the front.
    for item in sorted(items, key=losses):
        rivals = front[-1:] if len(losses(item)) == 2 else front
        if not any(dominates(losses(rival), losses(item)) for rival in rivals):
            front.append(item)
    return front


def not_shown_above(
    front: Sequence[T],
    differ: Callable[[T, T], bool],
    is_rival: Callable[[T, T], bool] = lambda _one, _item: True,
) -> list[T | None]:
    """Return, for each item of a front, the faster item that it is not shown to be more accurate than; None for none.

    Along the front from the fastest, an item is *distinguishable* if its accuracy differs from that of the last
    distinguishable item, and the fastest always is. The others are each measured against the last distinguishable one,
    not against their neighbour: a long row of small steps would otherwise never add up to a difference.

    With more objectives than latency and accuracy, an item is measured against the most accurate of those
    distinguishable ones that are at least as good in every other objective.

    Args:
        front: Accuracies ascending, as `pareto_front` returns it for latency and accuracy.
        differ: Whether the accuracies of two items differ.
        is_rival: Whether the first item is at least as good as the second in all but accuracy.

    """
    faster: list[T | None] = []
    distinguishable: list[T] = []
    for item in front:
        rival = next((other for other in reversed(distinguishable) if is_rival(other, item)), None)
        if rival is not None and not differ(item, rival):
            faster.append(rival)
        else:
            distinguishable.append(item)
            faster.append(None)
    return faster

"""How much of what could be had the designs found so far have: the hypervolume of their front, trial by trial.

Each objective becomes a share, 0 at a reference value and 1 at the ideal, which is accuracy 1 and nothing of what is to
be small. The hypervolume is the volume of all points of the unit cube that some feasible design is at least as good as:
from 0, where no design is better than the reference in every objective, to 1. It is computed exactly, by the exclusive
volumes of the WFG algorithm (While, Bradstreet, Barone, IEEE Trans. Evol. Comput. 16(1), 2012).

The reference is fixed for a study, so that the volume can only grow: for accuracy, that of chance; for anything else,
what the conventional design has, grown with the widest width and depth searched (`GROWTH`), and a tenth on
top. Designs beyond it count nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from dse.measures import Measure, MeasureKind

Share = tuple[float, ...]
"""A design's objectives, each from 0 at the reference to 1 at the ideal; negative beyond the reference."""

MARGIN: Final = 1.1
"""Of the reference over the largest value to expect, so that a design at the border still counts."""

GROWTH: Final[Mapping[MeasureKind, tuple[int, int]]] = {
    MeasureKind.LATENCY: (2, 1),
    MeasureKind.MEMORY: (1, 0),
    MeasureKind.WEIGHTS: (2, 1),
    MeasureKind.CODE: (0, 0),
}
"""Powers of the width and of the depth multiplier with which a measure grows: products and weights by the square of the
width and with the depth, maps with the width."""

CODE_FACTOR: Final = 4.0
"""How many times the conventional design's code the reference has: unrolled kernels differ in size, not in width."""


def reference_values(
    objectives: Sequence[Measure], conventional: Mapping[str, float], widest: float, chance: float, deepest: float = 1.0
) -> tuple[float, ...]:
    """Return the reference of each objective.

    Args:
        objectives: Of the study.
        conventional: What the conventional design, of width 1, has of each measure.
        widest: The largest width multiplier searched.
        chance: Accuracy of guessing.
        deepest: The largest depth multiplier searched.

    """

    def reference(objective: Measure) -> float:
        if objective.kind is MeasureKind.ACCURACY:
            return chance
        of_width, of_depth = GROWTH[objective.kind]
        factor = CODE_FACTOR if objective.kind is MeasureKind.CODE else widest**of_width * deepest**of_depth
        return conventional[str(objective)] * factor * MARGIN

    return tuple(map(reference, objectives))


def share(objectives: Sequence[Measure], values: Sequence[float], reference: Sequence[float]) -> Share:
    """Return objectives as shares of the way from the reference to the ideal."""
    ideal = (1.0 if objective.is_maximised else 0.0 for objective in objectives)
    return tuple((value - far) / (best - far) for value, far, best in zip(values, reference, ideal, strict=True))


def history(shares: Iterable[Share | None]) -> list[float]:
    """Return the hypervolume after each design, in their order; None is an infeasible one, which adds nothing."""
    front: list[Share] = []
    volumes: list[float] = []
    volume = 0.0
    for point in shares:
        if point is not None and min(point) > 0 and not any(_covers(other, point) for other in front):
            volume += _exclusive(point, front)
            front = [other for other in front if not _covers(point, other)] + [point]
        volumes.append(volume)
    return volumes


def hypervolume(points: Iterable[Share]) -> float:
    """Return the volume of the unit cube that the points cover; those with a share of 0 or less cover nothing."""
    volumes = history(points)
    return volumes[-1] if volumes else 0.0


def stalled_for(volumes: Sequence[float]) -> int:
    """Return how many designs at the end of a history gained nothing."""
    return sum(volume == volumes[-1] for volume in volumes) - 1 if volumes and volumes[-1] > 0 else len(volumes)


def _covers(one: Share, other: Share) -> bool:
    return all(mine >= its for mine, its in zip(one, other, strict=True))


def _exclusive(point: Share, others: Sequence[Share]) -> float:
    """Return the volume that a point covers and none of the others does."""
    limited = [tuple(map(min, point, other)) for other in others]
    return math.prod(point) - _volume(limited)


def _volume(points: Sequence[Share]) -> float:
    """Return the volume of the union of the boxes from the origin to each point."""
    front = [
        point
        for number, point in enumerate(points)
        if not any(_covers(other, point) and (other != point or at < number) for at, other in enumerate(points))
    ]
    front.sort(reverse=True)
    return math.fsum(_exclusive(point, front[:number]) for number, point in enumerate(front))

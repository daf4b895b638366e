"""How the learning rate changes over a stage."""

from __future__ import annotations

import math
from enum import StrEnum


class Schedule(StrEnum):
    """The learning rate as a share of its peak, over the position in a stage, 0 to 1."""

    ONE_CYCLE = "one-cycle"
    """Up along half a cosine over the warm-up, then down to nothing (Smith, Topin, arXiv 1708.07120)."""
    COSINE = "cosine"
    """From the peak down to nothing along half a cosine (Loshchilov, Hutter, arXiv 1608.03983)."""
    LINEAR = "linear"
    """From the peak down to nothing along a line."""
    STEP = "step"
    """The peak, a tenth from half of the stage on, a hundredth from three quarters on (He et al., arXiv 1512.03385)."""
    CONSTANT = "constant"
    """The peak throughout."""


def share_of_peak(schedule: Schedule, position: float, warmup: float) -> float:
    """Return the learning rate as a share of its peak, above 0 so that every step counts.

    Args:
        schedule: Its shape.
        position: In the stage, above 0 and below 1.
        warmup: Share of the stage in which a one-cycle schedule rises.

    """
    match schedule:
        case Schedule.ONE_CYCLE:
            share = position / warmup if position < warmup else (1 - position) / (1 - warmup)
            return (1 - math.cos(math.pi * share)) / 2
        case Schedule.COSINE:
            return (1 + math.cos(math.pi * position)) / 2
        case Schedule.LINEAR:
            return 1 - position
        case Schedule.STEP:
            return 1.0 if position < 0.5 else 0.1 if position < 0.75 else 0.01
        case Schedule.CONSTANT:
            return 1.0

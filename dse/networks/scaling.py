"""Channel counts of a network made wider or narrower."""

from __future__ import annotations


def scaled(channels: int, width_multiplier: float) -> int:
    """Return the channels times the factor, rounded to a multiple of 8, at least 8."""
    return max(8, 8 * round(channels * width_multiplier / 8))

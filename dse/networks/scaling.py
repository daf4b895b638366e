"""Channel and block counts of a network made wider or narrower, deeper or shallower."""

from __future__ import annotations


def scaled(channels: int, width_multiplier: float) -> int:
    """Return the channels times the factor, rounded to a multiple of 8, at least 8."""
    return max(8, 8 * round(channels * width_multiplier / 8))


def scaled_blocks(blocks: int, depth_multiplier: float) -> int:
    """Return a number of blocks times the multiplier, to the next whole number, at least 1."""
    return max(1, round(blocks * depth_multiplier))

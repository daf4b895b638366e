"""The arithmetics that recipes are judged on: each function of the default search space once, and two clips between."""

from __future__ import annotations

from dse.networks import Network
from dse.space import CLIPS
from kernels_asm import Arithmetic, EndValue, Overflow

BETWEEN = (23, 11)
"""Clips that are not in the search space: they narrow the gaps where accuracy falls fastest."""

ARITHMETICS = {
    **{f"exact clip {clip or 'none'}": Arithmetic(32, Overflow.EXACT, clip or None) for clip in (*CLIPS, *BETWEEN)},
    **{
        f"8-bit {overflow} clip {clip or 'none'}": Arithmetic(8, overflow, clip or None)
        for overflow in (Overflow.SATURATE, Overflow.WRAP)
        for clip in CLIPS
    },
}
"""By name; on `tiny` at width 1 (windows of 288, and 576 in the last block) all of them differ.

All widths above 8 bits, and 8 bits that are widened in time, are `exact`: five of seven choices of accumulator and
policy in the search space, but one training each.
"""


def end_values(arithmetic: Arithmetic, network: Network) -> tuple[EndValue, ...]:
    """Return the end value of each binary layer of the network."""
    return tuple(arithmetic.end_value(layer.shape.window) for layer in network.binary_layers)

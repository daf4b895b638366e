"""A stand-in for trained accuracy, for benchmarks that need thousands of accuracies and judge searches by them alone.

Thousands of trainings would take days, and what is compared, how many evaluations a search needs, depends on the shape
of the trade-off and not on where the accuracies come from. The stand-in keeps what makes the trade-off hard to search:
wider is better with falling returns; clips and narrow sums cost what they take from the sums of each layer; designs
that compute the same have the same accuracy; and every function has a seed's noise of its own. It is no claim about any
network: its constants are chosen so that clips cost about what docs/accuracy.md says of trained ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from dse.cache import content_key
from dse.layer_functions import function_values
from dse.networks import BinaryConv, FeatureMaps
from kernels_asm import EndValue, LayerFunction

CEILING: Final = 0.93
"""Accuracy that endless width would give."""

WIDTH_COST: Final = 0.05
"""Accuracy that width 1 is below the ceiling."""

WIDTH_POWER: Final = -0.75
"""Power of the width with which that shrinks."""

FIDELITY_COST: Final = 0.25
"""Accuracy lost if nothing of the sums were left."""

MAPS_COST: Final = 0.002
"""Accuracy that feature maps in bytes cost."""

NOISE: Final = 0.002
"""Standard deviation from function to function: what one seed of the quick run has."""


def stand_in_accuracy(
    width: float, maps: FeatureMaps, layers: Sequence[BinaryConv], functions: Sequence[LayerFunction]
) -> float:
    """Return a made-up accuracy, 0..1, the same in every run and for every design that computes the same.

    Args:
        width: Width multiplier of the network, above 0.
        maps: In what its feature maps are kept.
        layers: Its binary layers.
        functions: What each of them computes.

    """
    kept = [fidelity(layer.shape.window, function) for layer, function in zip(layers, functions, strict=True)]
    cost = WIDTH_COST * width**WIDTH_POWER + FIDELITY_COST * (1 - sum(kept) / len(kept))
    if maps is FeatureMaps.INT8:
        cost += MAPS_COST
    key = content_key({"width": width, "maps": maps.value, "functions": list(map(function_values, functions))})
    noise = float(np.random.default_rng(int(key[:16], 16)).normal(0, NOISE))
    return float(CEILING - cost + noise)


def fidelity(window: int, function: LayerFunction) -> float:
    """Return the correlation, 0..1, of a layer's outputs with its exact sums, the sums being those of random signs.

    Running sums, whose outputs depend on the order of the products, are taken as the exact ones clamped at their end.
    """
    if function.lo == function.hi:
        return 0.0
    negative = np.arange(window + 1)
    logarithms = np.array(
        [math.lgamma(window + 1) - math.lgamma(n + 1) - math.lgamma(window - n + 1) for n in negative]
    )
    probabilities = np.exp(logarithms - window * math.log(2))
    sums = window - 2 * negative
    outputs = function.apply(sums) if isinstance(function, EndValue) else np.clip(sums, function.lo, function.hi)
    centred = outputs - probabilities @ outputs
    variances = (probabilities @ centred**2) * (probabilities @ sums**2)
    return max(0.0, float(probabilities @ (centred * sums) / math.sqrt(variances)))

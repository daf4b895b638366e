"""Repairs: what a network adds to plain binary layers to win accuracy back, each an option with its price in latency.

The choice and the names of the groups follow de Putter and Corporaal, "How to train accurate BNNs for embedded
systems?" (arXiv 2206.12322). What only training sees (distillation, stages, optimisers) belongs to the recipe, but for
`Estimator`, which decides how the feature binarizer learns.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Estimator(StrEnum):
    """Gradient of the feature binarizer, as a function of its input x."""

    STE = "ste"
    """1 where |x| <= 1 (Hubara et al., arXiv 1602.02830)."""
    APPROX_SIGN = "approx-sign"
    """max(0, 2 - 2 |x|) (Liu et al., Bi-Real Net, arXiv 1808.00278)."""
    RESTE = "reste"
    """Derivative of sign(x) |x|^(1/p), cut off near 0 and beyond 1; p grows over training (arXiv 2308.06689)."""
    TANH = "tanh"
    """1 - tanh(x)^2."""


class Normalisation(StrEnum):
    """Where a block's batch norm stands."""

    AFTER = "after"
    """Behind the convolution."""
    BEFORE = "before"
    """In front of the sign; the convolution's outputs are only multiplied by a constant, 1 / sqrt(K)."""


class Activation(StrEnum):
    """What follows a block's sum of batch norm and shortcut."""

    NONE = "none"
    RELU = "relu"
    PRELU = "prelu"
    """A learned slope for each channel below 0."""
    RPRELU = "rprelu"
    """PReLU with learned shifts before and after it (ReActNet, arXiv 2003.03488)."""


class Residual(StrEnum):
    """What a shortcut goes around."""

    NONE = "none"
    SINGLE = "single"
    """Two binary convolutions, as in ResNet."""
    DOUBLE = "double"
    """Every binary convolution, as in Bi-Real Net: twice as many shortcuts."""


@dataclass(frozen=True, slots=True)
class Repairs:
    """The options of every binary block of a network.

    Attributes:
        estimator: Gradient of the feature binarizer; costs nothing on the device.
        learned_threshold: Whether the sign compares with a learned number for each channel instead of 0.
        weight_scale: Whether binary weights are scaled by the mean magnitude of each output channel's latent weights
            (XNOR-Net, arXiv 1603.05279); folds into the batch norm behind.
        normalisation: Where the batch norm stands.
        activation: What follows the sum.
        residual: What a shortcut goes around.

    """

    estimator: Estimator = Estimator.APPROX_SIGN
    learned_threshold: bool = False
    weight_scale: bool = False
    normalisation: Normalisation = Normalisation.AFTER
    activation: Activation = Activation.NONE
    residual: Residual = Residual.DOUBLE

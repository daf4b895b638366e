"""From features and latent weights to signs, or to the real numbers that stand in for them in a part of a training."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from dse.networks import BinaryConv
from dse.nn import arithmetic
from dse.nn.estimators import estimated_sign
from dse.nn.precision import Precision

LATENT_RANGE = 0.02
"""Latent weights start uniformly within plus and minus this."""


class FeatureBinarizer(nn.Module):
    """The sign of a feature, or of what is left of it above a threshold that each channel learns.

    Attributes:
        precision: Whether it gives signs.
        progress: Share of the training that is done, a scalar 0 to 1; no part of the state.

    """

    progress: Tensor

    def __init__(self, layer: BinaryConv) -> None:
        super().__init__()
        self.estimator = layer.estimator
        self.precision = Precision.BINARY
        self.threshold = nn.Parameter(torch.zeros(layer.shape.channels_in, 1, 1)) if layer.learned_threshold else None
        self.register_buffer("progress", torch.zeros(()), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return +1 and -1 for features (N, C, H, W), in their type, or what lies between for real ones."""
        shifted = x if self.threshold is None else x - self.threshold
        if self.precision is Precision.REAL:
            return functional.hardtanh(shifted)
        return estimated_sign(shifted, self.estimator, self.progress)


class WeightBinarizer(nn.Module):
    """Latent weights, their signs, and how the sums of each output channel are scaled.

    Attributes:
        precision: Whether it gives signs.
        latent: The latent weights (O, C, kh, kw).

    """

    def __init__(self, layer: BinaryConv) -> None:
        super().__init__()
        shape = layer.shape
        self.scaled = layer.weight_scale
        self.precision = Precision.BINARY
        self.latent = nn.Parameter(
            torch.empty(shape.channels_out, shape.channels_in, shape.kernel_height, shape.kernel_width)
        )
        # small against the learning rate, so that a short training can still turn every sign
        nn.init.uniform_(self.latent, -LATENT_RANGE, LATENT_RANGE)

    def forward(self) -> Tensor:
        """Return +1 and -1, float32, (O, C, kh, kw); real weights have their mean magnitude in each output channel."""
        if self.precision is Precision.REAL:
            return self.latent / self._magnitude().detach().clamp(min=torch.finfo(self.latent.dtype).tiny)
        return arithmetic.weight_sign(self.latent)

    def scale(self) -> Tensor | None:
        """Return the mean magnitude of each output channel's latent weights, (O, 1, 1); None if they scale nothing."""
        return self._magnitude().view(-1, 1, 1) if self.scaled else None

    def _magnitude(self) -> Tensor:
        return self.latent.abs().mean(dim=(1, 2, 3), keepdim=True)

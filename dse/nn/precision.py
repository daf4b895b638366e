"""Whether a binary layer works with real numbers or with their signs, which a training may change midway."""

from __future__ import annotations

from enum import StrEnum


class Precision(StrEnum):
    """What a binary layer's convolution takes for its features, or for its weights."""

    REAL = "real"
    """Features: x limited to -1 to 1. Weights: the latent ones, scaled to a mean magnitude of 1 an output channel."""
    BINARY = "binary"
    """Their signs."""

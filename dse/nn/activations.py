"""Activations behind a binary block's sum."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dse.networks import Activation


class RPReLU(nn.Module):
    """PReLU with shifts before and after it, all learned for each channel (ReActNet, arXiv 2003.03488)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.before = nn.Parameter(torch.zeros(channels, 1, 1))
        self.prelu = nn.PReLU(channels)
        self.after = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Return the activations of features (N, C, H, W)."""
        shifted: Tensor = self.prelu(x - self.before)
        return shifted + self.after


def make_activation(activation: Activation, channels: int) -> nn.Module:
    """Return the module of an activation for feature maps of so many channels."""
    match activation:
        case Activation.NONE:
            return nn.Identity()
        case Activation.RELU:
            return nn.ReLU()
        case Activation.PRELU:
            return nn.PReLU(channels)
        case Activation.RPRELU:
            return RPReLU(channels)

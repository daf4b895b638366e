"""Shortcuts as PyTorch modules."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from dse.networks import Shortcut


class ShortcutPath(nn.Module):
    """What a feature map goes through before it is added to a later one; see `dse.networks.Shortcut`."""

    def __init__(self, shortcut: Shortcut) -> None:
        super().__init__()
        self.pool = shortcut.pool
        self.copies = shortcut.copies
        self.projection: nn.Module | None = None
        if shortcut.projects:
            self.projection = nn.Sequential(
                nn.Conv2d(shortcut.channels_in, shortcut.channels_out, 1, bias=False),
                nn.BatchNorm2d(shortcut.channels_out),
            )

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, channels out, out height, out width) for features `x` where the shortcut begins."""
        if self.pool > 1:
            x = functional.avg_pool2d(x, self.pool, ceil_mode=True)
        if self.projection is not None:
            x = self.projection(x)
        return torch.cat([x] * self.copies, dim=1) if self.copies > 1 else x

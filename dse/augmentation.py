"""Random changes to training images that leave their class as it is."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def augment(images: Tensor, flip: bool, shift: int, random: torch.Generator) -> Tensor:
    """Return the images (N, C, H, W) uint8, each changed on its own.

    Args:
        images: A batch; left as it is.
        flip: Mirror every image left to right with probability one half.
        shift: Move every image by -shift to shift pixels down and right, uniformly; black comes in at the borders.
        random: Decides which.
    """
    count = len(images)
    if flip:
        mirrored = torch.rand(count, generator=random) < 0.5
        images = torch.where(mirrored[:, None, None, None], images.flip(3), images)
    if shift:
        height, width = images.shape[2:]
        top, left = torch.randint(0, 2 * shift + 1, (2, count), generator=random)
        rows = top[:, None] + torch.arange(height)
        columns = left[:, None] + torch.arange(width)
        padded = functional.pad(images, (shift,) * 4).permute(0, 2, 3, 1)
        images = padded[torch.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
    return images

"""Random changes to training images that leave their class as it is."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from dse.data.usual_augmentation import Augmentation, usual_augmentation

__all__ = ["Augmentation", "augment", "augment_as", "usual_augmentation"]

_LARGEST_ASPECT = 4 / 3
"""Of a random crop, width by height or height by width."""


def augment_as(augmentation: Augmentation, images: Tensor, random: torch.Generator) -> Tensor:
    """Return the images (N, C, H, W) uint8, each changed on its own as `augmentation` says.

    Args:
        augmentation: Which changes; cropping comes first.
        images: A batch, on any device; left as it is.
        random: Of the processor, so that every device sees the same images; decides how.

    """
    if augmentation.crop_scale is not None:
        images = _crop_and_resize(images, augmentation.crop_scale, random)
    return augment(images, augmentation.flip, augmentation.shift, random)


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
        mirrored = (torch.rand(count, generator=random) < 0.5).to(images.device, non_blocking=True)
        images = torch.where(mirrored[:, None, None, None], images.flip(3), images)
    if shift:
        height, width = images.shape[2:]
        top, left = torch.randint(0, 2 * shift + 1, (2, count), generator=random)
        rows = (top[:, None] + torch.arange(height)).to(images.device, non_blocking=True)
        columns = (left[:, None] + torch.arange(width)).to(images.device, non_blocking=True)
        padded = functional.pad(images, (shift,) * 4).permute(0, 2, 3, 1)
        number = torch.arange(count, device=images.device)
        images = padded[number[:, None, None], rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
    return images


def _crop_and_resize(images: Tensor, scale: tuple[float, float], random: torch.Generator) -> Tensor:
    """Return a random rectangle of each image, resized to the whole image by bilinear interpolation.

    A rectangle is never larger than the image, so nothing is shrunk and nothing needs smoothing against aliasing.
    """
    height, width, top, left = draw_crops(len(images), scale, random)
    # grid_sample counts from -1 to 1 between the outer edges of the image; a row of theta is (x factor, 0, centre)
    zero = torch.zeros_like(left)
    across = torch.stack((width, zero, 2 * left + width - 1), dim=1)
    down = torch.stack((zero, height, 2 * top + height - 1), dim=1)
    theta = torch.stack((across, down), dim=1).to(images.device, non_blocking=True)
    grid = functional.affine_grid(theta, list(images.shape), align_corners=False)
    sampled = functional.grid_sample(images.float(), grid, padding_mode="border", align_corners=False)
    return sampled.round().to(torch.uint8)


def draw_crops(count: int, scale: tuple[float, float], random: torch.Generator) -> Tensor:
    """Return heights, widths, tops and lefts (4, count) of random rectangles in the unit square.

    The area is uniform in `scale`. The aspect ratio is log-uniform from 3/4 to 4/3, or within what still fits into the
    square at that area, so no draw has to be repeated. The position is uniform over the places where it fits.
    """
    draws = torch.rand(4, count, generator=random)
    area = scale[0] + (scale[1] - scale[0]) * draws[0]
    largest = (-area.log()).clamp(max=math.log(_LARGEST_ASPECT))  # a side of sqrt(area * aspect) is at most 1
    aspect = ((2 * draws[1] - 1) * largest).exp()
    height, width = (area / aspect).sqrt().clamp(max=1), (area * aspect).sqrt().clamp(max=1)
    return torch.stack((height, width, (1 - height) * draws[2], (1 - width) * draws[3]))

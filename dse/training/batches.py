"""The training images in the order and form in which a network sees them."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from dse.augmentation import augment_as
from dse.data import Split
from dse.training.device import Device
from dse.training.recipe import Recipe


class Batches:
    """Every training image once an epoch in random order, in full batches; the rest that fills none is left out.

    Args:
        split: The training images.
        recipe: Size of a batch, and augmentation.
        random: Decides order and augmentation.
        device: Where the batches are to be.

    """

    def __init__(self, split: Split, recipe: Recipe, random: torch.Generator, device: Device) -> None:
        self._images = torch.tensor(split.images, device=device.value)
        self._labels = torch.tensor(split.labels, device=device.value)
        self._recipe = recipe
        self._augmentation = recipe.augmentation
        self._random = random

    def __len__(self) -> int:
        """Batches of an epoch."""
        return len(self._labels) // self._recipe.batch_size

    def new_order(self) -> Tensor:
        """Return the numbers of all images in the order of one epoch."""
        return torch.randperm(len(self._labels), generator=self._random)

    def of(self, order: Tensor, start: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield images (N, C, H, W) uint8 and labels (N,) of an epoch in this order, from batch `start` on."""
        size = self._recipe.batch_size
        order = order.to(self._images.device)
        for number in range(start, len(self)):
            chosen = order[number * size : (number + 1) * size]
            yield augment_as(self._augmentation, self._images[chosen], self._random), self._labels[chosen]

"""How the training images of each data set are usually changed at random. Imports no PyTorch, which takes seconds."""

from __future__ import annotations

from dataclasses import dataclass

from dse.data.image_folder import IMAGE_FOLDER
from dse.errors import UsageError


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Which random changes each training image gets on its own; the default is none.

    Attributes:
        flip: Mirror left to right with probability one half.
        shift: Move by up to so many pixels in each direction, black coming in: padding, then a random crop.
        crop_scale: Smallest and largest share of the image's area that a random rectangle has, which is then resized
            to the whole image; None: no such crop.

    Raises:
        UsageError: A value is out of range.

    """

    flip: bool = False
    shift: int = 0
    crop_scale: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.shift < 0:
            raise UsageError(f"augmentation: shift is {self.shift}: give at least 0")
        if self.crop_scale is not None and not 0 < self.crop_scale[0] <= self.crop_scale[1] <= 1:
            raise UsageError(f"augmentation: crop_scale is {self.crop_scale}: give two ascending shares, above 0 to 1")


_CIFAR = Augmentation(flip=True, shift=4)
"""He et al., "Deep Residual Learning", arXiv 1512.03385, section 4.2, and most that was published since."""

_FASHION_MNIST = Augmentation(flip=True, shift=2)
"""As for CIFAR (Zhong et al., "Random Erasing", arXiv 1708.04896, do so), but half as far: the smaller image is filled
by its garment, and what is shifted out is lost."""

_IMAGE_FOLDER = Augmentation(flip=True, crop_scale=(0.08, 1.0))
"""Szegedy et al., "Going Deeper with Convolutions", arXiv 1409.4842, section 6: 8 to 100 % of the area, aspect ratio
3/4 to 4/3; what ImageNet is trained with."""


def usual_augmentation(dataset_name: str) -> Augmentation:
    """Return what is usual for one of `dse.data.dataset_names()`."""
    for start, augmentation in (("fashion-mnist", _FASHION_MNIST), ("cifar", _CIFAR), (IMAGE_FOLDER, _IMAGE_FOLDER)):
        if dataset_name.startswith(start):
            return augmentation
    raise ValueError(f"no augmentation is usual for {dataset_name!r}")

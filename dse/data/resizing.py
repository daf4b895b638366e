"""Data sets with smaller images."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
from PIL import Image

from dse.data.dataset import Dataset, Images, Split

CHANNELS = (1, 3)
"""Of images that can be made smaller: grey or colour."""


def shape_at(shape: tuple[int, int, int], size: int | None) -> tuple[int, int, int]:
    """Return channels, height and width of images made smaller to so many rows and columns; None leaves them."""
    return shape if size is None else (shape[0], size, size)


@lru_cache(maxsize=4)
def fitted(dataset: Dataset, shape: tuple[int, int, int]) -> Dataset:
    """Return a data set with its images made smaller to channels, height and width; itself where they have that shape.

    Each pixel is the mean of those that it covers. Raises ValueError for another number of channels or larger images.
    """
    if dataset.input_shape == shape:
        return dataset
    channels, height, width = dataset.input_shape
    if shape[0] != channels or channels not in CHANNELS or shape[1] > height or shape[2] > width:
        raise ValueError(f"images of {dataset.input_shape} cannot be made smaller to {shape}")
    splits = (dataset.train, dataset.validation, dataset.test)
    train, validation, test = (Split(_smaller(split.images, shape), split.labels) for split in splits)
    return replace(dataset, train=train, validation=validation, test=test)


def _smaller(images: Images, shape: tuple[int, int, int]) -> Images:
    channels, height, width = shape
    small = np.empty((len(images), *shape), np.uint8)
    for source, target in zip(images, small, strict=True):
        picture = Image.fromarray(source[0] if channels == 1 else source.transpose(1, 2, 0))
        pixels = np.asarray(picture.resize((width, height), Image.Resampling.BOX))
        target[:] = pixels if channels == 1 else pixels.transpose(2, 0, 1)
    return small

"""What a dataset is: three fixed splits of labelled images, identified by their content."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Images: TypeAlias = NDArray[np.uint8]
Labels: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Split:
    """Labelled images.

    Attributes:
        images: (N, C, H, W) pixels, 0 to 255.
        labels: (N,) class numbers, from 0.

    """

    images: Images
    labels: Labels

    def __post_init__(self) -> None:
        if self.images.ndim != 4 or self.labels.shape != self.images.shape[:1]:
            raise ValueError(f"images {self.images.shape} and labels {self.labels.shape} do not belong together")

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: slice | NDArray[np.int64]) -> Split:
        return Split(self.images[index], self.labels[index])


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images for training, for judging designs (validation) and for the figure that is reported at the end (test)."""

    name: str
    class_names: tuple[str, ...]
    train: Split
    validation: Split
    test: Split

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        channels, height, width = self.train.images.shape[1:]
        return channels, height, width

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return len(self.class_names)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over shapes, pixels and labels of the three splits; where the files came from does not matter."""
        content = hashlib.sha256()
        for split in (self.train, self.validation, self.test):
            for array in (split.images, split.labels.astype("<i8")):
                content.update(repr(array.shape).encode())
                content.update(np.ascontiguousarray(array).data)
        return content.hexdigest()

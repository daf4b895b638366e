from __future__ import annotations

import numpy as np
import pytest

from dse.data import Dataset, Split
from dse.data.resizing import fitted, shape_at


def dataset(channels: int, size: int) -> Dataset:
    chance = np.random.default_rng(0)
    splits = [
        Split(chance.integers(0, 256, (count, channels, size, size), dtype=np.uint8), np.zeros(count, np.int64))
        for count in (4, 3, 2)
    ]
    return Dataset("random", ("a", "b"), *splits)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_pixel_is_the_mean_of_those_that_it_covers(channels: int) -> None:
    large = dataset(channels, 28)
    small = fitted(large, (channels, 14, 14))
    assert small.input_shape == (channels, 14, 14)
    assert [len(split) for split in (small.train, small.validation, small.test)] == [4, 3, 2]
    means = large.test.images.reshape(2, channels, 14, 2, 14, 2).mean((3, 5))
    assert np.abs(small.test.images - means).max() <= 1  # rows and columns are rounded one after the other


def test_images_that_fit_stay_and_others_are_another_data_set() -> None:
    large = dataset(1, 28)
    assert fitted(large, large.input_shape) is large
    small = fitted(large, (1, 20, 20))
    assert small.digest != large.digest
    assert fitted(large, (1, 20, 20)) is small
    assert np.array_equal(small.train.labels, large.train.labels)


@pytest.mark.parametrize("shape", [(3, 14, 14), (1, 29, 14), (1, 14, 29)])
def test_images_are_made_neither_larger_nor_coloured(shape: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="cannot be made smaller"):
        fitted(dataset(1, 28), shape)


def test_shape_of_images_as_they_are_and_made_smaller() -> None:
    assert shape_at((3, 32, 24), None) == (3, 32, 24)
    assert shape_at((3, 32, 24), 16) == (3, 16, 16)

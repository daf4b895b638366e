"""The datasets by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import platformdirs

from dse.data.cifar10 import CIFAR10
from dse.data.cifar100 import CIFAR100
from dse.data.cifar_layout import load_cifar
from dse.data.dataset import Dataset
from dse.data.errors import DatasetError
from dse.data.fashion_mnist_files import load_embedded, load_official
from dse.data.image_folder import DEFAULT_SIZE, IMAGE_FOLDER, SIZES, load_image_folder
from dse.near_match import unknown_word

DEFAULT_DATASET = "fashion-mnist-small"
_FROM_FOLDER: dict[str, Callable[[Path, bool], Dataset]] = {
    "fashion-mnist": load_official,
    "cifar10": partial(load_cifar, CIFAR10),
    "cifar100": partial(load_cifar, CIFAR100),
    IMAGE_FOLDER: partial(load_image_folder, IMAGE_FOLDER, DEFAULT_SIZE),
    **{f"{IMAGE_FOLDER}-{size}": partial(load_image_folder, f"{IMAGE_FOLDER}-{size}", size) for size in SIZES},
}


def dataset_names() -> tuple[str, ...]:
    """Return the names that `load_dataset` knows, the default first."""
    return (DEFAULT_DATASET, *_FROM_FOLDER)


def load_dataset(name: str = DEFAULT_DATASET, data_dir: Path | None = None, download: bool = False) -> Dataset:
    """Return the dataset called `name`.

    Args:
        name: One of `dataset_names()`.
        data_dir: The folder with the dataset's files; None: the one that downloads go to, in the user's
            cache folder. Must be None for the embedded dataset.
        download: Fetch missing files into that folder.

    Raises:
        DatasetError: The name is unknown, or a file is missing, damaged or cannot be fetched.

    """
    if name == DEFAULT_DATASET:
        if data_dir is not None:
            raise DatasetError(f"{name} ships with this package and takes no data folder: leave {data_dir} out")
        return load_embedded()
    if name not in _FROM_FOLDER:
        raise DatasetError(f"dataset {name!r} {unknown_word(name, dataset_names())}")
    folder = data_dir or platformdirs.user_cache_path("bnn-dse") / "datasets" / name
    return _FROM_FOLDER[name](folder, download)

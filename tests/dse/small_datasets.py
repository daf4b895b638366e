"""Small data sets in their files' own formats, and what tests of damaged ones share."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dse.data import DatasetError
from dse.data.cifar10 import CIFAR10
from dse.data.cifar100 import CIFAR100
from dse.data.cifar_layout import CifarLayout
from dse.data.dataset import Images

SMALL_CIFAR10 = replace(CIFAR10, train_records=20, test_records=30, validation_images=25)
SMALL_CIFAR100 = replace(CIFAR100, train_records=100, test_records=30, validation_images=25)


def one_line_error(call: Callable[[], object], *parts: str) -> None:
    """`call` must raise a DatasetError of one line that holds every part."""
    with pytest.raises(DatasetError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


def cifar_files(layout: CifarLayout, seed: int = 0) -> dict[str, bytes]:
    """Return random files of a layout by name, with legal labels."""
    rng = np.random.default_rng(seed)
    files = {}
    for name, records in layout.records.items():
        labels = rng.integers(0, layout.label_limits, (records, len(layout.label_limits)), np.uint8)
        pixels = rng.integers(0, 256, (records, 3 * 32 * 32), np.uint8)
        files[name] = np.concatenate((labels, pixels), axis=1).tobytes()
    return files


def write_files(folder: Path, files: dict[str, bytes]) -> Path:
    """Write files by name into a folder, which is made, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def archive_bytes(layout: CifarLayout, files: dict[str, bytes]) -> bytes:
    """Return files by name as the .tar.gz of a layout."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=1) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{layout.folder}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def smooth_image(seed: int, height: int = 40, width: int = 50) -> Images:
    """Return an image (height, width, 3) without sharp edges, as JPEG keeps well."""
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height)))


def write_image_folder(
    folder: Path, classes: tuple[str, ...] = ("cat", "dog"), counts: dict[str, int] | None = None
) -> Path:
    """Write PNG images of 50x40 pixels, no two alike, as folder/SPLIT/CLASS/NUMBER.png, and return the folder.

    Args:
        folder: Where to.
        classes: Names of the class folders.
        counts: Images of each class by name of the split; None: 12 in train, 3 in test.

    """
    seed = 0
    for split, count in (counts or {"train": 12, "test": 3}).items():
        for name in classes:
            (folder / split / name).mkdir(parents=True)
            for number in range(count):
                Image.fromarray(smooth_image(seed)).save(folder / split / name / f"{number:03}.png")
                seed += 1
    return folder

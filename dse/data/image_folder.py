"""Images of one's own: DIR/train/CLASS/*.png and the same in DIR/test or DIR/val; JPEG as well."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from dse.data.dataset import Dataset, Images, Split
from dse.data.errors import DatasetError
from dse.data.image_file import IMAGE_SUFFIXES, read_image

IMAGE_FOLDER = "image-folder"
DEFAULT_SIZE = 32
SIZES = (48, 64, 96, 128, 160, 192, 224)
"""Pixels that an image may have each way besides the default. The size is a part of the data set's name, so a study
that is continued, and a trial that is verified, see the images that the study began with."""

MAX_BYTES = 2 << 30
"""Of the pixels of all splits together; training needs a multiple of that for a moment."""

VALIDATION_STEP = 10
"""Every so manieth image of a class, in the order of names, is for validation where there is no folder for that."""


_ByClass: TypeAlias = dict[str, list[Path]]


@dataclass(frozen=True, slots=True)
class _Files:
    """Files of a split and the class number of each."""

    paths: tuple[Path, ...]
    labels: tuple[int, ...]


def load_image_folder(name: str, size: int, folder: Path, download: bool) -> Dataset:
    """Return the images below `folder`, each as (3, size, size), as `read_image` decodes them.

    Classes are the folders in `folder`/train, in the order of their names. `folder`/test is the test split; where it is
    missing, `folder`/val is. Where both are there, `folder`/val is the validation split, else validation gets every
    tenth image of each class of train, at least one. Names that begin with a dot are passed over; links are followed.

    Args:
        name: What the data set is called.
        size: Rows and columns of the images.
        folder: Where they are.
        download: Must be False.

    Raises:
        DatasetError: A folder is missing or empty, has other classes than train, or holds what it should not; there are
            fewer than two classes; a file is no image, or a damaged one; all images need more than `MAX_BYTES`.

    """
    if download:
        raise DatasetError(f"{name} is a folder of your own images, which nothing can fetch: leave --download out")
    classes = tuple(path.name for path in _entries(folder / "train"))
    if len(classes) < 2:
        raise DatasetError(f"{folder / 'train'}: {len(classes)} class folders; make one for each class, at least two")
    train, validation, test = _splits(folder, classes)
    _check_memory(folder, size, sum(len(split.paths) for split in (train, validation, test)))
    return Dataset(name, classes, _read(train, size), _read(validation, size), _read(test, size))


def _splits(folder: Path, classes: tuple[str, ...]) -> tuple[_Files, _Files, _Files]:
    """Return the files of the training, validation and test splits."""
    val, test = folder / "val", folder / "test"
    train = _files_by_class(folder / "train", classes)
    if val.exists() and test.exists():
        validation = _files_by_class(val, classes)
    else:
        train, validation = _hold_out(folder / "train", train)
    last = val if val.exists() and not test.exists() else test
    return _labelled(train), _labelled(validation), _labelled(_files_by_class(last, classes))


def _hold_out(train: Path, by_class: _ByClass) -> tuple[_ByClass, _ByClass]:
    """Return the training files without those of the fixed share for validation, and that share."""
    rest, held_out = {}, {}
    for name, paths in by_class.items():
        if len(paths) < 2:
            raise DatasetError(f"{train / name}: 1 image; give at least two, as one of them is for validation")
        held_out[name] = paths[VALIDATION_STEP - 1 :: VALIDATION_STEP] or paths[-1:]
        rest[name] = sorted({*paths} - {*held_out[name]})
    return rest, held_out


def _files_by_class(split: Path, classes: tuple[str, ...]) -> _ByClass:
    """Return the image files of each class of a split, in the order of their names."""
    found = [path.name for path in _entries(split)]
    for name in sorted({*classes} ^ {*found}):
        state = "is not among those of train" if name in found else "is missing, but train has it"
        raise DatasetError(f"{split / name}: this class {state}; give all splits the same class folders")
    by_class = {name: _entries(split / name) for name in classes}
    for name, paths in by_class.items():
        if not paths:
            raise DatasetError(f"{split / name}: no images; put some in, or remove this class from all splits")
        for path in paths:
            if path.suffix.lower() not in IMAGE_SUFFIXES:
                raise DatasetError(f"{path}: neither PNG nor JPEG by its name; only images may be in a class folder")
    return by_class


def _entries(folder: Path) -> list[Path]:
    """Return what is in a folder, in the order of names, without names that begin with a dot."""
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except FileNotFoundError as error:
        raise DatasetError(
            f"{folder}: no such folder; name a data folder that holds train/CLASS/*.png and test/CLASS/*.png"
        ) from error
    except OSError as error:
        raise DatasetError(f"{folder}: cannot be read as a folder ({error.strerror})") from error


def _labelled(by_class: _ByClass) -> _Files:
    pairs = [(path, label) for label, paths in enumerate(by_class.values()) for path in paths]
    return _Files(tuple(path for path, _ in pairs), tuple(label for _, label in pairs))


def _check_memory(folder: Path, size: int, count: int) -> None:
    """Refuse, before anything is decoded, what would fill the memory."""
    needed = count * 3 * size * size
    if needed > MAX_BYTES:
        raise DatasetError(
            f"{folder}: {count} images of {size}x{size} need {needed} bytes, at most {MAX_BYTES} are allowed; "
            "choose a smaller size or fewer images"
        )


def _read(files: _Files, size: int) -> Split:
    images: Images = np.empty((len(files.paths), 3, size, size), np.uint8)
    for image, path in zip(images, files.paths, strict=True):
        image[...] = read_image(path, size)
    return Split(images, np.array(files.labels, np.int64))

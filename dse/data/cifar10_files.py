"""CIFAR-10 in its official binary layout (https://www.cs.toronto.edu/~kriz/cifar.html): a folder or the .tar.gz."""

from __future__ import annotations

import io
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from dse.data.dataset import Dataset, Split
from dse.data.download import RemoteFile, fetch
from dse.data.errors import DatasetError
from dse.data.files import Checksum, read_file

CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
VALIDATION_IMAGES = 5_000
"""The last so many training images are kept for validation."""

BATCH_FOLDER = "cifar-10-batches-bin"
TRAIN_FILES = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST_FILE = "test_batch.bin"
ARCHIVE = RemoteFile(
    "cifar-10-binary.tar.gz",
    ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",),
    Checksum("md5", "c32a1d4ab5d03f1284b67883e8d87530"),  # as published on that page
    max_bytes=200 << 20,
)

_RECORDS = 10_000
_RECORD_BYTES = 1 + 3 * 32 * 32
_FILE_BYTES = _RECORDS * _RECORD_BYTES
_ADVICE = f"name a folder with {ARCHIVE.name} or the unpacked .bin files, or allow the download"


def load_cifar10(folder: Path, download: bool, archive: RemoteFile = ARCHIVE) -> Dataset:
    """Return CIFAR-10, 45,000 / 5,000 / 10,000 images of (3, 32, 32).

    Args:
        folder: Holds the .bin files, a folder `cifar-10-batches-bin` with them, or the archive; taken in this order.
        download: Fetch the archive into `folder` where it holds none of these.
        archive: What to fetch.

    Raises:
        DatasetError: A file is missing, damaged, or cannot be fetched.

    """
    files = _read_files(folder, download, archive)
    train = _join([_parse(files[name], name, folder) for name in TRAIN_FILES])
    test = _parse(files[TEST_FILE], TEST_FILE, folder)
    return Dataset("cifar10", CLASS_NAMES, train[:-VALIDATION_IMAGES], train[-VALIDATION_IMAGES:], test)


def _read_files(folder: Path, download: bool, archive: RemoteFile) -> Mapping[str, bytes]:
    for candidate in (folder, folder / BATCH_FOLDER):
        if any((candidate / name).exists() for name in (*TRAIN_FILES, TEST_FILE)):
            return {name: read_file(candidate / name, _ADVICE) for name in (*TRAIN_FILES, TEST_FILE)}
    packed = folder / archive.name
    if download and not packed.exists():
        fetch(archive, folder)
    return _read_members(read_file(packed, _ADVICE), packed)


def _read_members(content: bytes, path: Path) -> dict[str, bytes]:
    """Return the six .bin members of the archive; they are read in memory, nothing is unpacked to disk."""
    members: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
            for name in (*TRAIN_FILES, TEST_FILE):
                stream = archive.extractfile(f"{BATCH_FOLDER}/{name}")
                if stream is not None:
                    members[name] = stream.read(_FILE_BYTES + 1)
    except KeyError as error:
        raise DatasetError(f"{path}: {error.args[0]}; replace it with the official archive") from error
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise DatasetError(f"{path}: corrupt or truncated archive ({error}); replace it with a fresh copy") from error
    missing = [name for name in (*TRAIN_FILES, TEST_FILE) if name not in members]
    if missing:
        raise DatasetError(f"{path}: {missing[0]} is no regular file in it; replace it with the official archive")
    return members


def _parse(content: bytes, name: str, folder: Path) -> Split:
    """Return the records of one .bin file: a label byte, then the red, green and blue planes of 32x32 bytes."""
    if len(content) != _FILE_BYTES:
        raise DatasetError(
            f"{name} in {folder}: {len(content)} bytes, expected {_FILE_BYTES}; replace it with a fresh copy"
        )
    records = np.frombuffer(content, np.uint8).reshape(_RECORDS, _RECORD_BYTES)
    labels = records[:, 0].astype(np.int64)
    if labels.max() >= len(CLASS_NAMES):
        wrong = int(np.argmax(labels >= len(CLASS_NAMES)))
        raise DatasetError(
            f"{name} in {folder}: label {labels[wrong]} in record {wrong}, expected 0 to {len(CLASS_NAMES) - 1}; "
            "replace it with a fresh copy"
        )
    return Split(records[:, 1:].reshape(_RECORDS, 3, 32, 32), labels)


def _join(splits: list[Split]) -> Split:
    return Split(np.concatenate([s.images for s in splits]), np.concatenate([s.labels for s in splits]))

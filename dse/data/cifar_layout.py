"""The binary layout of CIFAR-10 and CIFAR-100 (https://www.cs.toronto.edu/~kriz/cifar.html): a folder or the .tar.gz.

A record is one or two label bytes, then the red, green and blue planes of 32x32 bytes.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dse.data.dataset import Dataset, Split
from dse.data.download import RemoteFile, fetch
from dse.data.errors import DatasetError
from dse.data.files import read_file

_PIXELS = (3, 32, 32)
_PIXEL_BYTES = 3 * 32 * 32
_LARGEST_ARCHIVE = 256 << 20
"""Unpacked; both published ones are below 185 MB."""


@dataclass(frozen=True)
class CifarLayout:
    """What the files of one of the data sets are called and hold.

    Attributes:
        name: Of the data set.
        class_names: By class number.
        label_limits: How many values each label byte of a record may have; the last one is the class.
        folder: Folder inside the archive.
        train_files: Training images, in this order.
        train_records: Records of each of them.
        test_file: Test images.
        test_records: Records of it.
        validation_images: The last so many training images are kept for validation.
        archive: The published archive.

    """

    name: str
    class_names: tuple[str, ...]
    label_limits: tuple[int, ...]
    folder: str
    train_files: tuple[str, ...]
    train_records: int
    test_file: str
    test_records: int
    validation_images: int
    archive: RemoteFile

    @property
    def records(self) -> dict[str, int]:
        """How many records each file has, the training files first."""
        return dict.fromkeys(self.train_files, self.train_records) | {self.test_file: self.test_records}

    @property
    def record_bytes(self) -> int:
        """Size of a record."""
        return len(self.label_limits) + _PIXEL_BYTES


def load_cifar(layout: CifarLayout, folder: Path, download: bool) -> Dataset:
    """Return the data set, images of (3, 32, 32).

    Args:
        layout: Of its files.
        folder: Holds the .bin files, the archive's folder with them, or the archive; taken in this order.
        download: Fetch the archive into `folder` where it holds none of these.

    Raises:
        DatasetError: A file is missing, damaged, or cannot be fetched.

    """
    files = _read_files(layout, folder, download)
    splits = {name: _parse(layout, name, files[name], folder) for name in layout.records}
    train, kept = _join([splits[name] for name in layout.train_files]), layout.validation_images
    return Dataset(layout.name, layout.class_names, train[:-kept], train[-kept:], splits[layout.test_file])


def _read_files(layout: CifarLayout, folder: Path, download: bool) -> Mapping[str, bytes]:
    advice = f"name a folder with {layout.archive.name} or the unpacked .bin files, or allow the download"
    for candidate in (folder, folder / layout.folder):
        if any((candidate / name).exists() for name in layout.records):
            return {name: read_file(candidate / name, advice) for name in layout.records}
    packed = folder / layout.archive.name
    if download and not packed.exists():
        fetch(layout.archive, folder)
    return _read_members(layout, _unpack(read_file(packed, advice), packed), packed)


def _unpack(content: bytes, path: Path) -> bytes:
    """Return the tar file in a .tar.gz; read to its end, where gzip keeps the checksum of everything before."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as stream:
            unpacked = stream.read(_LARGEST_ARCHIVE + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetError(f"{path}: corrupt or truncated archive ({error}); replace it with a fresh copy") from error
    if len(unpacked) > _LARGEST_ARCHIVE:
        raise DatasetError(f"{path}: unpacks to more than {_LARGEST_ARCHIVE} bytes; replace it with the official one")
    return unpacked


def _read_members(layout: CifarLayout, unpacked: bytes, path: Path) -> dict[str, bytes]:
    """Return the .bin members of the archive; they are read in memory, nothing is unpacked to disk."""
    members: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(unpacked), mode="r:") as archive:
            for name, records in layout.records.items():
                stream = archive.extractfile(f"{layout.folder}/{name}")
                if stream is not None:
                    members[name] = stream.read(records * layout.record_bytes + 1)
    except KeyError as error:
        raise DatasetError(f"{path}: {error.args[0]}; replace it with the official archive") from error
    except (tarfile.TarError, OSError) as error:
        raise DatasetError(f"{path}: corrupt or truncated archive ({error}); replace it with a fresh copy") from error
    missing = [name for name in layout.records if name not in members]
    if missing:
        raise DatasetError(f"{path}: {missing[0]} is no regular file in it; replace it with the official archive")
    return members


def _parse(layout: CifarLayout, name: str, content: bytes, folder: Path) -> Split:
    """Return the images and classes of one .bin file."""
    records = layout.records[name]
    expected = records * layout.record_bytes
    if len(content) != expected:
        raise DatasetError(
            f"{name} in {folder}: {len(content)} bytes, expected {expected}; replace it with a fresh copy"
        )
    table = np.frombuffer(content, np.uint8).reshape(records, layout.record_bytes)
    label_bytes = len(layout.label_limits)
    labels, limits = table[:, :label_bytes], np.array(layout.label_limits)
    wrong = np.argwhere(labels >= limits)
    if len(wrong):
        record, column = wrong[0]
        raise DatasetError(
            f"{name} in {folder}: label {labels[record, column]} in record {record}, expected 0 to "
            f"{limits[column] - 1}; replace it with a fresh copy"
        )
    return Split(table[:, label_bytes:].reshape(records, *_PIXELS), labels[:, -1].astype(np.int64))


def _join(splits: list[Split]) -> Split:
    return Split(np.concatenate([s.images for s in splits]), np.concatenate([s.labels for s in splits]))

"""Fashion-MNIST (Zalando SE, MIT licence): the subset inside this package, and the full set in its official files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dse.data.dataset import Dataset, Split
from dse.data.download import RemoteFile, fetch
from dse.data.errors import DatasetError
from dse.data.files import Checksum, read_file
from dse.data.idx import parse_idx

CLASS_NAMES = (
    "t-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
VALIDATION_IMAGES = 5_000
"""The full set keeps its last so many training images for validation."""

EMBEDDED_FOLDER = Path(__file__).parent / "fashion_mnist"
EMBEDDED_SHA256 = {
    "train-images-idx3-ubyte.gz": "a869cfcac3157dad0433a1046bd68f65385ecffc76486fcbbb8b8cabcc70b4c6",
    "train-labels-idx1-ubyte.gz": "7d5b4b5e70a5a64b0c456620cb5462454e5c6dcdafcc5b3ead25398e2d109840",
    "validation-images-idx3-ubyte.gz": "89b0c56e30f86780faecfb028ed54690376acbe23239e60db1b0d7abf1916077",
    "validation-labels-idx1-ubyte.gz": "bf4939643113b5e65d3a27e197e1e168d6e692a33ddbbec89102f4b9e196248f",
    "test-images-idx3-ubyte.gz": "895a9b17aa1a015ad2cca2ab17b2cb2bb4a8117fa97627455a1d418ea949af1a",
    "test-labels-idx1-ubyte.gz": "ad6df826cb64e160a8c24ad07c4192db738157e088631f2e79a956c5915d9994",
}
OFFICIAL_SHA256 = {
    "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
}
"""Of the published files, whose MD5 https://github.com/zalandoresearch/fashion-mnist gives."""

OFFICIAL_IMAGES = {"train": 60_000, "t10k": 10_000}
"""How many images the official files hold."""

MIRRORS = (
    "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    "https://fashion-mnist.s3.eu-central-1.amazonaws.com/",
)
_LARGEST_FILE = 32 << 20


def file_names(part: str) -> tuple[str, str]:
    """Return the names of the image file and the label file of a part ("train", "t10k", ...)."""
    return f"{part}-images-idx3-ubyte.gz", f"{part}-labels-idx1-ubyte.gz"


def load_embedded(folder: Path = EMBEDDED_FOLDER) -> Dataset:
    """Return the subset inside this package: 10,000 / 3,500 / 3,500 images, every class equally often.

    Raises:
        DatasetError: A file is missing or does not have the SHA-256 that it was drawn with.

    """
    train, validation, test = (
        read_pair(folder, part, EMBEDDED_SHA256, "it belongs to this package: install it again")
        for part in ("train", "validation", "test")
    )
    return Dataset("fashion-mnist-small", CLASS_NAMES, train, validation, test)


def load_official(folder: Path, download: bool, mirrors: tuple[str, ...] = MIRRORS) -> Dataset:
    """Return the full set, 55,000 / 5,000 / 10,000 images, from the four official files in `folder`.

    Args:
        folder: Where the files are.
        download: Fetch into `folder` those that are missing.
        mirrors: Addresses of folders that hold the files.

    Raises:
        DatasetError: A file is missing, damaged, or cannot be fetched.

    """
    if download:
        for name, sha256 in OFFICIAL_SHA256.items():
            if not (folder / name).exists():
                urls = tuple(mirror + name for mirror in mirrors)
                fetch(RemoteFile(name, urls, Checksum("sha256", sha256), _LARGEST_FILE), folder)
    train, test = read_pair(folder, "train"), read_pair(folder, "t10k")
    for part, split in (("train", train), ("t10k", test)):
        if len(split) != OFFICIAL_IMAGES[part]:
            file = folder / file_names(part)[0]
            raise DatasetError(f"{file}: {len(split)} images, expected {OFFICIAL_IMAGES[part]}; replace it")
    return Dataset("fashion-mnist", CLASS_NAMES, train[:-VALIDATION_IMAGES], train[-VALIDATION_IMAGES:], test)


def read_pair(
    folder: Path,
    part: str,
    sha256: dict[str, str] | None = None,
    advice: str = "name a folder with the four official Fashion-MNIST .gz files, or allow the download",
) -> Split:
    """Return the images (N, 1, 28, 28) and labels of one part from `folder`.

    Args:
        folder: Where the files are.
        part: "train" or "t10k" of the official files; "train", "validation" or "test" of the embedded ones.
        sha256: Expected hashes by file name; None: not checked.
        advice: What to do about a missing file, for the message.

    Raises:
        DatasetError: A file is missing, damaged, or the two do not belong together.

    """
    paths = [folder / name for name in file_names(part)]
    contents = [read_file(path, advice) for path in paths]
    if sha256 is not None:
        for path, content in zip(paths, contents, strict=True):
            Checksum("sha256", sha256[path.name]).verify(content, str(path))
    images, labels = (parse_idx(contents[0], paths[0], 3), parse_idx(contents[1], paths[1], 1))
    if images.shape[1:] != (28, 28):
        raise DatasetError(f"{paths[0]}: images of {images.shape[1:]} pixels, expected (28, 28); replace it")
    if len(images) != len(labels):
        raise DatasetError(f"{paths[1]}: {len(labels)} labels for {len(images)} images; replace both files")
    if labels.size and labels.max() >= len(CLASS_NAMES):
        raise DatasetError(f"{paths[1]}: label {labels.max()}, expected 0 to {len(CLASS_NAMES) - 1}; replace it")
    return Split(images[:, None], labels.astype(np.int64))

"""Draw the embedded subset of Fashion-MNIST from its four official files.

Usage: ``python -m dse.data.draw_fashion_mnist SOURCE_FOLDER TARGET_FOLDER``

Writes six gzipped IDX files and prints their SHA-256 as `dse.data.fashion_mnist_files` lists them. The draw is fixed
by `SEED`: for every class its images are shuffled, the first `TRAIN_PER_CLASS` go to the train part, the next
`VALIDATION_PER_CLASS` to the validation part (both from the 60,000 official training images); the test part is drawn
the same way from the 10,000 official test images. Within a part, images keep their official order.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dse.data.errors import DatasetError
from dse.data.fashion_mnist_files import CLASS_NAMES, file_names, read_pair
from dse.data.idx import format_idx

SEED = 20170825
TRAIN_PER_CLASS = 1_000
VALIDATION_PER_CLASS = 350
TEST_PER_CLASS = 350


def draw(labels: NDArray[np.int64], sizes: tuple[int, ...], rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Return disjoint, class-balanced, ascending positions into `labels`, one array for each of `sizes`.

    Args:
        labels: (N,) class numbers.
        sizes: How many images of every class each part takes.
        rng: Decides which.

    """
    parts: list[list[NDArray[np.int64]]] = [[] for _ in sizes]
    ends = np.cumsum(sizes)
    for label in range(len(CLASS_NAMES)):
        shuffled = rng.permutation(np.flatnonzero(labels == label))
        for part, positions in zip(parts, np.split(shuffled[: ends[-1]], ends[:-1]), strict=True):
            part.append(positions)
    return [np.sort(np.concatenate(part)) for part in parts]


def main(source: Path, target: Path) -> None:
    """Draw from the official files in `source` and write the subset into `target`."""
    rng = np.random.default_rng(SEED)
    official_train, official_test = read_pair(source, "train"), read_pair(source, "t10k")
    train, validation = draw(official_train.labels, (TRAIN_PER_CLASS, VALIDATION_PER_CLASS), rng)
    (test,) = draw(official_test.labels, (TEST_PER_CLASS,), rng)
    parts = {
        "train": official_train[train],
        "validation": official_train[validation],
        "test": official_test[test],
    }
    target.mkdir(parents=True, exist_ok=True)
    for name, part in parts.items():
        images, labels = file_names(name)
        for file, array in ((images, part.images[:, 0]), (labels, part.labels.astype(np.uint8))):
            content = format_idx(array)
            (target / file).write_bytes(content)
            print(f'    "{file}": "{hashlib.sha256(content).hexdigest()}",')


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    except DatasetError as error:
        sys.exit(str(error))

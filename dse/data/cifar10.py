"""CIFAR-10: 45,000 / 5,000 / 10,000 colour photographs of 32x32 pixels in 10 classes."""

from __future__ import annotations

from dse.data.cifar_layout import CifarLayout
from dse.data.download import RemoteFile
from dse.data.files import Checksum

CIFAR10 = CifarLayout(
    name="cifar10",
    class_names=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    label_limits=(10,),
    folder="cifar-10-batches-bin",
    train_files=tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
    train_records=10_000,
    test_file="test_batch.bin",
    test_records=10_000,
    validation_images=5_000,
    archive=RemoteFile(
        "cifar-10-binary.tar.gz",
        ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",),
        Checksum("md5", "c32a1d4ab5d03f1284b67883e8d87530"),  # as published on that page
        max_bytes=200 << 20,
    ),
)

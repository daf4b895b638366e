"""CIFAR-100: 45,000 / 5,000 / 10,000 colour photographs of 32x32 pixels in 100 classes (the "fine" labels)."""

from __future__ import annotations

from dse.data.cifar_layout import CifarLayout
from dse.data.download import RemoteFile
from dse.data.files import Checksum

_SUPERCLASSES = 20

_NAMES = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle
caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant flatfish
forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle
mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine
possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar
sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle wardrobe whale
willow_tree wolf woman worm
"""
CLASS_NAMES = tuple(_NAMES.split())
"""In the order of the archive's fine_label_names.txt, which is that of the alphabet."""

CIFAR100 = CifarLayout(
    name="cifar100",
    class_names=CLASS_NAMES,
    label_limits=(_SUPERCLASSES, len(CLASS_NAMES)),
    folder="cifar-100-binary",
    train_files=("train.bin",),
    train_records=50_000,
    test_file="test.bin",
    test_records=10_000,
    validation_images=5_000,
    archive=RemoteFile(
        "cifar-100-binary.tar.gz",
        ("https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",),
        Checksum("md5", "03b5dce01913d631647c71ecec9e9cb8"),  # as published on that page
        max_bytes=200 << 20,
    ),
)

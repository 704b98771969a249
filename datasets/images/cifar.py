"""CIFAR-10 and CIFAR-100, from their official binary archives."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ...bench.problem.examples import Examples
from ..files.archives import extract
from ..files.checks import checked_labels, damaged, reading
from ..files.download import data_folder, fetch
from ..source import Source, dataset

URL = "https://www.cs.toronto.edu/~kriz/"
PAGE = URL + "cifar.html"
LICENCE = "none stated"
CITATION = "Krizhevsky 2009, Learning Multiple Layers of Features from Tiny Images"
PIXELS = 3 * 32 * 32
CLASSES_10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CLASSES_100 = (
    "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle", "bowl", "boy",
    "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle", "chair", "chimpanzee", "clock",
    "cloud", "cockroach", "couch", "crab", "crocodile", "cup", "dinosaur", "dolphin", "elephant", "flatfish", "forest",
    "fox", "girl", "hamster", "house", "kangaroo", "keyboard", "lamp", "lawn_mower", "leopard", "lion", "lizard",
    "lobster", "man", "maple_tree", "motorcycle", "mountain", "mouse", "mushroom", "oak_tree", "orange", "orchid",
    "otter", "palm_tree", "pear", "pickup_truck", "pine_tree", "plain", "plate", "poppy", "porcupine", "possum",
    "rabbit", "raccoon", "ray", "road", "rocket", "rose", "sea", "seal", "shark", "shrew", "skunk", "skyscraper",
    "snail", "snake", "spider", "squirrel", "streetcar", "sunflower", "sweet_pepper", "table", "tank", "telephone",
    "television", "tiger", "tractor", "train", "trout", "tulip", "turtle", "wardrobe", "whale", "willow_tree", "wolf",
    "woman", "worm",
)  # fmt: skip
SUPERCLASSES = (
    "aquatic_mammals", "fish", "flowers", "food_containers", "fruit_and_vegetables", "household_electrical_devices",
    "household_furniture", "insects", "large_carnivores", "large_man-made_outdoor_things",
    "large_natural_outdoor_scenes", "large_omnivores_and_herbivores", "medium_mammals", "non-insect_invertebrates",
    "people", "reptiles", "small_mammals", "trees", "vehicles_1", "vehicles_2",
)  # fmt: skip


@dataclass(frozen=True)
class Archive:
    """An official archive. Each record of its files is the bytes of the labels, then the bytes of the pixels.

    Args:
        name: file name of the archive.
        checksum: checksum of the archive.
        rows: number of records of each file, by its path in the archive; the last file is the test split.
        labels: number of label bytes in each record.
    """

    name: str
    checksum: str
    rows: Mapping[str, int]
    labels: int

    @property
    def sizes(self) -> dict[str, int]:
        """Size of each file in bytes."""
        return {name: rows * (self.labels + PIXELS) for name, rows in self.rows.items()}


CIFAR_10 = Archive(
    "cifar-10-binary.tar.gz",
    "md5:c32a1d4ab5d03f1284b67883e8d87530",
    {f"cifar-10-batches-bin/{name}.bin": 10_000 for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch")},
    labels=1,
)
CIFAR_100 = Archive(
    "cifar-100-binary.tar.gz",
    "md5:03b5dce01913d631647c71ecec9e9cb8",
    {"cifar-100-binary/train.bin": 50_000, "cifar-100-binary/test.bin": 10_000},
    labels=2,
)


@dataset(kind="image", source=PAGE, licence=LICENCE, citation=CITATION, downloads=True)
def cifar10() -> Source:
    """60,000 colour pictures of ten classes, 32 × 32 pixels each."""
    train, test = pictures(CIFAR_10, CLASSES_10)
    return Source(train.x, train.y, CLASSES_10, test=test, standardize=True)


@dataset(kind="image", source=PAGE, licence=LICENCE, citation=CITATION, downloads=True)
def cifar100() -> Source:
    """60,000 colour pictures of a hundred classes, 32 × 32 pixels each."""
    train, test = pictures(CIFAR_100, CLASSES_100)
    return Source(train.x, train.y, CLASSES_100, test=test, standardize=True)


def pictures(archive: Archive, classes: tuple[str, ...]) -> tuple[Examples, Examples]:
    """Read the official training and test rows, and download the archive if a file is missing.

    Args:
        archive: CIFAR_10 or CIFAR_100.
        classes: the names of the classes; SUPERCLASSES selects the coarse labels of CIFAR-100.

    Returns:
        Training and test rows: images (n, 3, 32, 32), uint8, and class indices.

    Raises:
        InputError: if a file is damaged, or cannot be downloaded.
    """
    folder = data_folder()
    if not all((folder / name).exists() for name in archive.rows):
        extract(fetch(archive.name, URL + archive.name, archive.checksum), folder, archive.sizes)
    label = archive.labels - 1 if classes is not SUPERCLASSES else 0  # CIFAR-100 has the superclass before the class
    *train, test = (_examples(folder / name, archive, name, label, len(classes)) for name in archive.rows)
    return Examples(torch.cat([part.x for part in train]), torch.cat([part.y for part in train])), test


def _examples(path: Path, archive: Archive, name: str, label: int, classes: int) -> Examples:
    rows, size = archive.rows[name], archive.sizes[name]
    with reading(path):
        content = np.fromfile(path, np.uint8)
    if len(content) != size:
        raise damaged(path, f"it has {len(content)} bytes, not {size}")
    records = content.reshape(rows, -1)
    x = torch.from_numpy(records[:, archive.labels :]).reshape(rows, 3, 32, 32)
    return Examples(x, checked_labels(path, "labels", records[:, label], rows, classes))

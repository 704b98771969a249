"""CIFAR-10N and CIFAR-100N: CIFAR with labels from crowd workers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ..files.checks import checked_labels, damaged, reading
from ..files.download import fetch
from ..source import Source, dataset
from . import cifar

URL = "https://github.com/UCSC-REAL/cifar-10-100n/raw/49df7d8a69e355470c77c1c2f2424916325a394b/data/"
CHECKSUMS = {
    "CIFAR-10_human.pt": "sha256:873e69c39cb9b5e97fb6bae2d60bb59b38a5cbc31d2b868f7903dcb2b9dd2310",
    "CIFAR-100_human.pt": "sha256:bd2d80409754d420292d622e15e25248ba21e37d27429efac49c8da723f44394",
}
SOURCE = f"{cifar.PAGE}, labels from https://github.com/UCSC-REAL/cifar-10-100n"
LICENCE = f"labels CC BY-NC 4.0; images: {cifar.LICENCE}"
CITATION = f"Wei et al. 2022, Learning with Noisy Labels Revisited; images: {cifar.CITATION}"
NOISES = {
    "aggregate": "aggre_label",
    "random1": "random_label1",
    "random2": "random_label2",
    "random3": "random_label3",
    "worst": "worse_label",
}
"""The key of each noise of CIFAR-10N in the official file."""


@dataset(kind="image", source=SOURCE, licence=LICENCE, citation=CITATION, human=tuple(NOISES), downloads=True)
def cifar10n() -> Source:
    """CIFAR-10 with training labels from crowd workers, three for each picture."""
    train, test = cifar.pictures(cifar.CIFAR_10, cifar.CLASSES_10)
    human = human_labels(_file("CIFAR-10_human.pt"), train.y, 10, "clean_label", NOISES)
    return Source(train.x, train.y, cifar.CLASSES_10, test=test, human=human, standardize=True)


@dataset(kind="image", source=SOURCE, licence=LICENCE, citation=CITATION, human=("human",), downloads=True)
def cifar100n(labels: Literal["fine", "coarse"] = "fine") -> Source:
    """CIFAR-100 with training labels from crowd workers: a hundred fine or twenty coarse classes."""
    coarse = labels == "coarse"
    classes = cifar.SUPERCLASSES if coarse else cifar.CLASSES_100
    train, test = cifar.pictures(cifar.CIFAR_100, classes)
    clean, given = ("clean_coarse_label", "noisy_coarse_label") if coarse else ("clean_label", "noisy_label")
    human = human_labels(_file("CIFAR-100_human.pt"), train.y, len(classes), clean, {"human": given})
    return Source(train.x, train.y, classes, test=test, human=human, standardize=True)


def human_labels(path: Path, true_y: Tensor, classes: int, clean: str, noises: Mapping[str, str]) -> dict[str, Tensor]:
    """Read the labels (n,) that people gave, by the name of the noise.

    Args:
        path: the official file.
        true_y: CIFAR's own labels (n,), to check the order of the rows.
        classes: number of classes.
        clean: key of the true labels in the file.
        noises: key of the labels in the file, by the name of the noise.

    Raises:
        InputError: if the file is not the official file, or its true labels differ from `true_y`.
    """
    stored = _unpickled(path)
    read = {key: checked_labels(path, key, stored.get(key), len(true_y), classes) for key in (clean, *noises.values())}
    if len(wrong := (read[clean] != true_y).nonzero()):
        raise damaged(path, f"its {clean} of row {int(wrong[0])} is not CIFAR's own")
    return {name: read[key] for name, key in noises.items()}


class Pickled:
    """A stand-in for numpy's names in a pickle: it stores the arguments of the call and does nothing else.

    Numpy's own classes would not be safe here: a pickle chooses their arguments, and can make them read any memory.
    """

    def __init__(self, *arguments: object) -> None:
        self.arguments = arguments

    def __setstate__(self, state: object) -> None:
        self.state = state


PICKLED = [(Pickled, name) for name in ("numpy.core.multiarray._reconstruct", "numpy.ndarray", "numpy.dtype")]


def _unpickled(path: Path) -> dict[object, object]:
    with reading(path), path.open("rb") as file, torch.serialization.safe_globals([*PICKLED]):
        try:
            stored = torch.load(file, weights_only=True)
        except Exception as error:  # a damaged pickle may raise anything
            raise damaged(path, "it is not a pickle of plain arrays, and nothing else is ever unpickled") from error
    return {key: _integers(value) for key, value in stored.items()} if isinstance(stored, dict) else {}


def _integers(pickled: object) -> object:
    match pickled:
        case Pickled(
            state=(1, (int(rows),), Pickled(arguments=("i8", *_), state=(3, "<", *_)), False, bytes(content))
        ) if len(content) == 8 * rows:
            return np.frombuffer(content, "<i8")
        case list() if all(isinstance(value, int) and 0 <= value < 256 for value in pickled):
            return np.array(pickled, dtype=np.int64)
    return None


def _file(name: str) -> Path:
    return fetch(f"cifar-10-100n/{name}", URL + name, CHECKSUMS[name])

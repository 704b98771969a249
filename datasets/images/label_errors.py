"""The test sets of MNIST and CIFAR with their wrong labels, which crowd workers have verified."""

import json
from pathlib import Path

from torch import Tensor

from ...bench.problem.examples import Examples
from ..files.checks import damaged, reading
from ..files.download import fetch
from ..files.idx import read_pictures
from ..source import Source, dataset
from . import cifar, mnist

URL = "https://github.com/cleanlab/label-errors/raw/6d5d6b31a13216290afc40e5c6319399c4d15c06/mturk/"
CHECKSUMS = {
    "mnist_mturk.json": "sha256:448bd00fc9df262c68d50d48709d7fa3d5dc966bc66580e5df20e0dcba6e5612",
    "cifar10_mturk.json": "sha256:81b2c16c9eee060d6cc2390f6bbce1e0e7be0a050574be5177c9428f3596b5b5",
    "cifar100_mturk.json": "sha256:b2b4fedc433e814c64fb33eff99976bbeee6355470e127b56d64bc5fb57493c0",
}
SOURCE = "https://github.com/cleanlab/label-errors, images from "
LICENCE = "labels Apache-2.0; images: "
CITATION = "Northcutt, Athalye & Mueller 2021, Pervasive Label Errors in Test Sets; images: "
VALID, TEST = 1000, 10_000
MAJORITY = 3  # of the five workers who judged each label


@dataset(
    kind="image", source=SOURCE + mnist.PAGE, licence=LICENCE + mnist.LICENCE, citation=CITATION + mnist.CITATION,
    human=("published",), downloads=True,
)  # fmt: skip
def mnist_test_errors() -> Source:
    """MNIST's 10,000 test digits; 15 of their labels are known to be wrong."""
    return _verified("mnist_mturk.json", *read_pictures("MNIST", mnist.URL, mnist.CHECKSUMS), mnist.CLASSES)


@dataset(
    kind="image", source=SOURCE + cifar.PAGE, licence=LICENCE + cifar.LICENCE, citation=CITATION + cifar.CITATION,
    human=("published",), downloads=True,
)  # fmt: skip
def cifar10_test_errors() -> Source:
    """CIFAR-10's 10,000 test pictures; 54 of their labels are known to be wrong."""
    return _verified("cifar10_mturk.json", *cifar.pictures(cifar.CIFAR_10, cifar.CLASSES_10), cifar.CLASSES_10)


@dataset(
    kind="image", source=SOURCE + cifar.PAGE, licence=LICENCE + cifar.LICENCE, citation=CITATION + cifar.CITATION,
    human=("published",), downloads=True,
)  # fmt: skip
def cifar100_test_errors() -> Source:
    """CIFAR-100's 10,000 test pictures; 585 of their labels are known to be wrong."""
    return _verified("cifar100_mturk.json", *cifar.pictures(cifar.CIFAR_100, cifar.CLASSES_100), cifar.CLASSES_100)


def _verified(name: str, train: Examples, test: Examples, classes: tuple[str, ...]) -> Source:
    """The official test set as the rows; validation and test rows come from the unverified official training set."""
    true_y = corrected(fetch(f"label-errors/{name}", URL + name, CHECKSUMS[name]), test.y, len(classes))
    human = {"published": test.y}
    valid, unseen = train[:VALID], train[VALID : VALID + TEST]
    return Source(test.x, true_y, classes, test=unseen, valid=valid, human=human, standardize=True)


def corrected(path: Path, published: Tensor, classes: int) -> Tensor:
    """The published labels (n,), corrected by the verdicts of five crowd workers on each suspect label.

    A label is wrong if fewer than three workers kept it. It becomes the guessed label if at least three workers agreed
    on that, and else -1.

    Args:
        path: the official file of verdicts.
        published: labels (n,) of the test set.
        classes: number of classes.

    Raises:
        InputError: if the file is not the official file, or its published labels differ.
    """
    with reading(path):
        content = path.read_bytes()
    try:
        records = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise damaged(path, "it is not JSON") from error
    y = published.clone()
    for number, record in enumerate(records if isinstance(records, list) else [records]):
        match record:
            case {
                "id": int(row), "given_original_label": int(given), "our_guessed_label": int(guess),
                "mturk": {"given": int(kept), "guessed": int(agreed)},
            } if 0 <= row < len(y) and given == published[row] and 0 <= guess < classes:  # fmt: skip
                if kept < MAJORITY:
                    y[row] = guess if agreed >= MAJORITY else -1
            case _:
                raise damaged(path, f"its record {number} is not the workers' verdict on a label of the test set")
    return y

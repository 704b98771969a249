"""CIFAR-10 with the human labels of CIFAR-10N, from their official files."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..bench.examples import Examples
from .dataset import Source, dataset
from .download import class_indices, damaged, data_folder, extract, fetch, reading

IMAGES = ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz", "md5:c32a1d4ab5d03f1284b67883e8d87530")
LABELS = (
    "https://github.com/UCSC-REAL/cifar-10-100n/raw/49df7d8a69e355470c77c1c2f2424916325a394b/data/CIFAR-10_human.pt",
    "sha256:873e69c39cb9b5e97fb6bae2d60bb59b38a5cbc31d2b868f7903dcb2b9dd2310",
)
BATCHES = (*(f"cifar-10-batches-bin/data_batch_{i}.bin" for i in range(1, 6)), "cifar-10-batches-bin/test_batch.bin")
ROWS, RECORD = 10_000, 1 + 3 * 32 * 32
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
NOISES = {
    "aggregate": "aggre_label",
    "random1": "random_label1",
    "random2": "random_label2",
    "random3": "random_label3",
    "worst": "worse_label",
}


@dataset(
    kind="image",
    source="https://www.cs.toronto.edu/~kriz/cifar.html, labels from https://github.com/UCSC-REAL/cifar-10-100n",
    licence="labels CC BY-NC 4.0; images: none stated",
    citation="Wei et al. 2022, Learning with Noisy Labels Revisited; images: Krizhevsky 2009, Learning Multiple Layers "
    "of Features from Tiny Images",
    human=tuple(NOISES),
)
def cifar10n() -> Source:
    """60,000 colour pictures, 32 × 32 pixels, the training labels as people on the web gave them."""
    *train, test = map(_examples, _batches())
    x, y = torch.cat([batch.x for batch in train]), torch.cat([batch.y for batch in train])
    human = human_labels(fetch("cifar-10-100n/CIFAR-10_human.pt", *LABELS), y)
    return Source(x, y, CLASSES, test=test, human=human, standardize=True)


def human_labels(path: Path, true_y: Tensor) -> dict[str, Tensor]:
    """CIFAR-10N's given labels (n,) by the name of the noise.

    Raises:
        InputError: if the file is not the official one, or its rows are not those of the true labels.
    """
    stored, keys = _unpickled(path), ("clean_label", *NOISES.values())
    clean, *given = (class_indices(path, key, stored.get(key), len(true_y), len(CLASSES)) for key in keys)
    if len(wrong := (clean != true_y).nonzero()):
        raise damaged(path, f"its clean_label of row {int(wrong[0])} is not CIFAR-10's own")
    return dict(zip(NOISES, given, strict=True))


class Pickled:
    """Stands for a name of numpy's in a pickle: it keeps what it is called with and does nothing.

    Numpy's own classes would not be safe here: with arguments of its choice a pickle makes them read any memory.
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
        except Exception as error:  # there is no end to what a damaged pickle may raise
            raise damaged(path, "it is not a pickle of plain arrays, and nothing else is ever unpickled") from error
    return {key: _integers(value) for key, value in stored.items()} if isinstance(stored, dict) else {}


def _integers(pickled: object) -> object:
    match pickled:
        case Pickled(
            state=(1, (int(rows),), Pickled(arguments=("i8", *_), state=(3, "<", *_)), False, bytes(content))
        ) if len(content) == 8 * rows:
            return np.frombuffer(content, "<i8")
    return None


def _batches() -> list[Path]:
    folder = data_folder()
    paths = [folder / name for name in BATCHES]
    if not all(path.exists() for path in paths):
        extract(fetch("cifar-10-binary.tar.gz", *IMAGES), folder, dict.fromkeys(BATCHES, ROWS * RECORD))
    return paths


def _examples(path: Path) -> Examples:
    with reading(path):
        content = np.fromfile(path, np.uint8)
    if len(content) != ROWS * RECORD:
        raise damaged(path, f"it has {len(content)} bytes, not {ROWS * RECORD}")
    records = content.reshape(ROWS, RECORD)
    x = torch.from_numpy(records[:, 1:]).reshape(ROWS, 3, 32, 32)
    return Examples(x, class_indices(path, "labels", records[:, 0], ROWS, len(CLASSES)))

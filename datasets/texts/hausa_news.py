"""Hausa news topics with true labels and labels by distant supervision: real label noise in texts."""

from pathlib import Path

from torch import Tensor

from ...bench.problem.examples import Examples
from ...bench.problem.texts import Texts
from ..files.checks import damaged
from ..files.delimited import label_indices, read_columns
from ..files.download import data_folder, fetch
from ..source import Source, dataset

URL = (
    "https://raw.githubusercontent.com/uds-lsv/transfer-distant-transformer-african/"
    "a46ec8e90334c0fb8ee16a690af1aabf927be902/data/hausa_newsclass/"
)
FILES = {
    "train_clean.tsv": ("sha256:662bf8849d34f4163032afede21c2f2d103a956a6d6d6925b7a8b2577f8e5c62", 2045),
    "train_clean_noisy_labels.tsv": ("sha256:6b9cedf948bc6ea1612f0a11ae52db128892152b9d2cd882fd4e4a25b2d9cb25", 2045),
    "test.tsv": ("sha256:a174e3071e4d1e4713fb73aa93de583909d3bf5231abd0d09ab6ae4087a8f79b", 582),
}
CLASSES = ("africa", "health", "nigeria", "politics", "world")


@dataset(
    kind="text",
    source="https://github.com/uds-lsv/transfer-distant-transformer-african",
    licence="none stated",
    citation="Hedderich et al. 2020, Transfer Learning and Distant Supervision for Multilingual Transformer Models",
    downloads=True,
    human=("distant",),
)
def hausa_news() -> Source:
    """2,627 headlines in Hausa by topic; lists of keywords gave the noisy labels, and half of those are wrong."""
    train, given, test = (_table if (data_folder() / "newsclass").is_dir() else _official)()
    return Source(train.x, train.y, CLASSES, test=test, human={"distant": given})


def _table() -> tuple[Examples, Tensor, Examples]:
    """Training rows, noisy labels and test rows, from tables with both labels in each line."""
    train, test = (data_folder() / f"newsclass/hausa_newsclass_{part}.tsv" for part in ("train", "test"))
    return _examples(train, 2045), _examples(train, 2045, "noisy_label").y, _examples(test, 582)


def _official() -> tuple[Examples, Tensor, Examples]:
    """Training rows, noisy labels and test rows, from the official files."""
    clean, noisy, test = (
        (fetch(f"hausa_newsclass/{name}", URL + name, checksum), rows) for name, (checksum, rows) in FILES.items()
    )
    train, given = _examples(*clean), _examples(*noisy)
    if train.x != given.x:
        raise damaged(noisy[0], f"its headlines are not those of {clean[0].name}")
    return train, given.y, _examples(*test)


def _examples(path: Path, rows: int, label: str = "label") -> Examples:
    titles, labels = zip(*read_columns(path, ("news_title", label), rows=rows), strict=True)
    lower = [name.lower() for name in labels]
    return Examples(Texts.of((title,) for title in titles), label_indices(path, lower, CLASSES))

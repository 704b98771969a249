"""UCI Adult, from its two official files."""

from pathlib import Path

import pandas as pd

from ...bench.problem.examples import Examples
from ..files.checks import damaged, official, reading
from ..files.download import fetch
from ..source import Source, dataset
from .columns import class_indices, known_indices
from .one_hot import features, words_of

URL = "https://archive.ics.uci.edu/ml/machine-learning-databases/adult/"
CHECKSUMS = {
    "adult.data": "md5:5d7c39d7b8804f071cdd1f2a7c460872",
    "adult.test": "md5:35238206dfdf7f1fe215bbb874adecdc",
}
ROWS = {"adult.data": 32_561, "adult.test": 16_281}
COLUMNS = (
    "age", "workclass", "fnlwgt", "education", "education-num", "marital-status", "occupation", "relationship", "race",
    "sex", "capital-gain", "capital-loss", "hours-per-week", "native-country", "income",
)  # fmt: skip


@dataset(
    kind="table",
    source="https://archive.ics.uci.edu/dataset/2/adult",
    licence="CC BY 4.0",
    citation="Becker & Kohavi 1996, Adult, UCI Machine Learning Repository",
    downloads=True,
)
def adult() -> Source:
    """48,842 people of the 1994 census in 14 columns, 8 of them words: whether they earn above 50,000 dollars."""
    train_file, test_file = (fetch(f"adult/{name}", URL + name, checksum) for name, checksum in CHECKSUMS.items())
    train, test = _rows(train_file), _rows(test_file)
    with official(train_file):
        y, classes = class_indices(train.pop("income"), str(train_file))
        words = words_of(train, train_file)
        x = features(train, words, train_file)
    with official(test_file):
        test_y = known_indices(test.pop("income"), classes, str(test_file))
        test_x = features(test, words, test_file)
    return Source(x, y, tuple(map(str, classes)), test=Examples(test_x, test_y), standardize=True)


def _rows(path: Path) -> pd.DataFrame:
    with reading(path), path.open(encoding="latin-1") as file:
        lines = [line.rstrip(".\n").split(", ") for line in file if line.strip() and not line.startswith("|")]
    odd = next((line for line in lines if len(line) != len(COLUMNS)), None)
    if odd is not None or len(lines) != ROWS[path.name]:
        content = f"{len(lines)} rows" if odd is None else f"the line '{', '.join(odd)[:60]}'"
        raise damaged(path, f"it holds {content}, not {ROWS[path.name]} rows of {len(COLUMNS)} values")
    return pd.DataFrame(lines, columns=pd.Index(COLUMNS))

"""A user's own table: a file in, its rows ranked by suspicion out."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...datasets.dataset import Dataset
from ...datasets.splitting import scaled
from ...datasets.tables.columns import class_indices, features, known_indices, words_of
from ...datasets.tables.table_file import read_table
from ..errors import InputError
from ..files import write
from ..problem.examples import Examples
from ..registry.score import score
from ..training.loop import predictions
from ..training.prepare import open_problem, prepared


def score_table(
    data: Path,
    label: str,
    method: str,
    model: str = "mlp",
    valid: Path | None = None,
    seed: int = 0,
    hyperparameters: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Train a model on all rows of a table, score them, and return them with the most suspect first.

    Args:
        data: a CSV, TSV or Parquet file with a header; every column but the label holds finite numbers or words.
        label: the column that may hold wrong labels.
        method: a method's name, as `influence-bench list methods` prints it.
        model: a model's name, as `influence-bench list models` prints it.
        valid: a file of the same columns with trusted labels, for methods that use validation rows.
        seed: of training and method.
        hyperparameters: of the method.

    Returns:
        `rank` (from 1), `row` (in the file, from 0), `score` (higher = more suspect), `predicted` (the label that the
        trained model predicts), then the file's columns.

    Raises:
        InputError: if a file cannot be read, a column is missing or mixes words and numbers, or there is one class.
    """
    table = read_table(data, label)
    inputs = table.drop(columns=label)
    words = words_of(inputs, data)
    y, classes = class_indices(table[label], data)
    train = Examples(features(inputs, words, data), y)
    trusted = train[:0]
    if valid is not None:
        clean = read_table(valid, label)
        if list(clean.columns) != list(table.columns):
            raise InputError(
                f"{valid}: its columns must be those of the data, in the same order: {', '.join(table.columns)}"
            )
        trusted = Examples(
            features(clean.drop(columns=label), words, valid), known_indices(clean[label], classes, valid)
        )
    # A problem is prepared with test rows: the first row stands in for them, and nothing here reads their accuracy.
    train, trusted, test = scaled(train, trusted, train[:1], standardize=True)
    dataset = Dataset(train, trusted, test, train.y, tuple(map(str, classes)), {"dataset": data.name})
    problem = open_problem(prepared(dataset, model, seed))
    scores = score(method, problem, **(hyperparameters or {}))
    order = np.argsort(-scores, kind="stable")
    predicted = classes[predictions(problem.model, train).numpy()]
    ranked = table.assign(row=np.arange(len(table)), score=scores, predicted=predicted).iloc[order]
    ranked.insert(0, "rank", np.arange(1, len(table) + 1))
    return ranked[["rank", "row", "score", "predicted", *table.columns]]


def write_table(ranked: pd.DataFrame, out: Path) -> None:
    """Write ranked rows as CSV, whole or not at all."""
    write(out, lambda stream: stream.write(ranked.to_csv(index=False).encode()))

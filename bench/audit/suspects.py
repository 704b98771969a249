"""A user's own table: a file in, its rows with their suspicion scores out."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...datasets.dataset import Dataset
from ...datasets.splitting import scaled
from ...datasets.tables.own_table import class_indices, features, known_indices, read_table, words_of
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
    **hyperparameters: Any,
) -> pd.DataFrame:
    """The rows of a table, most suspect first, after a model trained on all of them.

    Args:
        data: a CSV, TSV or Parquet file with a header; every column but the label holds finite numbers or words.
        label: the column that may hold wrong labels.
        method: as `influence-bench list methods` prints it.
        model: what is trained.
        valid: a file of the same columns whose labels can be trusted, for methods that use validation rows.
        seed: of training and method.
        hyperparameters: of the method.

    Returns:
        The file's columns after `rank` (from 1), `row` (from 0, in the file), `score` (higher = more suspect) and
        `predicted`, the label that the trained model gives.

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
        given = read_table(valid, label)
        if list(given.columns) != list(table.columns):
            raise InputError(
                f"{valid}: its columns must be those of the data, in the same order: {', '.join(table.columns)}"
            )
        trusted = Examples(
            features(given.drop(columns=label), words, valid), known_indices(given[label], classes, valid)
        )
    train, trusted, test = scaled(train, trusted, train[:1], standardize=True)
    card = {"dataset": data.name}
    problem = open_problem(
        prepared(Dataset(train, trusted, test, train.y, tuple(map(str, classes)), card), model, seed)
    )
    scores = score(method, problem, **hyperparameters)
    order = np.argsort(-scores, kind="stable")
    guesses = classes[predictions(problem.model, train).numpy()]
    ranked = table.assign(row=np.arange(len(table)), score=scores, predicted=guesses).iloc[order]
    ranked.insert(0, "rank", np.arange(1, len(table) + 1))
    return ranked[["rank", "row", "score", "predicted", *table.columns]]


def write_table(ranked: pd.DataFrame, out: Path) -> None:
    """Write the ranked rows as CSV, whole or not at all."""
    write(out, lambda stream: stream.write(ranked.to_csv(index=False).encode()))

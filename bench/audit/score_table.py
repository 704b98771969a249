"""A user's own table: a file in, its rows ranked by suspicion out."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from ...datasets.dataset import Dataset
from ...datasets.splitting import scaled
from ...datasets.tables.columns import Encoder, class_indices, known_indices, notes_on
from ...datasets.tables.table_file import read_table
from ..errors import InputError, Note
from ..problem.examples import Examples
from ..registry.method import METHODS
from ..registry.score import score
from ..training.loop import predictions
from ..training.prepare import open_problem, prepared
from .ranking import yours

OURS = ("rank", "row", "score", "predicted")


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
        data: a table file with a header, as `read_table` reads it.
        label: the column that may hold wrong labels.
        method: a method's name, as `influence-bench list methods` prints it.
        model: a model's name, as `influence-bench list models` prints it.
        valid: a file of the same columns, in any order, with trusted labels, for methods that use validation rows.
        seed: of training and method.
        hyperparameters: of the method.

    Returns:
        `rank` (from 1), `row` (in the file, from 0), `score` (higher = more suspect), `predicted` (the label that the
        trained model predicts), then the file's columns; `yours` names one that is called like one of these.

    Raises:
        InputError: if a file cannot be read, a column is missing or cannot become features or classes, there is one
            class, or the method scores pairs of rows.

    Warns:
        Note: of a column that is left out or holds numbers and words, and of labels that differ only in case.
    """
    if METHODS.find(method).pairwise:
        raise InputError(
            f"{method} scores pairs of a training and a validation row, not rows: take a method that scores rows, as"
            " outlier-gradient"
        )
    table = read_table(data, label)
    inputs = table.drop(columns=label)
    y, classes = class_indices(table[label], str(data))
    encoder = Encoder.fit(inputs, str(data))
    for note in (*notes_on(classes), *encoder.notes):
        warnings.warn(f"{data}: {note}", Note, stacklevel=2)
    train = Examples(torch.from_numpy(encoder.features(inputs)), y)
    trusted = train[:0]
    if valid is not None:
        clean = read_table(valid, label)
        if lacking := [name for name in table.columns if name not in clean.columns]:
            raise InputError(f"{valid} lacks columns of the data: {', '.join(lacking)}")
        trusted = Examples(torch.from_numpy(encoder.features(clean)), known_indices(clean[label], classes, str(valid)))
    # A problem is prepared with test rows: the first row stands in for them, and nothing here reads their accuracy.
    train, trusted, test = scaled(train, trusted, train[:1], standardize=True)
    dataset = Dataset(train, trusted, test, train.y, tuple(map(str, classes)), {"dataset": data.name})
    problem = open_problem(prepared(dataset, model, seed))
    scores = score(method, problem, **(hyperparameters or {}))
    order = np.argsort(-scores, kind="stable")
    predicted = classes[predictions(problem.model, train).numpy()]
    results = {
        "rank": np.arange(1, len(table) + 1),
        "row": order,
        "score": scores[order],
        "predicted": predicted[order],
    }
    theirs = table.set_axis([yours(name, OURS) for name in table.columns], axis=1)
    return pd.concat([pd.DataFrame(results), theirs.iloc[order].reset_index(drop=True)], axis=1)

"""A user's own table: a CSV file in, its rows with their suspicion scores out."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from ..datasets.dataset import Dataset, scaled
from .errors import InputError, unknown
from .examples import Examples
from .prepare import open_problem, prepared
from .registry import score
from .results import write
from .training import predictions

FEWEST_ROWS = 10


def score_table(
    data: Path,
    label: str,
    method: str,
    model: str = "mlp",
    valid: Path | None = None,
    seed: int = 0,
    **hyperparameters: Any,
) -> pd.DataFrame:
    """The rows of a CSV file, most suspect first, after a model trained on all of them.

    Args:
        data: a CSV file with a header; every column but the label must be numeric and complete.
        label: the column that may hold wrong labels.
        method: as `influence-bench list methods` prints it.
        model: what is trained.
        valid: a CSV file of the same columns whose labels can be trusted, for methods that use validation rows.
        seed: of training and method.
        hyperparameters: of the method.

    Returns:
        The file's columns after `rank` (from 1), `row` (from 0, in the file), `score` (higher = more suspect) and
        `predicted`, the label that the trained model gives.

    Raises:
        InputError: if a file cannot be read, a column is missing or not numeric, or there is one class only.
    """
    table = read_table(data, label)
    x, names = features(table, label, data)
    labels = sorted(table[label].unique())
    if len(labels) < 2:
        raise InputError(
            f"{data}: the column '{label}' holds one class only, {labels[0]!r}; there is nothing to compare"
        )
    if len(labels) > len(table) / 2:
        raise InputError(f"{data}: '{label}' has {len(labels)} different values in {len(table)} rows; is it the label?")
    train = Examples(x, torch.tensor(table[label].map(labels.index).to_numpy()))
    trusted = Examples(x[:0], train.y[:0]) if valid is None else _trusted(valid, label, labels, names)
    train, trusted, test = scaled(train, trusted, Examples(x[:1], train.y[:1]), standardize=True)
    card = {"dataset": data.name}
    problem = open_problem(prepared(Dataset(train, trusted, test, train.y, tuple(map(str, labels)), card), model, seed))
    scores = score(method, problem, **hyperparameters)
    order = np.argsort(-scores, kind="stable")
    guesses = [labels[k] for k in predictions(problem.model, train.x)]
    ranked = table.assign(row=np.arange(len(table)), score=scores, predicted=guesses).iloc[order]
    ranked.insert(0, "rank", np.arange(1, len(table) + 1))
    return ranked[["rank", "row", "score", "predicted", *table.columns]]


def read_table(file: Path, label: str) -> pd.DataFrame:
    """A CSV file that has the label column, with a label in every row.

    Raises:
        InputError: if it cannot be read or does not.
    """
    try:
        table = pd.read_csv(file)
    except FileNotFoundError as error:
        raise InputError(f"{file}: there is no such file") from error
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise InputError(f"{file} cannot be read as CSV: {' '.join(str(error).split())}") from error
    if label not in table.columns:
        raise unknown(f"column in {file}", label, map(str, table.columns))
    if table[label].isna().any():
        raise InputError(
            f"{file}: '{label}' is empty in row {int(table[label].isna().to_numpy().argmax())}; drop such rows"
        )
    if len(table) < FEWEST_ROWS:
        raise InputError(f"{file} has {len(table)} rows; at least {FEWEST_ROWS} are needed to train a model")
    return table


def features(table: pd.DataFrame, label: str, file: Path) -> tuple[torch.Tensor, list[str]]:
    """Every other column as float32 (n, d), and their names.

    Raises:
        InputError: names the first cell that is not a finite number.
    """
    rest = table.drop(columns=label)
    if rest.shape[1] == 0:
        raise InputError(f"{file} has no column besides '{label}' to learn from")
    numbers = rest.apply(pd.to_numeric, errors="coerce").astype(float)
    bad = np.argwhere(~np.isfinite(numbers.to_numpy()))
    if len(bad):
        row, column = bad[0]
        raise InputError(
            f"{file}: column '{rest.columns[column]}' holds '{rest.iloc[row, column]}' in row {row}, not a finite"
            " number: encode or drop the column, or fill the cell"
        )
    return torch.tensor(numbers.to_numpy(dtype=np.float32)), [str(name) for name in rest.columns]


def _trusted(file: Path, label: str, labels: list[Any], names: list[str]) -> Examples:
    table = read_table(file, label)
    x, own = features(table, label, file)
    if own != names:
        raise InputError(f"{file}: its columns must be those of the data, in the same order: {', '.join(names)}")
    odd = [value for value in table[label].unique() if value not in labels]
    if odd:
        raise InputError(f"{file}: the label {odd[0]!r} does not occur in the data")
    return Examples(x, torch.tensor(table[label].map(labels.index).to_numpy()))


def write_table(ranked: pd.DataFrame, out: Path) -> None:
    """Write the ranked rows as CSV, whole or not at all."""
    write(out, lambda stream: stream.write(ranked.to_csv(index=False).encode()))

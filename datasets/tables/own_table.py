"""Tables: a user's own file, and how the columns of any table become features and class indices."""

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from pandas.api import types
from torch import Tensor

from ...bench.errors import InputError, unknown
from ..dataset import Source, dataset

FEWEST_ROWS = 10
Words = Mapping[str, pd.Index]


@dataset(kind="table", source="a file of your own", licence="your own", citation="none needed")
def csv(path: str, label: str) -> Source:
    """Your own table: a CSV, TSV or Parquet file with a column of labels, which are taken to be right."""
    file = Path(path).expanduser()
    return source(read_table(file, label), label, file)


def source(table: pd.DataFrame, label: str, file: Path) -> Source:
    """A table as features and true class indices, to be standardised.

    Args:
        table: the rows, one column of them the label.
        label: that column.
        file: what to blame.

    Raises:
        InputError: names the column, and the first cell that is neither a number nor one of a few words.
    """
    inputs = table.drop(columns=label)
    y, classes = class_indices(table[label], file)
    return Source(features(inputs, words_of(inputs, file), file), y, tuple(map(str, classes)), standardize=True)


def read_table(file: Path, label: str) -> pd.DataFrame:
    """A table with a header that has the label column: Parquet or TSV by its suffix, else CSV; perhaps compressed.

    Raises:
        InputError: if it cannot be read, or has no such column.
    """
    form = {".parquet": "Parquet", ".tsv": "TSV"}.get((file.suffixes or [""])[0], "CSV")
    try:
        if form == "Parquet":
            table = pd.read_parquet(file)
        else:
            table = pd.read_csv(file, sep="\t" if form == "TSV" else ",", low_memory=False)
    except FileNotFoundError as error:
        raise InputError(f"{file}: there is no such file") from error
    except ImportError as error:
        raise InputError(f"{file}: Parquet needs pyarrow: pip install 'influence-bench[parquet]'") from error
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise InputError(f"{file} cannot be read as {form}: {' '.join(str(error).split())}") from error
    table.columns = table.columns.map(str)
    if label not in table.columns:
        raise unknown(f"column in {file}", label, table.columns)
    return table


def class_indices(column: pd.Series, file: Path) -> tuple[Tensor, pd.Index]:
    """A column of labels as class indices (n,), and the classes in ascending order.

    Raises:
        InputError: if a label is lacking, there are too few rows, one class only, or next to no two rows of a class.
    """
    if column.isna().any():
        raise InputError(
            f"{file}: '{column.name}' is empty in row {int(column.isna().to_numpy().argmax())}; drop such rows"
        )
    if len(column) < FEWEST_ROWS:
        raise InputError(f"{file} has {len(column)} rows; at least {FEWEST_ROWS} are needed to train a model")
    indices, classes = pd.factorize(column, sort=True)
    if len(classes) < 2:
        raise InputError(f"{file}: '{column.name}' holds one class only, {classes[0]!r}; there is nothing to compare")
    if types.is_float_dtype(column) and (column % 1 != 0).any():
        raise InputError(f"{file}: '{column.name}' holds {column[column % 1 != 0].iloc[0]}, a number and not a class")
    if len(classes) > len(column) / 2:
        raise InputError(
            f"{file}: '{column.name}' has {len(classes)} different values in {len(column)} rows; is it the label?"
        )
    return torch.tensor(indices), pd.Index(classes)


def known_indices(column: pd.Series, classes: pd.Index, file: Path) -> Tensor:
    """Labels as indices (n,) into classes that are known.

    Raises:
        InputError: names the first label that is not one of them.
    """
    indices = classes.get_indexer(pd.Index(column))
    if (indices < 0).any():
        raise InputError(f"{file}: the label {column.iloc[int(indices.argmin())]!r} does not occur in the data")
    return torch.tensor(indices)


def words_of(table: pd.DataFrame, file: Path) -> Words:
    """The words, in order, of every column that holds no number at all; an empty cell is a word of its own.

    Raises:
        InputError: if there is no column, or one has a word for more than every other row.
    """
    if table.shape[1] == 0:
        raise InputError(f"{file} has no column besides the label to learn from")
    words = {name: pd.Index(_text(column)).unique().sort_values() for name, column in table.items() if _worded(column)}
    for name, known in words.items():
        if len(known) > max(2, len(table) / 2):
            raise InputError(
                f"{file}: column '{name}' holds {len(known)} different words in {len(table)} rows; drop or encode it"
            )
    return {str(name): known for name, known in words.items()}


def features(table: pd.DataFrame, words: Words, file: Path) -> Tensor:
    """The columns as float32 (n, d): a number is one feature, words are as many, of which a row has one that is 1.

    Raises:
        InputError: names the first cell that is not a finite number, or not one of the words.
    """
    parts = [
        _one_hot(column, words[str(name)], file) if name in words else _numbers(column, file)
        for name, column in table.items()
    ]
    return torch.from_numpy(np.concatenate(parts, axis=1))


def _one_hot(column: pd.Series, known: pd.Index, file: Path) -> np.ndarray[Any, Any]:
    indices = known.get_indexer(pd.Index(_text(column)))
    if (indices < 0).any():
        row = int(indices.argmin())
        raise InputError(f"{file}: column '{column.name}' holds '{column.iloc[row]}' in row {row}, which is new")
    return np.eye(len(known), dtype=np.float32)[indices]


def _numbers(column: pd.Series, file: Path) -> np.ndarray[Any, Any]:
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float32, na_value=np.nan)
    if not np.isfinite(numbers).all():
        row = int(np.isfinite(numbers).argmin())
        raise InputError(
            f"{file}: column '{column.name}' holds '{column.iloc[row]}' in row {row}, not a finite number: encode or"
            " drop the column, or fill the cell"
        )
    return numbers[:, None]


def _worded(column: pd.Series) -> bool:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return True
    if types.is_numeric_dtype(column):
        return False
    return not types.is_string_dtype(column) or bool(pd.to_numeric(column, errors="coerce").isna().all())


def _text(column: pd.Series) -> pd.Series:
    return column.astype(object).where(column.notna(), "").astype(str)

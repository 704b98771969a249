"""The columns of official tables as features: one-hot words, and numbers without gaps.

The tables of the benchmark keep these features, so that its results can be compared over the years. A person's own
table goes through `columns.Encoder`, which copes with whatever it holds.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from pandas.api import types
from torch import Tensor

from ...bench.errors import InputError
from ..source import Source
from .columns import class_indices

Words = Mapping[str, pd.Index]
"""The known words of each column of words, by the column's name."""


def table_source(table: pd.DataFrame, label: str, file: Path) -> Source:
    """A table as a source: features to be standardised, and true class indices.

    Args:
        table: the rows, with the label column among the columns.
        label: name of the label column.
        file: where the table comes from, for errors.

    Raises:
        InputError: as `class_indices`, `words_of` and `features` do.
    """
    inputs = table.drop(columns=label)
    y, classes = class_indices(table[label], str(file))
    return Source(features(inputs, words_of(inputs, file), file), y, tuple(map(str, classes)), standardize=True)


def words_of(table: pd.DataFrame, file: Path) -> Words:
    """The different words, in ascending order, of each column without any number; an empty cell counts as a word.

    Raises:
        InputError: if there is no column, or a column has different words in more than half of the rows.
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
    """The columns as features (n, d), float32: a column of numbers is one feature, a column of words is one-hot.

    Args:
        table: the columns without the label.
        words: the known words of each column of words, as `words_of` returns them.
        file: where the table comes from, for errors.

    Raises:
        InputError: names the first cell that is neither a finite number nor a known word.
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
    """Whether a column counts as words: categories, or cells without any number among them."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return True
    if types.is_numeric_dtype(column):
        return False
    return not types.is_string_dtype(column) or bool(pd.to_numeric(column, errors="coerce").isna().all())


def _text(column: pd.Series) -> pd.Series:
    return column.astype(object).where(column.notna(), "").astype(str)

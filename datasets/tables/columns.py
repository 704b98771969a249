"""The columns of a person's own table as class indices and features."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from pandas.api import types
from torch import Tensor

from ...bench.errors import InputError
from .cells import MISSING, distinct, texts
from .notation import LARGEST, Notation, notation_of
from .words import Dates, Parts, Words, dates_of, may_hold_dates, words_of

FEWEST_ROWS = 10
MOST_CODES = 30
"""Numbers that are more, more than the root of the rows, and not 0, 1, 2, ..., are a measure and not classes."""
_WHOLE = re.compile(r"([-+]?\d+)(\.0*)?")
_NAMELESS = re.compile(r"Unnamed: \d+(\.\d+)?")


def class_indices(column: pd.Series, source: str) -> tuple[Tensor, pd.Index]:
    """A column of labels as class indices (n,), int64, and the classes, numbers by value and before words.

    Labels are the same class if they differ only in spaces around them, or are whole numbers of the same value: `1`,
    `1.0` and ` 1`. A class shows as its first label does.

    Args:
        column: the labels, of any type.
        source: name of the file or table, for errors.

    Raises:
        InputError: if a label is empty, there are fewer than ten rows, there is only one class, the labels are a
            measure, or there are more than half as many classes as rows.
    """
    cells, name = texts(column), column.name
    if "" in cells:
        raise InputError(f"{source}: '{name}' is empty in row {cells.index('')}; drop rows without a label")
    if len(cells) < FEWEST_ROWS:
        raise InputError(f"{source} has {len(cells)} rows; at least {FEWEST_ROWS} are needed to train a model")
    places, words = distinct(cells)
    keys = [_key(word) for word in words]
    ordered = {key: index for index, key in enumerate(sorted(set(keys)))}
    if len(ordered) < 2:
        raise InputError(f"{source}: '{name}' holds one class only, {words[0]!r}; at least two are needed")
    _refuse_measure(words, len(cells), f"{source}: '{name}'")
    if len(ordered) > len(cells) / 2:
        raise InputError(
            f"{source}: '{name}' has {len(ordered)} different values in {len(cells)} rows; is it the label?"
        )
    indices = np.array([ordered[key] for key in keys], dtype=np.int64)[places]
    first = np.unique(indices, return_index=True)[1]
    is_text = types.is_string_dtype(column) or types.is_object_dtype(column)
    classes = [cells[row] for row in first] if is_text else list(column.iloc[first])
    return torch.from_numpy(indices), pd.Index(classes)


def notes_on(classes: Iterable[object]) -> list[str]:
    """A line if some classes differ only in case or spaces, as where one of them is a slip of the pen."""
    alike: dict[str, list[str]] = {}
    for name in map(str, classes):
        alike.setdefault("".join(unicodedata.normalize("NFKC", name).casefold().split()), []).append(name)
    groups = [" and ".join(map(repr, names)) for names in alike.values() if len(names) > 1]
    if not groups:
        return []
    more = f" (and {len(groups) - 3} more)" if len(groups) > 3 else ""
    return [f"labels that differ only in case or spaces are different classes: {'; '.join(groups[:3])}{more}"]


def known_indices(column: pd.Series, classes: pd.Index, source: str) -> Tensor:
    """A column of labels as indices (n,) into known classes, which may be of another type.

    Raises:
        InputError: names the first label that is not among the classes.
    """
    known = {_key(word): index for index, word in enumerate(texts(pd.Series(classes)))}
    places, words = distinct(texts(column))
    for word in words:
        if _key(word) not in known:
            raise InputError(f"{source}: the label {word!r} does not occur in the data")
    return torch.from_numpy(np.array([known[_key(word)] for word in words], dtype=np.int64)[places])


def _key(label: str) -> tuple[int, int, str]:
    """What labels of the same class share; numbers are in order before words."""
    whole = _WHOLE.fullmatch(label)
    return (0, int(whole[1]), "") if whole and len(label) < 1000 else (1, 0, label)


def _refuse_measure(words: Sequence[str], rows: int, where: str) -> None:
    values = Notation().numbers(words)
    if np.isnan(values).any():
        values = Notation(comma=True).numbers(words)
    if np.isnan(values).any():
        return
    fractions = np.flatnonzero(values % 1)
    mend = "a number and not a class; make classes of it, for example low and high"
    if len(fractions):
        raise InputError(f"{where} holds {words[fractions[0]]}, {mend}")
    values = np.unique(values)
    are_codes = values[0] in (0, 1) and values[-1] - values[0] == len(values) - 1
    if len(values) > max(MOST_CODES, rows**0.5) and not are_codes:
        raise InputError(f"{where} holds {len(values)} different numbers, as {words[0]}: {mend}")


@dataclass(frozen=True)
class _Column:
    """How one column becomes features; each of its parts may be absent.

    Args:
        name: its name.
        measure: numbers or dates.
        words: words, for the cells that are no numbers too.
        medians: replace the missing numbers and the parts of missing dates (k,).
        marks_missing: whether a further feature marks these.
    """

    name: str
    measure: Notation | Dates | None = None
    words: Words | None = None
    medians: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    marks_missing: bool = False

    @classmethod
    def fit(cls, column: pd.Series, source: str) -> "_Column":
        measure, words = _kinds(column, f"{source}: column '{column.name}'")
        measured = _measured(column, measure)
        lacking = np.isnan(measured)
        medians = [
            0.0 if lacks.all() else float(np.median(row[~lacks]))
            for row, lacks in zip(measured.T, lacking.T, strict=True)
        ]
        return cls(str(column.name), measure, words, np.array(medians), bool(lacking.any()))

    def features(self, column: pd.Series) -> NDArray[np.float64]:
        """The column's features (n, d), all finite."""
        measured = _measured(column, self.measure)
        lacking = np.isnan(measured)
        parts: list[NDArray[np.float64]] = [np.where(lacking, self.medians, measured)]
        if self.marks_missing:
            parts.append(lacking.max(1, keepdims=True).astype(np.float64))
        if self.words is not None:
            parts.append(self.words.features(_others(column, self.measure)))
        return np.concatenate(parts, axis=1)


class Encoder:
    """Columns of any type as features, known from the training rows; `fit` makes one.

    A column of which at least half the cells are numbers, however written, is a number; its other cells are words. A
    date becomes its parts and its seconds, and words become one-hot or, if they are many, their parts. The median
    replaces missing numbers and dates, and a further feature marks them. A first column that only numbers or names the
    rows is left out.

    Attributes:
        notes: a line for each thing that the user should know, as a column left out.
    """

    def __init__(self, columns: Sequence[_Column], notes: list[str], source: str) -> None:
        self._columns, self.notes, self._source = columns, notes, source

    @classmethod
    def fit(cls, inputs: pd.DataFrame, source: str) -> "Encoder":
        """Learn how the columns become features.

        Args:
            inputs: the columns without the label, of any types.
            source: name of the file or table, for errors.

        Raises:
            InputError: if there is no column to learn from, two have the same name, or one writes numbers in two ways.
        """
        named, notes = _named(inputs), []
        if len(twice := named.columns[named.columns.duplicated()]):
            raise InputError(f"{source} has two columns named '{twice[0]}'; rename one")
        names = list(named)
        while names and _counts_rows(named[names[0]]):
            notes.append(f"the column '{names[0]}' only numbers or names the rows, so it is left out")
            del names[0]
        columns = [_Column.fit(named[name], source) for name in names]
        columns = [column for column in columns if column.measure is not None or column.words is not None]
        if not columns:
            raise InputError(f"{source} has no column besides the label to learn from")
        for column in columns:
            if column.measure is not None and column.words is not None:
                others = _others(named[column.name], column.measure)
                row = next(row for row, word in enumerate(others) if word)
                notes.append(f"the column '{column.name}' holds numbers and words, as '{others[row]}' in row {row}")
            elif isinstance(column.words, Parts) and may_hold_dates(known := distinct(texts(named[column.name]))[1]):
                notes.append(
                    f"the column '{column.name}' is read as words, as '{known[0]}'; if they are numbers or dates, write"
                    " them in one usual form"
                )
        return cls(columns, notes, source)

    def features(self, inputs: pd.DataFrame) -> NDArray[np.float64]:
        """Rows as features (n, d), not standardised, each of them finite; words that are new have no feature.

        Raises:
            InputError: names a column that is lacking.
        """
        named = _named(inputs)
        for column in self._columns:
            if column.name not in named:
                raise InputError(f"the rows lack the column '{column.name}', which {self._source} has")
        return np.concatenate([column.features(named[column.name]) for column in self._columns], axis=1)


def _named(inputs: pd.DataFrame) -> pd.DataFrame:
    return inputs.set_axis(inputs.columns.map(str), axis=1)


def _counts_rows(column: pd.Series) -> bool:
    """Whether a column has no name, as an index that pandas or R has written, or counts the rows one by one."""
    if _NAMELESS.fullmatch(str(column.name)):
        return True
    if not (types.is_integer_dtype(column) or types.is_string_dtype(column)):
        return False
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return len(numbers) > 1 and bool((numbers[1:] == numbers[:-1] + 1).all())


def _kinds(column: pd.Series, where: str) -> tuple[Notation | Dates | None, Words | None]:
    """The measure and the words that a column holds."""
    if _are_numbers(column):
        return Notation(), None
    if types.is_datetime64_any_dtype(column):
        return dates_of(_dates(column)), None
    cells = texts(column)
    places, words = distinct(cells)
    if isinstance(column.dtype, pd.CategoricalDtype):
        return None, words_of(cells)
    notation = notation_of(words, np.bincount(places, minlength=len(words)), where)
    if notation is not None:
        return notation, words_of(_others(column, notation))
    if may_hold_dates(words) and (dates := dates_of(_dates(column))):
        return dates, None
    return None, words_of(cells)


def _measured(column: pd.Series, measure: Notation | Dates | None) -> NDArray[np.float64]:
    """The numbers of a column (n, k); NaN where one is missing."""
    if measure is None:
        return np.empty((len(column), 0))
    if isinstance(measure, Dates):
        return measure.features(_dates(column))
    if _are_numbers(column):
        return _numbers(column)[:, None]
    places, words = distinct(texts(column))
    return measure.numbers(words)[places][:, None]


def _others(column: pd.Series, measure: Notation | Dates | None) -> list[str]:
    """The cells of a column that are words; where it has a notation, its numbers and missing values are blank."""
    cells = texts(column)
    if not isinstance(measure, Notation):
        return cells
    places, words = distinct(cells)
    are_words = np.isnan(measure.numbers(words)) & [word.lower() not in MISSING for word in words]
    kept = [word if is_word else "" for word, is_word in zip(words, are_words, strict=True)]
    return [kept[place] for place in places]


def _are_numbers(column: pd.Series) -> bool:
    """Whether a column is of a type of numbers, all of them of a size to compute with."""
    is_real = types.is_numeric_dtype(column) and not types.is_complex_dtype(column)
    if not (is_real or types.is_timedelta64_dtype(column)) or types.is_bool_dtype(column):
        return False
    numbers = _numbers(column)
    return bool((np.abs(numbers[~np.isnan(numbers)]) < LARGEST).all())


def _numbers(column: pd.Series) -> NDArray[np.float64]:
    typed = column.dt.total_seconds() if types.is_timedelta64_dtype(column) else column
    numbers: NDArray[np.float64] = typed.to_numpy(dtype=np.float64, na_value=np.nan)
    return numbers


def _dates(column: pd.Series) -> pd.Series:
    """A column of dates in pandas' own type, or as texts."""
    if not types.is_datetime64_any_dtype(column):
        return pd.Series(texts(column), dtype="str")
    return pd.to_datetime(column.astype(object) if isinstance(column.dtype, pd.ArrowDtype) else column)

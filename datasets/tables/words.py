"""Columns of words and of dates as features, by skrub where there are many different words."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .cells import BLANK, MISSING, distinct

MOST_CATEGORIES = 40
"""A column of more different words is encoded by the parts of its words."""
MOST_LEARNED = 20_000
"""How many different words the weights of these parts are learned from, at most."""


class Words(Protocol):
    """An encoding of words, known from the training rows."""

    def features(self, cells: Sequence[str]) -> NDArray[np.float64]:
        """Words as features (n, d)."""


def words_of(cells: Sequence[str]) -> Words | None:
    """The encoding of a column of words; None if every cell is blank."""
    known = sorted({"" if cell in BLANK else cell for cell in distinct(cells)[1]})
    if known in ([], [""]):
        return None
    return Categories(known) if len(known) <= MOST_CATEGORIES else Parts(known)


class Categories:
    """One-hot: a feature for each known word, or a single feature for two words; a blank cell counts as a word."""

    def __init__(self, known: list[str]) -> None:
        self.known = pd.Index(known, dtype=object)

    def features(self, cells: Sequence[str]) -> NDArray[np.float64]:
        """Words as features (n, d); an unknown word is 0 in each."""
        places = self.known.get_indexer(pd.Index(["" if cell in BLANK else cell for cell in cells], dtype=object))
        one_hot: NDArray[np.float64] = (places[:, None] == np.arange(len(self.known))).astype(np.float64)
        return one_hot[:, 1:] if len(self.known) == 2 else one_hot


class Parts:
    """Sequences of three and four letters brought to few dimensions, so that similar words have similar features."""

    def __init__(self, known: list[str]) -> None:
        from skrub import StringEncoder  # it imports matplotlib, which takes seconds: few tables have such a column

        rows = np.random.default_rng(0).permutation(len(known))[:MOST_LEARNED]
        self._encoder: Any = StringEncoder(random_state=0)
        self._encoder.fit(pd.Series([known[row] for row in np.sort(rows)], name="word", dtype="str"))

    def features(self, cells: Sequence[str]) -> NDArray[np.float64]:
        """Words as features (n, d)."""
        places, known = distinct(["" if cell in BLANK else cell for cell in cells])
        encoded = self._encoder.transform(pd.Series(known, name="word", dtype="str"))
        features: NDArray[np.float64] = encoded.to_numpy(dtype=np.float64)[places]
        return features


class Dates:
    """Year, month, day, weekday and hour, and the seconds since 1970, which float32 would not hold.

    Args:
        reader: turns texts into dates, fitted.
        dates: the dates of the training rows.
    """

    def __init__(self, reader: Any, dates: pd.Series) -> None:
        from skrub import DatetimeEncoder

        self._reader = reader
        self._encoder: Any = DatetimeEncoder(add_total_seconds=False, add_weekday=True)
        self._encoder.fit(dates.rename("date"))

    def features(self, column: pd.Series) -> NDArray[np.float64]:
        """Dates, or texts that write them, as features (n, d); NaN for a missing date."""
        dates = self._reader.transform(_without_missing(column))
        parts = self._encoder.transform(dates.rename("date")).to_numpy(dtype=np.float64)
        since = pd.Timestamp(0, tz=dates.dt.tz).as_unit(dates.dt.unit)  # in nanoseconds, old dates would not fit
        seconds = (dates - since).dt.total_seconds().to_numpy(dtype=np.float64)
        return np.column_stack([seconds, parts])


def dates_of(column: pd.Series) -> Dates | None:
    """The encoding of a column of dates, or of texts that write dates in one format; None for another column."""
    from skrub import ToDatetime
    from skrub.core import RejectColumn

    reader = ToDatetime()
    try:
        return Dates(reader, reader.fit_transform(_without_missing(column)))
    except RejectColumn:
        return None


def may_hold_dates(words: Sequence[str]) -> bool:
    """Whether every word has a digit, as dates have."""
    asked = [word for word in words if word.lower() not in MISSING]
    return bool(asked) and all(any(map(str.isdigit, word)) for word in asked)


def _without_missing(column: pd.Series) -> pd.Series:
    is_typed = pd.api.types.is_datetime64_any_dtype(column)
    return column if is_typed else column.mask(column.str.lower().isin(MISSING))

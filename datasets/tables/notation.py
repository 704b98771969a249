"""Numbers as people write them: with decimal commas, thousands, currencies, percent and units."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...bench.errors import InputError
from .cells import MISSING

LARGEST = 1e150
"""Larger numbers are words: their squares would not be finite."""
_SPACE = "[ '’\\u00a0\\u2009\\u202f]"
_SPACED = rf"[1-9]\d{{0,2}}(?:{_SPACE}\d{{3}})+"
_POINT = re.compile(rf"(?:\d+|[1-9]\d{{0,2}}(?:,\d{{2,3}})*,\d{{3}}|{_SPACED})(?:\.\d*)?(?:[eE][-+]?\d+)?|\.\d+")
_COMMA = re.compile(rf"(?:\d+|[1-9]\d{{0,2}}(?:\.\d{{3}})+|{_SPACED})(?:,\d*)?(?:[eE][-+]?\d+)?|,\d+")
_AMOUNT = re.compile(
    r"(?P<sign>[-+−]?)\s*(?P<before>[$€£¥₹]?|[A-Z]{3}\s)\s*(?P<inner>[-−]?)"
    rf"(?P<number>[\d.,](?:[\d.,]|{_SPACE}(?=\d)|[eE][-+]?\d)*)\s*(?P<after>[^\s\d.,()'’+−-]{{1,6}})?"
)


_GROUPS = dict.fromkeys(map(ord, " '’\u00a0\u2009\u202f"))
_WITH_POINT, _WITH_COMMA = _GROUPS | {ord(","): None}, _GROUPS | {ord("."): None, ord(","): "."}


@dataclass(frozen=True)
class Notation:
    """How a column writes its numbers.

    Args:
        comma: whether a comma stands before the decimals; if not, a point does.
        unit: the currency, percent sign or unit that every number has.
    """

    comma: bool = False
    unit: str = ""

    def numbers(self, words: Sequence[str]) -> NDArray[np.float64]:
        """The numbers (n,) that words write in this notation; NaN for every other word."""
        # pandas reads the usual forms fast, and the grammar reads what remains.
        usual = words if not self.comma else [word.replace(",", ".") if "." not in word else "" for word in words]
        numbers = np.full(len(words), np.nan) if self.unit else _plain(usual)
        for place in np.flatnonzero(np.isnan(numbers)).tolist():
            parts = _parts(words[place])
            if parts is not None and parts[2] == self.unit:
                numbers[place] = self._number(*parts[:2])
        return _of_a_size(numbers)

    def _number(self, sign: float, number: str) -> float:
        if not (_COMMA if self.comma else _POINT).fullmatch(number):
            return np.nan
        return sign * float(number.translate(_WITH_COMMA if self.comma else _WITH_POINT))


def notation_of(words: Sequence[str], counts: NDArray[np.int64], where: str) -> Notation | None:
    """The notation in which a column writes numbers; None for a column of words: fewer than half are numbers.

    Args:
        words: the different words of the column.
        counts: how often each word occurs (n,).
        where: the file and the column, for errors.

    Raises:
        InputError: if most words are numbers, but not in one notation.
    """
    asked = np.array([word.lower() not in MISSING for word in words], dtype=bool)
    if not asked.any():
        return None
    words, counts = [word for word, ask in zip(words, asked, strict=True) if ask], counts[asked]
    if not np.isnan(_plain(words)).any():
        return Notation()
    parts = [_parts(word) for word in words]
    units = Counter(part[2] for part in parts if part is not None)
    # A column of "12B" and "7C" holds words: letters beside a number are its unit only where all numbers have the same.
    if any(unit[:1].isalpha() for unit in units) and len(units) > 1:
        parts = [part if part is not None and not part[2][:1].isalpha() else None for part in parts]
        units = Counter(part[2] for part in parts if part is not None)
    if counts[[part is not None for part in parts]].sum() < counts.sum() / 2:
        return None
    amounts = [(word, *part) for word, part in zip(words, parts, strict=True) if part is not None]
    if len(units) > 1:
        one, other = (next(word for word, _, _, own in amounts if own == unit) for unit in list(units)[:2])
        raise InputError(f"{where} holds '{one}' and '{other}': give all its numbers the same unit, or drop the column")
    for comma in (False, True):  # where all commas may be either, as in "1,234", they mark thousands
        if all((_COMMA if comma else _POINT).fullmatch(number) for _, _, number, _ in amounts):
            return Notation(comma, next(iter(units)))
    one = next(word for word, _, number, _ in amounts if not _POINT.fullmatch(number))
    other = next(word for word, _, number, _ in amounts if not _COMMA.fullmatch(number))
    raise InputError(
        f"{where} writes numbers in two ways, as '{one}' and as '{other}': write all its decimals with a point, or drop"
        " the column"
    )


def _plain(words: Sequence[str]) -> NDArray[np.float64]:
    numbers = pd.to_numeric(pd.Series(list(words), dtype=object), errors="coerce")
    return _of_a_size(numbers.to_numpy(dtype=np.float64))


def _of_a_size(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.abs(numbers) < LARGEST, numbers, np.nan)


def _parts(word: str) -> tuple[float, str, str] | None:
    """Sign, digits and unit of a word that may be a number in some notation."""
    negative = word.startswith("(") and word.endswith(")")  # as accountants write it
    amount = _AMOUNT.fullmatch(word[1:-1] if negative else word)
    if amount is None or (amount["before"] and amount["after"]):
        return None
    number = amount["number"]
    if not (_POINT.fullmatch(number) or _COMMA.fullmatch(number)):
        return None
    sign = -1.0 if negative or amount["sign"] in {"-", "−"} or amount["inner"] else 1.0
    return sign, number, amount["before"].strip() or amount["after"] or ""


def is_number(word: str) -> bool:
    """Whether a word is a number in any notation."""
    return _parts(word.strip()) is not None

"""Cells as texts: what every kind of column has in common."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

BLANK = frozenset({"", "?"})
"""Cells that are missing in every column of inputs."""
MISSING = BLANK | {
    "na", "n/a", "#n/a", "<na>", "nan", "nat", "null", "none", "missing", "-", "--", ".", "..",
}  # fmt: skip
"""Cells, in lower case, that are missing among numbers and dates. Among words, `NA` and `None` are words."""


def texts(column: pd.Series) -> list[str]:
    """Every cell of a column of any type as a text without spaces around it; a missing value is the empty text."""
    return [cell.strip() for cell in shown(column)]


def shown(column: pd.Series) -> list[str]:
    """Every cell of a column of any type as a text; a missing value is the empty text."""
    present = column.notna().to_numpy(dtype=bool)
    return [text_of(cell) if there else "" for cell, there in zip(column.astype(object), present, strict=True)]


def text_of(cell: Any) -> str:
    """A cell that is not missing as a text: bytes as the UTF-8 that they are, an array with all its numbers."""
    if isinstance(cell, bytes):
        try:
            return cell.decode()
        except UnicodeDecodeError:
            return str(cell)
    return str(cell.tolist() if isinstance(cell, np.ndarray) else cell)  # numpy leaves out the middle of a long array


def distinct(cells: Sequence[str]) -> tuple[NDArray[np.int64], list[str]]:
    """The place (n,) of each cell among the different cells, and these in the order in which they occur."""
    places, known = pd.factorize(np.array(cells, dtype=object))
    return places.astype(np.int64), list(known)

"""Ranked rows as CSV that is harmless where people open it: a spreadsheet runs cells that look like formulas."""

from pathlib import Path

import numpy as np
import pandas as pd
from pandas.api import types

from ...datasets.tables.cells import text_of
from ...datasets.tables.notation import is_number
from ..files import write_bytes

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_suspects(frame: pd.DataFrame, file: Path) -> None:
    """Write rows as CSV, whole or not at all, with an apostrophe before each text that a spreadsheet might run.

    Args:
        frame: the rows, without its index.
        file: where to write them.
    """
    columns = [frame.iloc[:, position].copy() for position in range(frame.shape[1])]
    safe = pd.concat([_harmless_column(column) for column in columns], axis=1) if columns else frame
    safe.columns = pd.Index([_harmless(name) for name in frame.columns])
    # Only with this line end does the writer quote a carriage return inside a cell.
    write_bytes(file, safe.to_csv(index=False, lineterminator="\r\n").encode("utf-8", "replace"))


def _harmless_column(column: pd.Series) -> pd.Series:
    return column if types.is_numeric_dtype(column) else column.astype(object).map(_harmless)


def _harmless(cell: object) -> object:
    if isinstance(cell, bytes | np.ndarray):
        cell = text_of(cell)
    if isinstance(cell, str) and cell.startswith(FORMULA) and not is_number(cell):
        return f"'{cell}"
    return cell

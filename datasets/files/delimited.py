"""Tab-separated and comma-separated files of official datasets, read with exact checks of rows and columns."""

import csv
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

from .checks import damaged, reading

Row = tuple[str, ...]


def read_columns(
    path: Path, wanted: Sequence[str], columns: Sequence[str] = (), rows: int | None = None, whole: bool = True
) -> list[Row]:
    """Read some columns of a tab-separated UTF-8 file in which quotation marks have no special meaning.

    Args:
        path: the file.
        wanted: names of the columns to keep, in this order.
        columns: names of all columns, for a file without a header line.
        rows: number of rows that the file must have; default any.
        whole: whether every line must have every column; if not, lines with other numbers of columns are skipped.

    Raises:
        InputError: if the file is not UTF-8 text, lacks a column, or has another number of rows or columns.
    """
    lines = _cells(path, delimiter="\t", quoting=csv.QUOTE_NONE)
    header = list(columns) or next(lines, (0, []))[1]
    if missing := [name for name in wanted if name not in header]:
        raise damaged(path, f"its first line does not name the column {missing[0]!r}")
    places = [header.index(name) for name in wanted]
    if not whole:
        lines = ((line, cells) for line, cells in lines if len(cells) == len(header))
    return _counted(path, [_picked(path, line, cells, places, len(header)) for line, cells in lines], rows)


def read_csv(path: Path, columns: int, rows: int | None = None) -> list[Row]:
    """Read all cells of a comma-separated UTF-8 file without a header line.

    Args:
        path: the file.
        columns: number of columns that every line must have.
        rows: number of rows that the file must have; default any.

    Raises:
        InputError: if the file is not UTF-8 text, or has another number of rows or columns.
    """
    every = range(columns)
    return _counted(path, [_picked(path, line, cells, every, columns) for line, cells in _cells(path)], rows)


def label_indices(path: Path, labels: Sequence[str], known: Collection[str]) -> Tensor:
    """The position (n,) of each label among the known labels.

    Raises:
        InputError: if a label is not known.
    """
    places = {label: place for place, label in enumerate(known)}
    for row, label in enumerate(labels):
        if label not in places:
            raise damaged(path, f"the label of row {row} is {label[:40]!r}, none of {', '.join(known)}")
    return torch.tensor([places[label] for label in labels])


def _cells(path: Path, **dialect: str | int) -> Iterator[tuple[int, Row]]:
    """The number and the cells of each line."""
    with reading(path), path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.reader(file, strict=True, **dialect)  # type: ignore[arg-type]
        try:
            yield from ((lines.line_num, tuple(cells)) for cells in lines)
        except (UnicodeDecodeError, csv.Error) as error:
            raise damaged(path, f"line {lines.line_num + 1} is not delimited text in UTF-8 ({error})") from error


def _picked(path: Path, line: int, cells: Row, places: Sequence[int], columns: int) -> Row:
    if len(cells) != columns:
        raise damaged(path, f"line {line} has {len(cells)} columns, not {columns}")
    return tuple(cells[place] for place in places)


def _counted(path: Path, lines: list[Row], rows: int | None) -> list[Row]:
    if rows is not None and len(lines) != rows:
        raise damaged(path, f"it has {len(lines)} rows, not {rows}")
    return lines

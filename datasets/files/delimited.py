"""Files of rows and columns: tab-separated text and csv."""

import csv
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

from .download import damaged, reading

Row = tuple[str, ...]


def read_columns(
    path: Path, wanted: Sequence[str], columns: Sequence[str] = (), rows: int | None = None, whole: bool = True
) -> list[Row]:
    """Some columns of a tab-separated file in UTF-8, in which quotation marks mean nothing.

    Args:
        path: the file.
        wanted: names of the columns to keep, in that order.
        columns: names of all of the file's columns if its first line does not hold them.
        rows: how many there must be, any number by default.
        whole: whether every line must have every column; lines that have not are else passed over.

    Raises:
        InputError: if the file is not such text, lacks a column, or has other rows than it should.
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
    """All cells of a csv file without a header, in UTF-8.

    Raises:
        InputError: if the file is not such text, or has other rows or columns than it should.
    """
    every = range(columns)
    return _counted(path, [_picked(path, line, cells, every, columns) for line, cells in _cells(path)], rows)


def label_indices(path: Path, labels: Sequence[str], known: Collection[str]) -> Tensor:
    """The place (n,) of each label among the known ones.

    Raises:
        InputError: if a label is none of these.
    """
    places = {label: place for place, label in enumerate(known)}
    for row, label in enumerate(labels):
        if label not in places:
            raise damaged(path, f"the label of row {row} is {label[:40]!r}, none of {', '.join(known)}")
    return torch.tensor([places[label] for label in labels])


def _cells(path: Path, **dialect: str | int) -> Iterator[tuple[int, Row]]:
    """Line numbers and cells."""
    with reading(path), path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.reader(file, strict=True, **dialect)  # type: ignore[arg-type]
        try:
            yield from ((lines.line_num, tuple(cells)) for cells in lines)
        except (UnicodeDecodeError, csv.Error) as error:
            raise damaged(path, f"line {lines.line_num + 1} is not text in UTF-8, columns apart ({error})") from error


def _picked(path: Path, line: int, cells: Row, places: Sequence[int], columns: int) -> Row:
    if len(cells) != columns:
        raise damaged(path, f"line {line} has {len(cells)} columns, not {columns}")
    return tuple(cells[place] for place in places)


def _counted(path: Path, found: list[Row], rows: int | None) -> list[Row]:
    if rows is not None and len(found) != rows:
        raise damaged(path, f"it has {len(found)} rows, not {rows}")
    return found

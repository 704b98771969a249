"""What a person decided about suspects: `decisions.csv` as the page of an audit saves it, applied to a table."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ...datasets.tables.cells import texts
from ..errors import InputError

COLUMNS = ("row", "decision", "label")


@dataclass(frozen=True)
class Decisions:
    """What to do with some rows, by their numbers in the data from 0; the others stay as they are.

    Attributes:
        file: that the decisions are from, for errors.
        kept: rows whose labels are right.
        fixed: the right label of each row whose label is wrong.
        dropped: rows to leave out.
    """

    file: Path
    kept: list[int]
    fixed: dict[int, str]
    dropped: list[int]


def read_decisions(file: Path, rows: int, classes: Sequence[str]) -> Decisions:
    """Read decisions as the page of an audit saves them.

    Args:
        file: CSV with the columns `row`, `decision` and `label`, and a line for each decided row.
        rows: how many the data have.
        classes: the labels that a row can be given.

    Raises:
        InputError: if the file cannot be read; else names the first line that is wrong, and how to mend it.
    """
    decisions = Decisions(file, [], {}, [])
    lines: dict[int, int] = {}
    for line, (text, choice, label) in _records(file):
        place = f"{file}, line {line}"
        row = int(text) if re.fullmatch("[0-9]{1,15}", text) else rows
        if row >= rows:
            raise InputError(f"{place}: the data have no row {text!r}; their rows are 0 to {rows - 1}")
        if row in lines:
            raise InputError(f"{place}: row {row} is in line {lines[row]} already; remove one of the two lines")
        lines[row] = line
        match choice:
            case "keep":
                decisions.kept.append(row)
            case "drop":
                decisions.dropped.append(row)
            case "fix" if label in classes:
                decisions.fixed[row] = label
            case "fix":
                raise InputError(f"{place}: {label!r} is no label of the data; {_known(classes)}")
            case _:
                raise InputError(f"{place}: {choice!r} is no decision; write keep, fix or drop")
    return decisions


def applied(table: pd.DataFrame, label: str, decisions: Decisions) -> pd.DataFrame:
    """A table without its dropped rows and with its labels fixed; all other cells, their types and order stay.

    Args:
        table: its rows in the order that the audit saw; it is not changed.
        label: the column of labels. A fixed label takes the form of the first cell that holds it.
        decisions: about rows of the table.

    Raises:
        InputError: if no cell of the column holds a label that is to be set.
    """
    cells = dict(reversed(list(zip(texts(table[label]), table[label], strict=True))))
    labels = table[label].copy()
    for row, name in decisions.fixed.items():
        if name not in cells:
            raise InputError(
                f"{decisions.file}: row {row} is to be {name!r}, which no cell of the column '{label}' is; give a label"
                " as the column has it"
            )
        labels.iloc[row] = cells[name]
    stays = np.ones(len(table), dtype=bool)
    stays[decisions.dropped] = False
    return table.assign(**{label: labels})[stays]


def _records(file: Path) -> Iterator[tuple[int, tuple[str, ...]]]:
    """The cells of each record under `COLUMNS`, with the number of the record's last line."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:  # spreadsheets put a byte order mark first
            records = csv.reader(stream, strict=True)
            head = next(records, [])
            for name in COLUMNS:
                if name not in head:
                    raise InputError(f"{file}, line 1: there is no column '{name}'; begin with {','.join(COLUMNS)}")
            for cells in filter(None, records):
                if len(cells) != len(head):
                    raise InputError(
                        f"{file}, line {records.line_num}: {len(cells)} cells, but {len(head)} columns; put quotes"
                        " around a label that holds a comma"
                    )
                yield records.line_num, tuple(cells[head.index(name)] for name in COLUMNS)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{file} cannot be read: {error}") from error


def _known(classes: Sequence[str]) -> str:
    """The labels to choose from, as many as fit in a line."""
    shown = ", ".join(map(repr, classes[:10]))
    return f"take one of {shown}" if len(classes) <= 10 else f"take one of its {len(classes):,}, such as {shown}"

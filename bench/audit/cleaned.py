"""A cleaned copy of a person's data: rows dropped and labels fixed as decided; the original is never changed."""

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd
from openpyxl import Workbook
from pandas.api import types

from ...datasets.tables.cells import text_of, texts
from ...datasets.tables.table_file import form_of, is_compressed, read_table
from ..errors import InputError
from ..files import write
from .decisions import applied, read_decisions
from .inputs import own_rows, read_archive

PATH, LABEL = "file", "label"
_WRITERS: dict[str, Callable[[pd.DataFrame, BinaryIO], object]] = {
    "CSV": lambda table, stream: stream.write(_csv(table, ",")),
    "TSV": lambda table, stream: stream.write(_csv(table, "\t")),
    "JSON": lambda table, stream: stream.write(_json_lines(table).encode()),
    "Parquet": lambda table, stream: table.to_parquet(stream, index=False),
    "Excel": lambda table, stream: stream.write(_workbook(table)),
}


def write_cleaned(data: Path, label: str, decisions: Path, out: Path) -> tuple[int, int]:
    """Write a copy of a file without its dropped rows and with its labels fixed; of a folder of images, a table.

    Args:
        data: the audited file or folder.
        label: its column, or array, of labels.
        decisions: `decisions.csv` as the page saves it.
        out: the copy, in the form that its ending says; of a folder of images with the columns `file` and `label`.

    Returns:
        How many rows the copy has, and the original.

    Raises:
        InputError: if something cannot be read, a decision does not fit, or the copy would take the original's place.
    """
    if out.resolve() == data.resolve() or out.resolve() == decisions.resolve():
        raise InputError(f"--out {out} is an input file; name another file")
    if out.is_dir():
        raise InputError(f"--out {out} is a folder; name the file to write")
    if is_compressed(out.name):
        raise InputError(
            f"--out {out} would not be compressed; give a name that ends in .csv, .parquet or another form"
        )
    if data.suffix.lower() == ".npz":
        return _archive(data, label or "y", decisions, out)
    if data.is_dir():
        rows = own_rows(data)
        table, label = pd.DataFrame({PATH: rows.files, LABEL: np.array(rows.names, dtype=object)[rows.y]}), LABEL
    else:
        table = read_table(data, label)
    cleaned = _applied(table, label, decisions)
    form = _form(out)
    try:
        write(out, lambda stream: _WRITERS[form](cleaned, stream))
    except OSError:
        raise
    except Exception as error:  # what a form cannot hold, each of the writers says by errors of its own
        reason = " ".join(str(error).split())
        raise InputError(f"{out} cannot be written as {form}: {reason}; give a name that ends in .csv") from error
    return len(cleaned), len(table)


def _csv(table: pd.DataFrame, separator: str) -> bytes:
    held = pd.DataFrame(
        {
            place: column.map(text_of, na_action="ignore") if types.is_object_dtype(column) else column
            for place, (_, column) in enumerate(table.items())
        }
    ).set_axis(table.columns, axis=1)
    # Only with this line end does the writer quote a carriage return inside a cell.
    return held.to_csv(index=False, sep=separator, lineterminator="\r\n").encode()


def _json_lines(table: pd.DataFrame) -> str:
    """An object for each row, in which numbers keep all their digits."""
    columns = [column.astype(object).where(column.notna(), None).tolist() for _, column in table.items()]
    names = list(table.columns)
    return "".join(
        json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False, default=text_of) + "\n"
        for row in zip(*columns, strict=True)
    )


def _workbook(table: pd.DataFrame) -> bytes:
    """A workbook in which each text stays a text, even if it begins as a formula does."""
    book = Workbook()
    sheet = book.active
    columns = [[str(name), *column.astype(object).where(column.notna(), None)] for name, column in table.items()]
    for line, row in enumerate(zip(*columns, strict=True), 1):
        for place, value in enumerate(row, 1):
            if getattr(value, "tzinfo", None) is not None:
                raise ValueError(f"it has no time zones, as in {value}")
            if isinstance(value, bytes | np.ndarray) or (isinstance(value, float) and np.isinf(value)):
                value = text_of(value)
            cell = sheet.cell(line, place, value)
            if isinstance(value, str):
                cell.data_type = "s"
    stream = BytesIO()
    book.save(stream)
    return stream.getvalue()


def _form(out: Path) -> str:
    """The form of a file to write, by its ending."""
    return "TSV" if out.suffix.lower() == ".tsv" else form_of(out.name)


def _applied(table: pd.DataFrame, label: str, decisions: Path) -> pd.DataFrame:
    classes = list(dict.fromkeys(texts(table[label])))
    return applied(table, label, read_decisions(decisions, len(table), classes))


def _archive(data: Path, label: str, decisions: Path, out: Path) -> tuple[int, int]:
    arrays = read_archive(data, label)
    number = len(arrays[label])
    table = _applied(pd.DataFrame({label: arrays[label]}), label, decisions)
    rows = table.index.to_numpy()
    kept = {name: array[rows] if array.ndim and len(array) == number else array for name, array in arrays.items()}
    kept[label] = table[label].to_numpy(dtype=arrays[label].dtype)
    write(out, lambda stream: np.savez_compressed(stream, **kept))  # type: ignore[arg-type]
    return len(rows), number

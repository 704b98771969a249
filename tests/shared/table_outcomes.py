"""What became of a random table: its own cells and a score for each row, or one true line; all else is an error."""

import re
import tempfile
from pathlib import Path

from random_cells import ANY, same
from random_tables import read_as_json, read_as_parquet, read_as_workbook, written
from random_texts import read_as_text

import influence_bench as ib
from influence_bench.datasets.tables.table_file import read_table


class Fault(AssertionError):
    """An outcome that is neither right nor a true line."""


def reading(table):
    """What comes of reading a table's file: `read`, or a line without its particulars.

    Raises:
        Fault: if the outcome is another.
    """
    form = table.form.partition(".")[0]
    reader = {"json": read_as_json, "jsonl": read_as_json, "xlsx": read_as_workbook, "parquet": read_as_parquet}
    wanted = reader.get(form, read_as_text)(table)
    with tempfile.TemporaryDirectory() as folder:
        file = written(table, Path(folder))
        try:
            read = read_table(file, table.label)
        except ib.InputError as error:
            if wanted is not None:
                raise Fault(f"refused: {_without(str(error), folder)}") from error
            return f"refused: {_kind(str(error), folder)}"
        except Exception as error:
            raise Fault(f"{type(error).__name__}: {error}") from error
    if wanted is ANY:
        return "read, in one of two ways"
    if wanted is None:
        raise Fault(f"read, although it cannot be: {read.to_dict('list')}")
    names, rows = wanted
    if list(read.columns) != names:
        raise Fault(f"the names are {list(read.columns)} and not {names}")
    if len(read) != len(rows):
        raise Fault(f"{len(read)} rows and not {len(rows)}")
    for place, name in enumerate(names):
        for row, cell in enumerate(read.iloc[:, place].tolist()):
            if not same(cell, rows[row][place]):
                raise Fault(f"{name!r} in row {row} is {cell!r} and not {rows[row][place]!r}")
    return "read"


def _without(line, folder):
    return line.replace(folder, "")


def _kind(line, folder):
    line = re.sub(r"/table[.\w]*|'[^']*'|\"[^\"]*\"|\d+", "#", _without(line, folder)).partition("#: known")[0]
    return line[:70]

"""A user's own texts: one column of a table file, with a column of labels."""

from pathlib import Path

from ...bench.errors import InputError, unknown
from ...bench.problem.texts import Texts
from ..source import Source, dataset
from ..tables.cells import texts
from ..tables.columns import class_indices
from ..tables.table_file import read_table


@dataset(kind="text", source="a file of your own", licence="your own", citation="none needed")
def csv_text(path: str, label: str, text: str) -> Source:
    """Your own texts: a column of a CSV, Excel, JSON or Parquet file, and its column of labels, which count as true.

    Args:
        path: the file.
        label: name of the column of labels.
        text: name of the column of texts.

    Raises:
        InputError: if the file cannot be read, lacks a column, or has an empty cell in one of the two columns.
    """
    file = Path(path).expanduser()
    table = read_table(file, label)
    if text not in table.columns or text == label:
        raise unknown("column of texts", text, [name for name in table.columns if name != label], f"in {file}")
    if "" in (read := texts(table[text])):
        raise InputError(f"{file}: '{text}' is empty in row {read.index('')}; drop rows without a text")
    y, classes = class_indices(table[label], str(file))
    return Source(Texts.of((words,) for words in read), y, tuple(map(str, classes)))

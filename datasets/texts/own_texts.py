"""A user's own texts: one column of a table, with a column of labels."""

from pathlib import Path

from ...bench.errors import InputError, unknown
from ...bench.problem.texts import Texts
from ..dataset import Source, dataset
from ..tables.own_table import class_indices, read_table


@dataset(kind="text", source="a file of your own", licence="your own", citation="none needed")
def csv_text(path: str, label: str, text: str) -> Source:
    """Your own texts: a CSV, TSV or Parquet file with a column of texts and one of labels, taken to be right."""
    file = Path(path).expanduser()
    table = read_table(file, label)
    if text not in table.columns or text == label:
        raise unknown(f"column of texts in {file}", text, [name for name in table.columns if name != label])
    if (empty := table[text].isna()).any():
        raise InputError(f"{file}: '{text}' is empty in row {int(empty.to_numpy().argmax())}; drop such rows")
    y, classes = class_indices(table[label], file)
    return Source(Texts.of((words,) for words in table[text].astype(str)), y, tuple(map(str, classes)))

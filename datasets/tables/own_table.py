"""A user's own table: a file with a column of labels."""

from pathlib import Path

from ..source import Source, dataset
from .columns import table_source
from .table_file import read_table


@dataset(kind="table", source="a file of your own", licence="your own", citation="none needed")
def csv(path: str, label: str) -> Source:
    """Your own table: a CSV, TSV or Parquet file with a column of labels, which count as true.

    Args:
        path: the file.
        label: name of the column of labels.

    Raises:
        InputError: if the file cannot be read, or a column cannot become features or classes.
    """
    file = Path(path).expanduser()
    return table_source(read_table(file, label), label, file)

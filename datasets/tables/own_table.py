"""A user's own table: a file with a column of labels."""

import warnings
from pathlib import Path

import torch

from ...bench.errors import Note
from ..source import Source, dataset
from .columns import Encoder, class_indices, notes_on
from .table_file import read_table


@dataset(kind="table", source="a file of your own", licence="your own", citation="none needed")
def csv(path: str, label: str) -> Source:
    """Your own table: a CSV, Excel, JSON or Parquet file with a column of labels, which count as true.

    Args:
        path: the file; CSV may have commas, semicolons, tabs or bars, and any file may be compressed.
        label: name of the column of labels.

    Raises:
        InputError: if the file cannot be read, or a column cannot become features or classes.
    """
    file = Path(path).expanduser()
    table = read_table(file, label)
    y, classes = class_indices(table[label], str(file))
    inputs = table.drop(columns=label)
    encoder = Encoder.fit(inputs, str(file))
    for note in (*notes_on(classes), *encoder.notes):
        warnings.warn(f"{file}: {note}", Note, stacklevel=2)
    return Source(torch.from_numpy(encoder.features(inputs)), y, tuple(map(str, classes)), standardize=True)

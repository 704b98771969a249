"""Reading of table files: CSV, TSV and Parquet."""

import zlib
from pathlib import Path

import pandas as pd

from ...bench.errors import InputError, unknown


def read_table(file: Path, label: str) -> pd.DataFrame:
    """Read a table with a header line and check that it has the label column.

    The suffix .parquet means Parquet, .tsv means TSV, and any other suffix means CSV. CSV and TSV may be compressed.

    Args:
        file: the file.
        label: name of the label column.

    Raises:
        InputError: if the file cannot be read or lacks the column.
    """
    form = {".parquet": "Parquet", ".tsv": "TSV"}.get((file.suffixes or [""])[0], "CSV")
    try:
        if form == "Parquet":
            table = pd.read_parquet(file)
        else:
            table = pd.read_csv(file, sep="\t" if form == "TSV" else ",", low_memory=False)
    except FileNotFoundError as error:
        raise InputError(f"{file}: there is no such file") from error
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise InputError(f"{file} cannot be read as {form}: {' '.join(str(error).split())}") from error
    table.columns = table.columns.map(str)
    if label not in table.columns:
        raise unknown(f"column in {file}", label, table.columns)
    return table

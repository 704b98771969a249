"""An archive: a whole run as one compressed Parquet file, which pandas reads as a table.

Its columns are those of an `Entry`: `values` are the numbers of the array in row order, and `digest` is of the rest of
the row.
"""

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..errors import InputError
from ..files import write
from .entries import Entry, entries_of, write_entries
from .run import Run

MEND = "get the file again, or publish the run again"
FORM: dict[str, Any] = {
    "engine": "pyarrow",
    "compression": "zstd",
    "compression_level": 12,
    "use_dictionary": ["kind", "problem", "row", "name", "dtype"],
    "use_byte_stream_split": ["values.list.element"],
}


def pack(run: Run, file: Path) -> None:
    """Write a run into an archive.

    Raises:
        InputError: if a file of the run is damaged or of another version, or float64 cannot hold one of its arrays.
    """
    table = pd.DataFrame([_columns(entry) for entry in entries_of(run)]).astype({"seed": "Int64"})
    write(file, lambda stream: table.to_parquet(stream, index=False, **FORM))


def unpack(file: Path, folder: Path) -> Run:
    """Write the run that an archive holds into a new folder.

    Raises:
        InputError: if the folder is not empty, the file is no archive, or a row of its table is not as it was packed.
    """
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder} is not empty: choose another folder to unpack {file} into")
    run = Run(folder)
    write_entries(_read(file), run, str(file))
    return run


def _columns(entry: Entry) -> dict[str, Any]:
    array = entry.array
    values = array.astype(np.float64)
    if not np.array_equal(values.astype(array.dtype), array, equal_nan=values.dtype == array.dtype):
        raise InputError(f"{entry} cannot be archived: float64 does not hold its numbers")
    return {
        "kind": entry.kind,
        "problem": entry.problem,
        "row": entry.row,
        "seed": entry.seed,
        "name": entry.name,
        "record": entry.record,
        "dtype": array.dtype.name,
        "shape": list(array.shape),
        "values": values.ravel(),
        "digest": entry.digest,
    }


def _read(file: Path) -> list[Entry]:
    """The rows of an archive.

    Raises:
        InputError: if the file is no archive, or names the rows that are not as they were packed.
    """
    try:
        rows = pd.read_parquet(file).to_dict("records")
        entries = [_entry(row) for row in rows]
        changed = [str(entry) for entry, row in zip(entries, rows, strict=True) if entry.digest != row["digest"]]
    except (OSError, ValueError, TypeError, KeyError, NotImplementedError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{file} cannot be read as the archive of a run ({reason}): {MEND}") from error
    if changed:
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        raise InputError(f"{file} is not as it was packed: {'; '.join(changed[:3])}{more} changed: {MEND}")
    return entries


def _entry(row: Mapping[Hashable, Any]) -> Entry:
    with np.errstate(invalid="ignore", over="ignore"):  # of a damaged file, which its digests will show
        array: NDArray[Any] = np.asarray(row["values"], np.float64).astype(row["dtype"]).reshape(row["shape"])
    seed = None if pd.isna(row["seed"]) else int(row["seed"])
    return Entry(row["kind"], row["problem"], row["row"], seed, row["name"], row["record"], array)

"""Reading of table files: CSV and its relatives, JSON, Excel and Parquet, each of them compressed or not."""

import bz2
import gzip
import io
import json
import lzma
import re
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path, PurePath
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ...bench.errors import InputError, Note, absent, unknown
from .delimited import cells_of, decoded

_DECOMPRESS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.decompress,
    ".bz2": bz2.decompress,
    ".xz": lzma.decompress,
    ".zst": lambda content: pa.input_stream(pa.BufferReader(content), compression="zstd").read(),
}
_FORMS = {
    ".parquet": "Parquet", ".pq": "Parquet", ".xlsx": "Excel", ".xlsm": "Excel", ".json": "JSON", ".jsonl": "JSON",
    ".ndjson": "JSON",
}  # fmt: skip
_UNREAD = {".xls", ".xlsb", ".ods", ".feather", ".arrow", ".orc", ".dta", ".sav", ".rds", ".h5", ".pkl", ".db", ".npy"}
_DAMAGE = (OSError, EOFError, ValueError, KeyError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, RuntimeError)
_NULLABLE = {
    pa.int8(): pd.Int8Dtype(), pa.int16(): pd.Int16Dtype(), pa.int32(): pd.Int32Dtype(), pa.int64(): pd.Int64Dtype(),
    pa.uint8(): pd.UInt8Dtype(), pa.uint16(): pd.UInt16Dtype(), pa.uint32(): pd.UInt32Dtype(),
    pa.uint64(): pd.UInt64Dtype(), pa.float32(): pd.Float32Dtype(), pa.float64(): pd.Float64Dtype(),
    pa.bool_(): pd.BooleanDtype(), pa.string(): pd.StringDtype(), pa.large_string(): pd.StringDtype(),
}  # fmt: skip
"""Types of columns in Parquet, and those of pandas that hold the same values and missing ones too."""
_WITHOUT_RESULT = re.compile(
    rb'<c (?![^>]*\bt="str")[^>]*\br="([A-Z]+\d+)"[^>]*><f(?:[^>]*/>|[^>]*>[^<]*</f>)(?:<v ?/>|<v></v>)?</c>'
)
"""A cell of a workbook that holds a formula and no result."""


def form_of(name: str) -> str:
    """What the ending of a file's name says that it holds, in any case: Parquet, Excel, JSON or else CSV.

    CSV stands for text with any separator. An ending of compression comes after that of the form.
    """
    path = PurePath(name.lower())
    return _FORMS.get(PurePath(path.stem if is_compressed(name) else path).suffix, "CSV")


def is_compressed(name: str) -> bool:
    """Whether the ending of a file's name says that it is compressed."""
    return PurePath(name.lower()).suffix in {*_DECOMPRESS, ".zip"}


def read_table(file: Path, label: str) -> pd.DataFrame:
    """Read a table and check that it has the label column.

    Args:
        file: CSV, TSV or other text with a separator, JSON (an array, or an object in each line), Excel or Parquet, by
            its ending; each may be compressed as .gz, .bz2, .xz, .zst or .zip.
        label: name of the label column.

    Returns:
        The cells as the file has them: texts from CSV and JSON, where the empty text is a missing cell, and typed cells
        from Excel and Parquet. Names in CSV and Excel lose the spaces around them; a column without a name is
        `Unnamed: 0` by its place, a second column `x` is `x.1`, and lines without any cell are left out.

    Raises:
        InputError: if the file cannot be read, or lacks the column or has it twice.

    Warns:
        Note: of a name that several columns share.
    """
    content, name = _content(file)
    form = form_of(name)
    if (ending := PurePath(name.lower()).suffix) in _UNREAD:
        raise InputError(f"{file} cannot be read: {ending} is none of the known endings; save it as CSV or Parquet")
    try:
        if form == "Parquet":
            table = _parquet(content, label, str(file))
        elif form == "Excel":
            table = _table(*_excel(content, str(file)), label, str(file))
        elif form == "JSON":
            table = _json(decoded(content, str(file)), str(file))
        else:
            table = _table(*cells_of(decoded(content, str(file)), label, str(file)), label, str(file), dtype="str")
    except InputError:
        raise
    except Exception as error:  # the readers of Excel and Parquet raise errors of any class
        raise InputError(f"{file} cannot be read as {form}: {' '.join(str(error).split())}") from error
    if label not in table.columns:
        place = f"in the first line of {file}" if form in {"CSV", "Excel"} else f"in {file}"
        raise unknown("column", label, table.columns, place)
    return table


def _content(file: Path) -> tuple[bytes, str]:
    """The content of a file without its compression, and a name whose ending says what it holds."""
    try:
        content = file.read_bytes()
    except FileNotFoundError as error:
        raise absent(file) from error
    except IsADirectoryError as error:
        raise InputError(f"{file} is a folder, not a table; folders of images are read by audit") from error
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error
    ending = file.suffix.lower()
    try:
        if ending == ".zip":
            return _only_member(content, str(file))
        if ending in _DECOMPRESS:
            return _DECOMPRESS[ending](content), file.stem
    except InputError:
        raise
    except _DAMAGE as error:
        raise InputError(f"{file} cannot be read as {ending}: {' '.join(str(error).split())}") from error
    return content, file.name


def _only_member(content: bytes, source: str) -> tuple[bytes, str]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX/")]
        if len(names) != 1:
            raise InputError(f"{source} holds {len(names)} files, not one: take out the table, and give its name")
        return archive.read(names[0]), names[0]


def _parquet(content: bytes, label: str, source: str) -> pd.DataFrame:
    """Typed columns, those of an index of pandas first; bytes that are UTF-8 are texts."""
    table = pq.ParquetFile(io.BytesIO(content)).read()
    said = (table.schema.pandas_metadata or {}).get("index_columns", [])
    index = [table.column_names.index(name) for name in said if isinstance(name, str) and name in table.column_names]
    order = [*index, *(place for place in range(table.num_columns) if place not in index)]
    names = [table.column_names[place] for place in order]
    for place, name in enumerate(names[: len(index)]):
        names[place] = f"Unnamed: {place}" if re.fullmatch(r"__index_level_\d+__", name) else name
    _check_label(names, label, source)
    # Without the metadata of pandas, whose types may be those of another version, each column has its own type.
    typed = {place: _texts_of_bytes(table.column(place)).to_pandas(types_mapper=_NULLABLE.get) for place in order}
    return pd.DataFrame(typed).set_axis(_unique(names, source), axis=1)


def _texts_of_bytes(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        with suppress(pa.ArrowInvalid):
            return column.cast(pa.large_string())
    return column


def _excel(content: bytes, source: str) -> tuple[list[str], list[list[Any]]]:
    """The first line and the others of the only sheet that holds any cell."""
    _check_results(content, source)
    sheets = pd.read_excel(
        io.BytesIO(content), sheet_name=None, header=None, dtype=object, keep_default_na=False, engine="openpyxl"
    )
    filled = {}
    for name, sheet in sheets.items():
        cells = sheet.astype(object).where(sheet.notna() & (sheet != ""), None)
        cells = cells.loc[cells.notna().any(axis=1), cells.notna().any(axis=0)]
        if len(cells):
            filled[str(name)] = cells
    if len(filled) != 1:
        held = f"{len(filled)} sheets with cells ({', '.join(filled)})" if filled else "no cell"
        raise InputError(f"{source} holds {held}: save one sheet with a line of names as a file of its own")
    lines = next(iter(filled.values())).to_numpy(dtype=object).tolist()
    return ["" if name is None else str(name) for name in lines[0]], lines[1:]


def _check_results(content: bytes, source: str) -> None:
    """Refuse formulas that no spreadsheet has computed: they would be read as empty cells."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            if name.startswith("xl/worksheets/") and (cell := _WITHOUT_RESULT.search(archive.read(name))):
                raise InputError(
                    f"{source}: cell {cell[1].decode()} holds a formula without its result; open the file in a"
                    " spreadsheet, save it again, or save the values as CSV"
                )


def _json(text: str, source: str) -> pd.DataFrame:
    """Objects as rows; a number keeps its digits, and a list or an object becomes JSON again."""
    read = json.JSONDecoder(
        parse_float=_Digits, parse_int=_Digits, parse_constant=_Digits, object_pairs_hook=_object
    ).decode
    # Only these ends of lines: others, as U+2028, may stand inside texts.
    lines = (line for line in re.split("[\r\n]+", text) if line.strip())
    records = read(text) if text.lstrip().startswith("[") else list(map(read, lines))
    if not records or not all(isinstance(record, dict) for record in records):
        raise InputError(f'{source} must hold objects, as {{"a": 1, "label": "x"}}, in an array or one in each line')
    names = list(dict.fromkeys(name for record in records for name in record))
    cells = {name: [_json_cell(record.get(name)) for record in records] for name in names}
    return pd.DataFrame({name: pd.Series(column, dtype="str") for name, column in cells.items()})


class _Digits(str):
    """A number of JSON as it is written."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {json.dumps(twice)} is there twice in one object; rename or remove one")
    return found


def _json_cell(cell: Any) -> str:
    if cell is None:
        return ""
    return str(cell) if isinstance(cell, str) else _json_text(cell)


def _json_text(cell: Any) -> str:
    """JSON again, each number with its digits."""
    match cell:
        case _Digits():
            return str(cell)
        case list():
            return f"[{', '.join(map(_json_text, cell))}]"
        case dict():
            return f"{{{', '.join(f'{_json_text(name)}: {_json_text(value)}' for name, value in cell.items())}}}"
        case _:
            return json.dumps(cell, ensure_ascii=False)


def _table(
    names: Sequence[str], rows: Sequence[Sequence[Any]], label: str, source: str, dtype: Any = object
) -> pd.DataFrame:
    names = [name.strip() for name in names]
    _check_label(names, label, source)
    columns: Iterable[Sequence[Any]] = zip(*rows, strict=True) if rows else [()] * len(names)
    held = {
        place: column
        for place, column in enumerate(columns)
        if names[place] or any(cell not in ("", None) for cell in column)
    }
    unique = _unique((names[place] or f"Unnamed: {place}" for place in held), source)
    return pd.DataFrame(
        {name: pd.Series(list(column), dtype=dtype) for name, column in zip(unique, held.values(), strict=True)}
    )


def _check_label(names: Sequence[str], label: str, source: str) -> None:
    if names.count(label) > 1:
        raise InputError(f"{source} has {names.count(label)} columns named '{label}': rename all but the label")


def _unique(names: Iterable[str], source: str) -> list[str]:
    """Names with `.1`, `.2`, ... after the second, third, ... of the same; a note says which."""
    given = list(names)
    unique: list[str] = []
    for name in given:
        count, free = 0, name
        while free in unique or (count and free in given):
            count += 1
            free = f"{name}.{count}"
        if count:
            warnings.warn(
                f"{source}: the name '{name}' stands for several columns; one of them is '{free}' here", Note, 2
            )
        unique.append(free)
    return unique

"""Random tables of known cells, and the files that hold them in every form that is read."""

import bz2
import gzip
import io
import json
import lzma
import math
import zipfile
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

TELLING = (
    "", " ", "NA", "N/A", "nan", "NaN", "None", "null", "?", "-", "--", ".", "inf", "-inf", "True", "FALSE", "007",
    "1.10", "1e5", "1e400", "9007199254740993", "18446744073709551615", "-1", "123456789012345678901234567890", "1,234",
    "1.234,5", "1 234", "12%", "$3", "(5)", "−3", "=1+1", "+1", "-x", "@a", "a\tb", "a\rb", "a\nb", "a\r\nb",
    'say "hi"',
    '"', "'", "' x", " x ", "x,y", "x, y", "a;b", "a|b", "#N/A", "2024-01-05", "05.01.2024", "01/02/2024",
    "0001-01-01", "9999-12-31", "2024-01-05T10:00:00+02:00", "é", "日本", "a\u2028b", "a\x85b", "a\x0bb", "a\x1eb",
    "\ufeff", "🦋", "[1, 2]", '{"a": 1}', "long " * 30, "²", "١٢", "1_000", "0x1A", "\\N", "\\", "''", "b'x'",
)  # fmt: skip
"""Cells that readers of tables take for something else."""
NAMES = (
    "x", "y", "z", "score", "row", "rank", "given", "suggested", "probability", "reason", "file", "predicted", "index",
    "score (yours)", "", " x ", "x.1", "Unnamed: 0", "1", "a,b", "a;b", "a\nb", 'q"q', "=1+1", "-", "é", "None", "nan",
)  # fmt: skip
LABELS = ("kind", "score", "row", "given", "a,b", "label", "1", "é")
TEXT_FORMS = ("csv", "tsv", "txt", "csv.gz", "csv.bz2", "csv.xz", "zip", "CSV")
FORMS = (*TEXT_FORMS, "jsonl", "json", "json.gz", "xlsx", "parquet")

ANY = object()
"""What may be read in two ways, or refused."""
text = st.sampled_from(TELLING) | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)
whole = st.integers(-(2**40), 2**40)
real = st.floats(allow_nan=False, allow_infinity=False, width=64)
moment = st.datetimes(datetime(1902, 1, 1), datetime(2200, 1, 1)).map(lambda t: t.replace(microsecond=0))


@dataclass(frozen=True)
class Table:
    """A table of known cells and how its file is written.

    Attributes:
        form: ending of the file.
        label: name of the label column.
        names: of all columns; the label may be lacking or there twice.
        rows: the cells.
        options: how the file is written, by form.
    """

    form: str
    label: str
    names: tuple
    rows: tuple
    options: dict


def written(table, folder):
    """The file of a table."""
    file = folder / f"table.{table.form}"
    file.write_bytes(_packed(_body(table), table.form))
    return file


def _body(table):
    if table.form == "parquet":
        return _parquet(table)
    if table.form == "xlsx":
        return _workbook(table)
    if table.form.startswith("json"):
        return _json(table)
    return _text(table)


def _packed(content, form):
    if form == "zip":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("inner.csv", content)
        return buffer.getvalue()
    pack = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}.get(form.rpartition(".")[2])
    return pack(content) if pack else content


# --- text with separators


@st.composite
def text_tables(draw):
    """Tables of texts as CSV and its relatives."""
    label, names = draw(_named().filter(lambda named: len(named[1]) > 1))  # one column has no separator
    rows = draw(_lines(text, len(names)))
    form = draw(st.sampled_from(TEXT_FORMS))
    options = {
        "separator": draw(st.sampled_from(",;\t|")),
        "all": draw(st.booleans()),
        "end": draw(st.sampled_from(["\n", "\r\n", "\r"])),
        "encoding": draw(st.sampled_from(["utf-8"] * 4 + ["utf-8-sig", "utf-16", "utf-32", "latin-1", "utf-16-le"])),
        "oddity": draw(st.sampled_from(OF_TEXT)),
        "at": draw(st.integers(0, len(rows) - 1)),
    }
    return Table(form, label, names, rows, options)


OF_TEXT = (None, None, None, "trailing", "blank lines", "said", "row names", "short", "long", "cut", "spaced", "padded")
"""What may be odd about a text file."""


def _text(table):
    options, lines = table.options, [list(table.names), *map(list, table.rows)]
    oddity, at = options["oddity"], options["at"] + 1
    if oddity == "trailing":
        lines = [[*line, ""] for line in lines]
    if oddity == "row names":
        lines = [lines[0], *[[f"r{number}", *line] for number, line in enumerate(lines[1:])]]
    if oddity == "short":
        lines[at] = lines[at][:-1]
    if oddity == "long":
        lines[at] = [*lines[at], "more", "more"]
    if oddity == "padded":
        lines[0] = [f" {name} " for name in lines[0]]
    stream = io.StringIO(newline="")
    for number, line in enumerate(lines):
        if oddity == "blank lines" and number == at:
            stream.write(options["end"] + options["separator"] * (len(line) - 1) + options["end"])
        space = " " if oddity == "spaced" else ""  # `a, "b, c"`
        cells = [_quoted(cell, options["separator"], options["all"] or oddity == "spaced") for cell in line]
        stream.write((options["separator"] + space).join(cells) + options["end"])
    written = stream.getvalue()
    if oddity == "said":
        written = f"sep={options['separator']}\r\n" + written
    if oddity == "cut":
        written += '"'
    return written.encode(options["encoding"], "replace")


def _quoted(cell, separator, always):
    return '"' + cell.replace('"', '""') + '"' if always or set(cell) & {separator, '"', "\r", "\n"} else cell


def read_as_text(table):
    """The names and rows that a text file holds; None where it must be refused."""
    options = table.options
    content = _text(table)
    if options["encoding"] == "utf-16-le" or (options["encoding"] == "latin-1" and not _is_utf8(content)):
        return None
    shown = (
        (lambda cell: cell.encode("latin-1", "replace").decode("latin-1")) if options["encoding"] == "latin-1" else str
    )
    names, rows = [shown(name).strip() for name in table.names], [tuple(map(shown, row)) for row in table.rows]
    if options["oddity"] == "short" and len(names) > 1 and any(table.rows[options["at"]][:-1]):
        return None
    if options["oddity"] in ("long", "cut"):
        return None
    if options["oddity"] == "row names" and not any(row[-1] for row in rows):
        return ANY  # or each line ends with a separator
    if options["oddity"] == "row names":
        names, rows = ["", *names], [(f"r{number}", *row) for number, row in enumerate(rows)]
    if options["oddity"] == "short":
        rows.pop(options["at"])
    return _kept(names, [row for row in rows if any(row)], table.label)


def _is_utf8(content):
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


# --- JSON


@st.composite
def json_tables(draw):
    """Objects of texts, numbers, lists and objects."""
    label, names = draw(_named(unique=True))
    simple = text | whole | real | st.booleans() | st.none() | st.just(10**30)
    cell = simple | st.lists(simple, max_size=3) | st.dictionaries(text, simple, max_size=2)
    rows = draw(_lines(cell, len(names)))
    options = {
        "ascii": draw(st.booleans()),
        "array": draw(st.booleans()),
        "indent": draw(st.sampled_from([None, 1])),
        "end": draw(st.sampled_from(["\n", "\r\n"])),
        "encoding": draw(st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "utf-16"])),
        "sparse": draw(st.booleans()),
    }
    return Table(draw(st.sampled_from(["jsonl", "json", "json.gz"])), label, names, rows, options)


def _json(table):
    options = table.options
    records = [
        {n: c for n, c in zip(table.names, row, strict=True) if not (options["sparse"] and c is None)}
        for row in table.rows
    ]
    if options["array"]:
        written = json.dumps(records, ensure_ascii=options["ascii"], indent=options["indent"])
    else:
        written = options["end"].join(json.dumps(record, ensure_ascii=options["ascii"]) for record in records)
    return written.encode(options["encoding"])


def read_as_json(table):
    """The names and the cells, each as JSON writes it; a name that every object lacks is not there."""
    there = []
    for row in table.rows:
        there += [p for p, cell in enumerate(row) if p not in there and not (table.options["sparse"] and cell is None)]
    names = [table.names[place] for place in there]
    if table.label not in names:
        return None
    return names, [tuple(json_text(row[place]) for place in there) for row in table.rows]


def json_text(cell):
    """A cell of JSON as a text."""
    if cell is None:
        return ""
    return cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False)


# --- Excel


@st.composite
def workbooks(draw):
    """Typed cells in a workbook."""
    label, names = draw(_named(keep=lambda name: "\r" not in name))
    sheet_text = text.filter(
        lambda cell: not openpyxl.cell.cell.ILLEGAL_CHARACTERS_RE.search(cell) and "\r" not in cell
    )
    simple = (
        sheet_text
        | st.integers(-(10**14), 10**14)
        | real.filter(lambda x: abs(x) < 1e308)
        | st.booleans()
        | st.none()
        | moment
        | st.just("=1+1")
    )
    rows = draw(_lines(simple, len(names)))
    options = {
        "blank row": draw(st.booleans()),
        "other sheet": draw(st.sampled_from([None, None, "empty", "filled"])),
        "formula": draw(st.sampled_from([None, None, None, (0, 0)])),
    }
    return Table("xlsx", label, names, rows, options)


def _workbook(table):
    book = openpyxl.Workbook()
    sheet = book.active
    for line, row in enumerate([table.names, *table.rows], 1):
        for column, value in enumerate(row, 1):
            if value is None or value == "":
                continue
            cell = sheet.cell(line, column, value)
            if isinstance(value, str):
                cell.data_type = "s"
    if table.options["formula"] is not None and len(table.names):
        sheet.cell(2, 1, "=1+1")
    if table.options["blank row"]:
        sheet.insert_rows(2)
    if table.options["other sheet"]:
        other = book.create_sheet("other")
        if table.options["other sheet"] == "filled":
            other["A1"] = 1
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def read_as_workbook(table):
    """The names and the typed cells; an empty text is a missing cell, as spreadsheets have it."""
    if table.options["other sheet"] == "filled" or table.options["formula"] is not None:
        return None  # several tables, or a formula without its result
    rows = [tuple(None if cell == "" else cell for cell in row) for row in table.rows]
    rows = [row for row in rows if any(cell is not None for cell in row)]
    return _kept([name.strip() for name in table.names], rows, table.label)


# --- Parquet

ARROW = {
    "whole": (pa.int64(), whole),
    "small": (pa.int8(), st.integers(-128, 127)),
    "unsigned": (pa.uint64(), st.integers(0, 2**64 - 1)),
    "real": (pa.float64(), real | st.sampled_from([float("inf"), float("-inf")])),
    "single": (pa.float32(), st.integers(-1000, 1000).map(lambda n: n / 8)),
    "truth": (pa.bool_(), st.booleans()),
    "text": (pa.string(), text),
    "large text": (pa.large_string(), text),
    "words": (pa.dictionary(pa.int32(), pa.string()), text),
    "codes": (pa.dictionary(pa.int32(), pa.int64()), st.integers(0, 5)),
    "day": (pa.date32(), st.dates(date(1, 1, 1), date(9999, 12, 31))),
    "moment": (pa.timestamp("us"), st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31))),
    "there": (pa.timestamp("ns", tz="Europe/Paris"), moment),
    "clock": (pa.time64("us"), st.times()),
    "span": (pa.duration("us"), st.timedeltas(timedelta(-1000), timedelta(1000))),
    "amount": (pa.decimal128(20, 3), st.decimals(-(10**6), 10**6, places=3)),
    "bytes": (pa.binary(), st.binary(max_size=4) | text.map(str.encode)),
    "list": (pa.list_(pa.int64()), st.lists(whole, max_size=3)),
    "texts": (pa.list_(pa.string()), st.lists(text, max_size=3)),
    "record": (pa.struct({"a": pa.int64(), "b": pa.string()}), st.fixed_dictionaries({"a": whole, "b": text})),
    "nothing": (pa.null(), st.none()),
}
"""Types of columns of Parquet, and values of each."""


@st.composite
def parquet_tables(draw):
    """Typed columns with missing values."""
    label, names = draw(_named())
    n = draw(st.integers(0, 6))
    kinds = [draw(st.sampled_from(sorted(ARROW))) for _ in names]
    columns = [draw(st.lists(ARROW[kind][1] | st.none(), min_size=n, max_size=n)) for kind in kinds]
    rows = tuple(zip(*columns, strict=True)) if n and names else ()
    index = draw(st.sampled_from([None, None, "range", "words"]))
    return Table("parquet", label, names, rows, {"kinds": kinds, "index": index})


def _parquet(table):
    columns = list(zip(*table.rows, strict=True)) if table.rows else [()] * len(table.names)
    arrays = [
        pa.array(column, type=ARROW[kind][0]) for kind, column in zip(table.options["kinds"], columns, strict=True)
    ]
    buffer = io.BytesIO()
    pq.write_table(pa.table(arrays, names=list(table.names)), buffer)
    if table.options["index"] and len(set(table.names)) == len(table.names) and "span" not in table.options["kinds"]:
        frame = pd.read_parquet(buffer, dtype_backend="pyarrow")
        if table.options["index"] == "words":
            frame.index = [f"r{number}" for number in range(len(frame))]
        buffer = io.BytesIO()
        frame.to_parquet(buffer)
    return buffer.getvalue()


def read_as_parquet(table):
    """The names and the typed cells."""
    if table.names.count(table.label) != 1:
        return None
    indexed = table.options["index"] == "words" and len(set(table.names)) == len(table.names)
    indexed = indexed and "span" not in table.options["kinds"]
    names = ["Unnamed: 0", *table.names] if indexed else list(table.names)
    rows = [(f"r{number}", *row) for number, row in enumerate(table.rows)] if indexed else list(table.rows)
    return distinct_names(names), rows


def same(read, cell):
    """Whether a cell that was read is the cell that was written."""
    if cell is None or cell == "":
        return read is None or (pd.api.types.is_scalar(read) and (pd.isna(read) or read == ""))
    if isinstance(cell, datetime):
        return pd.Timestamp(read).tz_localize(None) == cell if pd.Timestamp(read).tz is None else True
    if isinstance(cell, list):
        return list(read) == cell
    if isinstance(cell, float):
        return type(read) is not str and (read == cell or math.isclose(read, cell, rel_tol=1e-14))
    if isinstance(cell, (Decimal, time)) or type(cell) is int:
        return type(read) is not str and bool(read == cell)
    if isinstance(cell, bytes):
        return read == cell or read == cell.decode(errors="replace")
    return bool(read == cell)


# --- what all forms share


@st.composite
def _named(draw, unique=False, keep=lambda name: True):
    """The label, and the names of all columns with the label among them, seldom lacking or twice."""
    label = draw(st.sampled_from(LABELS))
    others = st.sampled_from([name for name in NAMES if name.strip() != label and keep(name)])
    names = draw(st.lists(others, max_size=4, unique=unique))
    times = 1 if unique else draw(st.sampled_from([1] * 18 + [0, 2]))
    for _ in range(times):
        names.insert(draw(st.integers(0, len(names))), label)
    return label, tuple(names or ["x"])


def _lines(cell, width):
    return st.lists(st.tuples(*[cell] * width), min_size=1, max_size=6).map(tuple)


def _kept(names, rows, label):
    """A table as it is read: without columns that have neither name nor cell; None if the label is not there once."""
    if names.count(label) != 1:
        return None
    empty = [
        place for place, name in enumerate(names) if not name and all(row[place] in ("", None) for row in rows)
    ]  # fmt: skip
    kept = [place for place in range(len(names)) if place not in empty]
    named = distinct_names([names[place] or f"Unnamed: {place}" for place in kept])
    return named, [tuple(row[place] for place in kept) for row in rows]


def distinct_names(names):
    """Names of which the second, third ... of the same have another, as pandas gives it."""
    found = []
    for name in names:
        number, own = 0, name
        while own in found or (number and own in names):
            number += 1
            own = f"{name}.{number}"
        found.append(own)
    return found

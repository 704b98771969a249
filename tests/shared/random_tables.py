"""The files of random tables, in every form that is read; as JSON lines, Excel and Parquet, and what these hold."""

import bz2
import gzip
import io
import json
import lzma
import zipfile
from datetime import date, datetime, timedelta

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st
from random_cells import (
    Table,
    distinct_names,
    kept_of,
    lines_of,
    moment,
    named,
    real,
    text,
    whole,
)
from random_texts import text_file


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
    return text_file(table)


def _packed(content, form):
    if form == "zip":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("inner.csv", content)
        return buffer.getvalue()
    pack = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}.get(form.rpartition(".")[2])
    return pack(content) if pack else content


# --- JSON


@st.composite
def json_tables(draw):
    """Objects of texts, numbers, lists and objects."""
    label, names = draw(named(unique=True))
    simple = text | whole | real | st.booleans() | st.none() | st.just(10**30)
    cell = simple | st.lists(simple, max_size=3) | st.dictionaries(text, simple, max_size=2)
    rows = draw(lines_of(cell, len(names)))
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
    label, names = draw(named(keep=lambda name: "\r" not in name))
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
    rows = draw(lines_of(simple, len(names)))
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
    return kept_of([name.strip() for name in table.names], rows, table.label)


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
    label, names = draw(named())
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

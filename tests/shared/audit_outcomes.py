"""What became of an audit of a random table: each row with its own cells and a finite score, or one true line."""

import contextlib
import csv
import io
import math
import re
import sys
import tempfile
import warnings
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from random_cells import (
    Table,
)
from random_tables import written
from table_outcomes import Fault

import influence_bench as ib
from influence_bench.bench.cli.main import main
from influence_bench.datasets.tables.cells import shown, texts
from influence_bench.datasets.tables.table_file import read_table


def outcome(drawn):
    """What comes of an audit or a score: `right`, or a line without its particulars.

    Raises:
        Fault: if the outcome is another.
    """
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if drawn.table.form == "frame":
            return _of_frame(drawn)
        file = _file(drawn.table, Path(folder))
        original = file.read_bytes()
        if drawn.command == "score":
            out = Path(folder) / "ranked.csv"
            told = _run("score", "--data", file, "--label", drawn.table.label, "--method", "el2n", "--out", out)
        else:
            out = Path(folder) / "out" / "suspects.csv"
            more = () if drawn.command == "whole" else ("--quick",)
            told = _run("audit", file, "--label", drawn.table.label, *more, "--out", out.parent)
        if told:
            return _refused(drawn, told)
        if file.read_bytes() != original:
            raise Fault("the original file was changed")
        read = read_table(file, drawn.table.label)
        with out.open(encoding="utf-8", newline="") as stream:
            ranked = list(csv.DictReader(stream))
        _check_ranked(drawn, ranked, read)
        return "right" if drawn.command == "score" else _copied(drawn, ranked, read, file, Path(folder))


def _file(table, folder):
    if table.form != "parquet":
        as_texts = table.form.partition(".")[0] in ("csv", "tsv")
        rows = tuple(tuple(_cell(cell, table.form, as_texts) for cell in row) for row in table.rows)
        return written(Table(table.form, table.label, table.names, rows, table.options), folder)
    file = folder / "table.parquet"
    pq.write_table(pa.table({name: _array([row[i] for row in table.rows]) for i, name in enumerate(table.names)}), file)
    return file


def _array(cells):
    try:
        return pa.array(cells)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.array([None if cell is None else float(cell) for cell in cells])


def _cell(cell, form, as_texts):
    if as_texts:
        return "" if cell is None else str(cell)
    if form.startswith("json"):
        if isinstance(cell, float) and not math.isfinite(cell):
            return cell
        cell = cell.decode("latin-1") if isinstance(cell, bytes) else cell
        return str(cell) if isinstance(cell, date | datetime | Decimal) else cell
    if isinstance(cell, float) and not math.isfinite(cell):
        return str(cell)
    if isinstance(cell, Decimal) or (isinstance(cell, int) and abs(cell) > 2**53):
        return str(cell)
    return re.sub(r"[\x00-\x08\x0b-\x1f]", "", cell) if isinstance(cell, str) else cell


def _run(*arguments):
    """Run the command line; the line of a refusal, or the empty text."""
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.object(sys, "argv", ["influence-bench", *map(str, arguments)]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            status = end.code
        except Exception as error:
            raise Fault(f"{type(error).__name__}: {error}") from error
    lines = [line for line in err.getvalue().splitlines() if line.startswith("influence-bench: ")]
    if status == 0:
        return ""
    if status != 2 or len(lines) != 1:
        raise Fault(f"status {status}: {err.getvalue()[-300:]}")
    return lines[0].removeprefix("influence-bench: ")


def _check_ranked(drawn, ranked, read):
    """Each row is there once with a finite score, and with the cells that the file has."""
    rows = [int(line["row"]) for line in ranked]
    if sorted(rows) != list(range(len(drawn.table.rows))):
        raise Fault(f"the rows are {rows}")
    if not np.isfinite([float(line["score"]) for line in ranked]).all():
        raise Fault("scores that are not finite")
    ours = {"rank", "row", "score", "predicted"} if drawn.command == "score" else OURS
    for name in read.columns:
        if name == drawn.table.label and drawn.command != "score":
            continue
        kept = f"{name} (yours)" if name.removesuffix(" (yours)") in ours else name
        kept = f"'{kept}" if kept.startswith(("=", "+", "-", "@", "\t", "\r")) else kept
        cells = shown(read[name])
        for line, row in zip(ranked, rows, strict=True):
            if not _alike(line[kept], cells[row]):
                raise Fault(f"{name!r} in row {row} comes back as {line[kept]!r} and is {cells[row]!r}")
    if drawn.command != "score":
        labels = texts(read[drawn.table.label])
        for line, row in zip(ranked, rows, strict=True):
            if not _alike(line["given"], labels[row]):
                raise Fault(f"row {row} is given {line['given']!r} and has {labels[row]!r}")


OURS = {"rank", "row", "file", "score", "given", "suggested", "probability", "reason"}


def _alike(one, other):
    """Whether two texts are the same cell: letter by letter, the same number or the same moment."""
    if other in (one, one.removeprefix("'")):
        return True
    with contextlib.suppress(ValueError):
        return float(one) == float(other)
    with contextlib.suppress(ValueError):
        return pd.Timestamp(one) == pd.Timestamp(other)
    return False


def _copied(drawn, ranked, read, file, folder):
    """Decide about three rows, and compare the cleaned copy with the original."""
    label = drawn.table.label
    labels = texts(read[label])
    fixed, dropped = int(ranked[0]["row"]), int(ranked[1]["row"])
    other = next(name for name in labels if name != labels[fixed])
    decisions, copy = folder / "decisions.csv", folder / f"cleaned.{drawn.copy}"
    with decisions.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([["row", "decision", "label"], [fixed, "fix", other], [dropped, "drop", ""]])
    told = _run("audit", file, "--label", label, "--apply", decisions, "--out", copy)
    if told:
        if re.search(r"cannot be written as (Excel|Parquet|JSON): .+; give a name that ends in \.csv", told):
            return f"right, but not as {drawn.copy}"
        raise Fault(f"the copy was refused: {told}")
    cleaned, rows = read_table(copy, label), [row for row in range(len(read)) if row != dropped]
    if list(cleaned.columns) != list(read.columns) or len(cleaned) != len(rows):
        raise Fault(f"the copy has {len(cleaned)} rows of {list(cleaned.columns)}, not {len(rows)} of {list(read)}")
    for place, name in enumerate(read.columns):
        before, after = shown(read.iloc[:, place]), shown(cleaned.iloc[:, place])
        for line, row in zip(after, rows, strict=True):
            wanted = other if name == label and row == fixed else before[row]
            wanted, line = (wanted.strip(), line.strip()) if name == label else (wanted, line)
            if not _alike(line, wanted) and not _json_of(line, wanted) and line.lower() != wanted.lower():
                raise Fault(f"the copy has {line!r} in row {row} of {name!r}, which is {wanted!r}")
    return "right"


def _json_of(line, wanted):
    """Whether two texts are the same list, record or span, in JSON and in Python."""
    plain = [re.sub(r"[\"' ]|\\\\|\\n|\n", "", text).replace("None", "null") for text in (line, wanted)]
    return plain[0] == plain[1]


def _of_frame(drawn):
    table = drawn.table
    frame = pd.DataFrame({name: [row[i] for row in table.rows] for i, name in enumerate(table.names)})
    if table.options["index"]:
        frame.index = ["r"] * len(frame) if table.options["index"] == "twice" else [f"r{i}" for i in range(len(frame))]
    if table.options["array"]:
        frame = frame.convert_dtypes()
    if table.options["all"]:
        words = [name for name in frame if frame[name].map(type).isin([str]).all()]
        frame = frame.astype(dict.fromkeys(words, "category"))
    before = frame.copy()
    with contextlib.redirect_stderr(io.StringIO()):
        try:
            ranked = ib.audit(frame, table.label, quick=drawn.command != "whole").suspects
        except ib.InputError as error:
            return _refused(drawn, " ".join(str(error).split()))
        except Exception as error:
            raise Fault(f"{type(error).__name__}: {error}") from error
    pd.testing.assert_frame_equal(frame, before)
    if sorted(ranked["row"]) != list(range(len(frame))) or not np.isfinite(ranked["score"]).all():
        raise Fault("rows or scores are lacking")
    for name in frame.columns.drop(table.label):
        kept = f"{name} (yours)" if name.removesuffix(" (yours)") in OURS else name
        if shown(ranked[kept]) != [shown(frame[name])[row] for row in ranked["row"]]:
            raise Fault(f"{name!r} comes back changed")
    given = [texts(frame[table.label])[row] for row in ranked["row"]]
    if not all(map(_alike, texts(ranked["given"]), given)):
        raise Fault("given labels are those of other rows")
    return "right, a frame"


def _distinct(drawn):
    labels = [str(cell).strip() for cell in drawn.column(drawn.table.label) if cell is not None]
    return len({re.sub(r"\.0*$", "", label) for label in labels})


REFUSALS = {
    r"has \d+ rows; at least 10": lambda d: len(d.table.rows) < 10,
    r"holds one class only": lambda d: _distinct(d) < 2,
    r"is it the label\?": lambda d: _distinct(d) > len(d.table.rows) / 2,
    r"is empty in row": lambda d: d.labels == "lacking" or None in d.column(d.table.label),
    r"a number and not a class": lambda d: d.labels == "measures",
    r"no column besides the label": lambda d: True,
    r"give all its numbers the same unit": lambda d: bool({"money", "any", "digits"} & set(d.kinds)),
    r"writes numbers in two ways": lambda d: bool({"any", "money"} & set(d.kinds)),
}
"""Lines, and the tables for which they are true."""


def _refused(drawn, line):
    for pattern, is_true in REFUSALS.items():
        if re.search(pattern, line):
            if not is_true(drawn):
                raise Fault(f"an untrue line: {line}")
            return f"refused: {pattern}"
    raise Fault(f"refused: {line}")

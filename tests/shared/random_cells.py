"""Tables of known cells, and what readers take for something else."""

import math
from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal

import pandas as pd
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


@st.composite
def named(draw, unique=False, keep=lambda name: True):
    """The label, and the names of all columns with the label among them, seldom lacking or twice."""
    label = draw(st.sampled_from(LABELS))
    others = st.sampled_from([name for name in NAMES if name.strip() != label and keep(name)])
    names = draw(st.lists(others, max_size=4, unique=unique))
    times = 1 if unique else draw(st.sampled_from([1] * 18 + [0, 2]))
    for _ in range(times):
        names.insert(draw(st.integers(0, len(names))), label)
    return label, tuple(names or ["x"])


def lines_of(cell, width):
    return st.lists(st.tuples(*[cell] * width), min_size=1, max_size=6).map(tuple)


def kept_of(names, rows, label):
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

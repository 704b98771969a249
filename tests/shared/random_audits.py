"""Random tables of few rows to audit."""

from dataclasses import dataclass
from datetime import date, datetime

from hypothesis import strategies as st
from random_cells import NAMES, Table, text

MEASURES = {
    "whole": st.integers(-1000, 1000),
    "huge": st.sampled_from([2**63, 2**64 - 1, -1, 5, 9007199254740993]),
    "real": st.floats(-1e6, 1e6) | st.sampled_from([1e300, -1e300, 5e-324]),
    "infinite": st.sampled_from([1.5, float("inf"), -2.0]),
    "truth": st.booleans(),
    "day": st.dates(date(1901, 1, 1), date(2200, 1, 1)),
    "moment": st.datetimes(datetime(1902, 1, 1), datetime(2200, 1, 1)).map(lambda t: t.replace(microsecond=0)),
    "amount": st.decimals(-1000, 1000, places=2),
    "words": st.sampled_from(["red", "green", "NA", "=1+1", "a, b", " c ", "?", "-", "a\nb"]),
    "any": text,
    "digits": st.sampled_from(["007", "1.10", "12", "5", "-3", "", "NA"]),
    "money": st.sampled_from(["$1,234.50", "$3", "$-7", "(5)", ""]),
    "commas": st.sampled_from(["1.234,5", "7,25", "-3,1", "10"]),
    "dates": st.sampled_from(["2024-01-05", "1999-12-31", "0001-01-01", "9999-12-31", ""]),
    "German": st.sampled_from(["05.01.2024", "31.12.1999", "?"]),
    "zones": st.sampled_from(["2024-01-05T10:00:00+02:00", "2024-07-05T10:00:00+03:00"]),
    "list": st.lists(st.integers(0, 3), max_size=3),
    "record": st.fixed_dictionaries({"a": st.integers(0, 3), "b": text}),
    "bytes": st.binary(max_size=2),
    "constant": st.just(7),
    "nothing": st.none(),
}
"""Kinds of columns, and the cells of each."""
ONLY_TYPED = {"list", "record", "bytes"}
"""Kinds that spreadsheets do not hold."""
FORMS = ("csv", "tsv", "csv.gz", "jsonl", "json", "xlsx", "parquet", "parquet", "frame", "frame")
LABELS = {
    "words": (
        ["cat", "dog"],
        ["a", "b", "c"],
        ["NA", "None"],
        ["?", "nan"],
        ["=1+1", "-x"],
        ["x, y", 'q"z'],
        [" a", "b "],
    ),
    "numbers": ([0, 1], [1, 2, 3], [10, 2], [-1, 1], [2**63, 1]),
    "wholes": ([0.0, 1.0], [1.0, 2.0, 3.0]),
    "truths": ([True, False],),
    "days": ([date(2024, 1, 5), date(2024, 1, 6)],),
    "one": (["a"], [1]),
    "measures": ([0.5, 1.5], [0.25, 3.0, 1.0]),
    "spaced": (["a", "a ", "b"], ["1", "1.0", "2"]),
    "lacking": (["a", "b", None], [1, 2, None]),
}
"""Kinds of labels, and the values of each."""


@dataclass(frozen=True)
class Drawn:
    """A table, what becomes of it, and how it is handed over."""

    table: Table
    kinds: tuple
    labels: str
    command: str
    copy: str

    def column(self, name):
        """The written cells of a column."""
        return [row[self.table.names.index(name)] for row in self.table.rows]


@st.composite
def audits(draw):
    """Tables of few rows, mostly such that an audit succeeds."""
    form = draw(st.sampled_from(FORMS))
    n = draw(st.sampled_from([3, 10, 11, 12, 12, 16, 24, 50]))
    typed = form in ("parquet", "frame") or form.startswith("json")
    known = sorted(set(MEASURES) - (set() if typed else ONLY_TYPED))
    kinds = draw(st.lists(st.sampled_from(known), min_size=0 if draw(st.integers(0, 9)) == 0 else 1, max_size=4))
    columns = [draw(_column(kind, n)) for kind in kinds]
    labels = draw(st.sampled_from(["words"] * 6 + sorted(LABELS)))
    values = draw(st.sampled_from(LABELS[labels]))
    rare = draw(st.integers(0, 5)) == 0
    given = [values[0]] * (n - 1) + [values[-1]] if rare else (list(values) * n)[:n]
    given = draw(st.permutations(given))
    label = draw(st.sampled_from(["kind", "score", "given", "row"]))
    names = draw(
        st.lists(
            st.sampled_from([n for n in NAMES if n not in ("", label) and n == n.strip()]),
            min_size=len(kinds), max_size=len(kinds), unique=True,
        )
    )  # fmt: skip
    place = draw(st.integers(0, len(kinds)))
    columns.insert(place, given)
    names.insert(place, label)
    options = {
        "separator": draw(st.sampled_from(",;\t|")), "all": draw(st.booleans()), "end": "\n", "at": 0,
        "encoding": draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])), "oddity": None, "ascii": False,
        "array": draw(st.booleans()), "indent": None, "sparse": draw(st.booleans()), "blank row": False,
        "other sheet": None, "formula": None, "index": draw(st.sampled_from([None, "words", "twice"])),
    }  # fmt: skip
    table = Table(form, label, tuple(names), tuple(zip(*columns, strict=True)), options)
    command = draw(st.sampled_from(["audit", "audit", "audit", "score", "score", "whole"]))
    copy = draw(st.sampled_from(["csv", "tsv", "jsonl", "parquet", "xlsx"]))
    kinds.insert(place, f"label: {labels}")
    return Drawn(table, tuple(kinds), labels, command, copy)


@st.composite
def _column(draw, kind, n):
    cell = MEASURES[kind]
    if draw(st.booleans()):
        cell = st.one_of(cell, cell, cell, st.none())
    return draw(st.lists(cell, min_size=n, max_size=n))

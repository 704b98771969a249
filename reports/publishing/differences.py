"""How a published file differs from the same file made anew: a line for each difference, none if there is none."""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from io import StringIO
from itertools import zip_longest
from math import isclose
from typing import Any

KEYS = ("problem", "budget", "method", "removal")  # the columns that name a row, of those that a table has
NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?"
NAMED = r'(?:id="|url\(#|href="#)[^")]*'  # names inside a picture, which are digests of its figures
SHIFT = 0.05  # points by which a mark may lie elsewhere in a picture of another machine
WORDS = re.compile(r">\s*([^<>\s][^<>]*)<")  # the text between the marks of a picture
PADDING = re.compile(r" {2,}|-{4,}")


def table_differences(published: str, anew: str) -> Iterator[str]:
    """Differences of CSV, by row and column; a number may differ by 1e-9 of itself."""
    (names, *rows), (names_anew, *rows_anew) = _lines(published), _lines(anew)
    if names != names_anew:
        yield f"published the columns {', '.join(names)}; anew {', '.join(names_anew)}"
        return
    labels, labels_anew = _labels(names, rows), _labels(names, rows_anew)
    counts, counts_anew = Counter(labels), Counter(labels_anew)
    for label in counts | counts_anew:
        if counts[label] != counts_anew[label]:
            yield f"row {label}: published {counts[label]} times, anew {counts_anew[label]} times"
    if counts == counts_anew and labels != labels_anew:
        yield f"published the rows in the order {', '.join(labels)}; anew {', '.join(labels_anew)}"
    by_label = dict(zip(labels_anew, rows_anew, strict=True))
    for label, row in zip(labels, rows, strict=True):
        for name, field, right in zip_longest(names, row, by_label.get(label, row), fillvalue=""):
            if not _same(field, right):
                yield f"row {label}, column {name}: published {field}, anew {right}"


def text_differences(published: str, anew: str) -> Iterator[str]:
    """Differences of Markdown, by line and in tables by cell; the width of a table's columns does not count."""
    lines, lines_anew = ([PADDING.sub(_shortest, line) for line in text.split("\n")] for text in (published, anew))
    for change, start, end, start_anew, end_anew in SequenceMatcher(None, lines, lines_anew, False).get_opcodes():
        pairs = zip_longest(lines[start:end], lines_anew[start_anew:end_anew], fillvalue="")
        for number, pair in enumerate(pairs if change != "equal" else [], start + 1):
            cells, cells_anew = (line.strip("| ").split(" | ") for line in pair)
            if len(cells) == len(cells_anew) > 1:
                row = " | ".join(cells_anew[:2])
                for cell, right in zip(cells, cells_anew, strict=True):
                    if cell != right:
                        yield f"line {number}, row {row}: published {cell!r}, anew {right!r}"
            else:
                yield f"line {number}: published {pair[0]!r}, anew {pair[1]!r}"


def record_differences(published: Mapping[str, Any], anew: Mapping[str, Any]) -> Iterator[str]:
    """Differences of a record as plain values, by field."""
    fields, fields_anew = dict(_fields(published)), dict(_fields(anew))
    for name in fields | fields_anew:
        if fields.get(name) != fields_anew.get(name):
            yield f"field {name}: published {fields.get(name)!r}, anew {fields_anew.get(name)!r}"


def picture_differences(published: str, anew: str) -> Iterator[str]:
    """Whether a picture is another one, which is a difference; a mark, but no word or figure, may differ by `SHIFT`."""
    (texts, places), (texts_anew, places_anew) = (_marks(svg) for svg in (published, anew))
    is_worded_alike = WORDS.findall(published) == WORDS.findall(anew)
    if (
        not is_worded_alike
        or texts != texts_anew
        or any(abs(a - b) > SHIFT for a, b in zip(places, places_anew, strict=True))
    ):
        yield "published another picture than the cells give"


def _lines(text: str) -> list[list[str]]:
    return list(csv.reader(StringIO(text))) or [[]]


def _labels(names: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """What names each row: its fields of `KEYS`."""
    return [" · ".join(field for name, field in zip(names, row, strict=False) if name in KEYS) for row in rows]


def _same(field: str, right: str) -> bool:
    if field == right:
        return True
    try:
        return isclose(float(field), float(right), rel_tol=1e-9, abs_tol=1e-12)
    except ValueError:
        return False


def _shortest(padding: re.Match[str]) -> str:
    return " " if padding[0][0] == " " else "---"


def _fields(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """The values that a record holds at any depth, each with its place."""
    named = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else []
    inner = [(f"{name}.{key}" if name else str(key), content) for key, content in named]
    for place, content in inner:
        yield from _fields(content, place)
    if not inner:
        yield name, value


def _marks(svg: str) -> tuple[list[str], list[float]]:
    """The text of a picture without its names and numbers, and its numbers."""
    text = re.sub(NAMED, "", svg)
    return re.split(NUMBER, text), [float(number) for number in re.findall(NUMBER, text)]

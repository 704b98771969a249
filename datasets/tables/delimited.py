"""Text with a separator between cells, such as CSV and TSV: its encoding, its separator and its cells."""

import codecs
import csv
import io
import re
from itertools import islice
from typing import Any

from ...bench.errors import InputError

SEPARATORS = (",", ";", "\t", "|")
TRIED = 100
"""How many lines the separator is chosen by."""
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16",
}  # fmt: skip
_SPACE_AND_QUOTE = re.compile(' +"')
Lines = list[list[str]]


def decoded(content: bytes, source: str) -> str:
    """Bytes as text: UTF-8, or what the mark at their beginning says, which may be UTF-16 and UTF-32.

    Raises:
        InputError: if they are something else.
    """
    encoding = next((name for mark, name in _MARKS.items() if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError(
            f"{source} cannot be read as text: line {line} is not {encoding.removesuffix('-sig').upper()}; save it as"
            " UTF-8, which spreadsheets call CSV UTF-8"
        ) from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise InputError(f"{source} cannot be read as text: line {line} holds a NUL character; save it as CSV in UTF-8")
    return text


def cells_of(text: str, label: str, source: str) -> tuple[list[str], Lines]:
    """The names in the first line and the cells of every other line that has any, all of the same length.

    The separator is the one among comma, semicolon, tab and bar that splits the first lines evenly, with the label
    among the names. Cells beyond the names are dropped if they are empty, as commas at the end of each line leave them.
    If each line has one cell more than there are names, its first cell is a row name, as R writes it: an empty name is
    put before the others. Where spaces come before quotation marks, as in `1, "a, b"`, no cell keeps spaces before it.

    Args:
        text: the text.
        label: name of the label column.
        source: the file, for errors.

    Raises:
        InputError: if quotation marks do not match, or names the first line of another length.
    """
    said = re.match(r"sep=(.)\r?\n", text)  # as Excel writes it
    separators = (said[1],) if said else SEPARATORS
    text = text[said.end() :] if said else text
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    separator = max(separators, key=lambda separator: _fit(text, separator, label))
    reader = _reader(text, separator, _spaces_come_before_quotes(text, separator), strict=True)
    lines, numbers = [], []
    try:
        for line in reader:
            if any(line):
                lines.append(line)
                numbers.append(reader.line_num + bool(said))
    except csv.Error as error:
        raise InputError(f"{source} cannot be read as CSV: line {reader.line_num}: {error}") from error
    if not lines:
        raise InputError(f"{source} cannot be read as CSV: it is empty")
    names, rows = lines[0], lines[1:]
    if rows and all(len(row) == len(names) + 1 for row in rows) and any(row[-1] for row in rows):
        names = ["", *names]
    width = len(names)
    for row, number in zip(rows, numbers[1:], strict=True):
        if len(row) > width and not any(row[width:]):
            del row[width:]
        if len(row) != width:
            raise InputError(
                f"{source} cannot be read as CSV: line {number} has {len(row)} cells and the first line {width} names"
            )
    return names, rows


def _reader(text: str, separator: str, skips_spaces: bool, strict: bool = False) -> Any:
    return csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=skips_spaces, strict=strict)


def _spaces_come_before_quotes(text: str, separator: str) -> bool:
    """Whether quotation marks stand around some cells only if the spaces before them are left out."""
    if not re.search(rf'(?:^|[{re.escape(separator)}\r\n]) +"', text):
        return False
    kept, left_out = (
        sum(bool(_SPACE_AND_QUOTE.match(cell)) for line in _reader(text, separator, skips) for cell in line)
        for skips in (False, True)
    )
    return kept > left_out


def _fit(text: str, separator: str, label: str) -> tuple[bool, float, int]:
    """How well a separator fits: whether the label is a name, the share of even lines, and how many names there are."""
    reader = _reader(text, separator, _spaces_come_before_quotes(text, separator))
    try:
        lines = [line for line in islice(reader, TRIED) if line]
    except csv.Error:
        return False, 0.0, 0
    if not lines:
        return False, 0.0, 0
    names, rows = [name.strip() for name in lines[0]], lines[1:]
    even = sum(len(row) - len(names) in (0, 1) for row in rows) / max(len(rows), 1)
    return label in names, even, len(names)

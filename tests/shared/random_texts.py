"""Random tables as CSV and its relatives, and what such a file holds."""

import io

from hypothesis import strategies as st
from random_cells import ANY, TEXT_FORMS, Table, kept_of, lines_of, named, text


@st.composite
def text_tables(draw):
    """Tables of texts as CSV and its relatives."""
    label, names = draw(named().filter(lambda named: len(named[1]) > 1))  # one column has no separator
    rows = draw(lines_of(text, len(names)))
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


def text_file(table):
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
    content = text_file(table)
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
    return kept_of(names, [row for row in rows if any(row)], table.label)


def _is_utf8(content):
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True

"""Markdown of text from runs: nothing in it is markup."""

import pandas as pd

from influence_bench.reports.markdown import escaped, literal, table


def test_escaped_text_neither_ends_a_cell_nor_marks_anything_up() -> None:
    assert escaped("a|b *c* `d` <e> & f\ng") == "a\\|b \\*c\\* \\`d\\` &lt;e> &amp; f g"


def test_code_is_as_it_was_but_for_backticks() -> None:
    assert literal("run 'a|b' `c`") == "`run 'a|b'  c `"


def test_a_table_escapes_headings_and_cells() -> None:
    head, _, row = table(pd.DataFrame({"a|b": ["c|d"], "n": [1.5]})).splitlines()
    assert "a\\|b" in head
    assert "c\\|d" in row
    assert "1.5" in row

"""Decisions about suspects: read strictly, and applied to a table without touching anything else."""

import pandas as pd
import pytest
from data_files import complaint
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from influence_bench.bench.audit.decisions import Decisions, applied, read_decisions
from influence_bench.bench.errors import InputError

CLASSES = ["cat", "dog", 'a "wild", cat']
HEAD = "row,decision,label\n"
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "decisions.csv"


def page_cell(text):
    """A cell as the page writes it: quoted where it holds a quote, a comma or an end of line."""
    return '"' + text.replace('"', '""') + '"' if set(text) & set('",\r\n') else text


def decisions(**given_):
    return Decisions(**{"file": None, "kept": [], "fixed": {}, "dropped": []} | given_)


def test_decisions_are_read_by_row(file):
    file.write_text(HEAD + '3,keep,\n0,fix,"a ""wild"", cat"\n9,drop,\n')
    assert read_decisions(file, 10, CLASSES) == Decisions(file, [3], {0: 'a "wild", cat'}, [9])


def test_what_a_spreadsheet_saves_again_is_read(file):
    file.write_bytes("label,row,decision\r\ndog,1,fix\r\n,2,drop\r\n\r\n".encode("utf-8-sig"))
    assert read_decisions(file, 10, CLASSES) == Decisions(file, [], {1: "dog"}, [2])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(chosen=st.dictionaries(st.integers(0, 99), st.tuples(st.sampled_from(["keep", "fix", "drop"]), TEXT)))
def test_what_the_page_writes_is_read_back(file, chosen):
    lines = [
        f"{row},{choice},{page_cell(label) if choice == 'fix' else ''}\n" for row, (choice, label) in chosen.items()
    ]
    file.write_bytes((HEAD + "".join(lines)).encode())
    read = read_decisions(file, 100, [label for _, label in chosen.values()])
    of = {choice: [row for row in chosen if chosen[row][0] == choice] for choice in ("keep", "fix", "drop")}
    assert (read.kept, read.dropped) == (of["keep"], of["drop"])
    assert read.fixed == {row: chosen[row][1] for row in of["fix"]}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("", "line 1: there is no column 'row'; begin with row,decision,label"),
        ("row,decision\n", "line 1: there is no column 'label'"),
        (HEAD + "1,mend,dog\n", "line 2: 'mend' is no decision; write keep, fix or drop"),
        (HEAD + "1,keep,\n10,drop,\n", "line 3: the data have no row '10'; their rows are 0 to 9"),
        (HEAD + "-1,drop,\n", "line 2: the data have no row '-1'"),
        (HEAD + "1.0,drop,\n", "line 2: the data have no row '1.0'"),
        (HEAD + f"{'9' * 5000},drop,\n", "line 2: the data have no row"),
        (HEAD + "1,keep,\n2,keep,\n1,drop,\n", "line 4: row 1 is in line 2 already; remove one of the two lines"),
        (HEAD + "1,fix,bird\n", "line 2: 'bird' is no label of the data; take one of 'cat', 'dog'"),
        (HEAD + "1,fix,\n", "line 2: '' is no label of the data"),
        (HEAD + "1,fix,a,b\n", "line 2: 4 cells, but 3 columns; put quotes around a label"),
        (HEAD + '1,fix,"dog\n', "cannot be read"),
        (HEAD.encode("utf-16"), "cannot be read"),
        (None, "cannot be read"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_with_its_mend(file, lines, said):
    if lines is not None:
        file.write_bytes(lines if isinstance(lines, bytes) else lines.encode())
    message = complaint(read_decisions, file, 10, CLASSES)
    assert message.startswith(str(file))
    assert said in message


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([1, 2, 3, 1], dtype="int8"),
        pd.Series([1.0, 2.0, 3.0, 1.0]),
        pd.Series(["1", "2", "3", "1"], dtype=object),
        pd.Series(["1", "2", "3", "1"], dtype="string"),
        pd.Series(["1", "2", "3", "1"], dtype="category"),
        pd.Series([True, False, False, True]),
    ],
    ids=lambda column: str(column.dtype),
)
def test_a_fixed_label_takes_the_form_of_the_column(column):
    table = pd.DataFrame({"before": ["a", None, "NA", "d"], "label": column, "x": [0.1, 0.25, float("nan"), -0.0]})
    names = [str(cell) for cell in column]
    cleaned = applied(table, "label", decisions(kept=[3], fixed={0: names[1]}, dropped=[2]))
    expected = table.copy()
    expected["label"] = pd.Series([column[1], *column[1:]], dtype=column.dtype)
    pd.testing.assert_frame_equal(cleaned, expected.loc[[0, 1, 3]])


def test_a_label_with_spaces_around_it_is_the_label_that_the_page_shows():
    table = pd.DataFrame({"label": [" cat", "dog ", " cat"]})
    assert applied(table, "label", decisions(fixed={0: "dog"}))["label"].tolist() == ["dog ", "dog ", " cat"]


def test_the_table_that_is_given_stays_as_it_is():
    table = pd.DataFrame({"x": [1, 2, 3], "label": ["a", "b", "a"]})
    before = table.copy()
    applied(table, "label", decisions(fixed={0: "b"}, dropped=[1]))
    pd.testing.assert_frame_equal(table, before)


def test_no_decision_changes_nothing():
    table = pd.DataFrame({"x": [1, 2, 3], "label": ["a", "b", "a"]})
    pd.testing.assert_frame_equal(applied(table, "label", decisions(kept=[0, 1])), table)


def test_rows_are_counted_and_not_looked_up_in_the_index():
    table = pd.DataFrame({"x": [1, 2, 3], "label": ["a", "b", "a"]}, index=[7, 7, 0])
    cleaned = applied(table, "label", decisions(fixed={2: "b"}, dropped=[0]))
    assert cleaned.to_dict("list") == {"x": [2, 3], "label": ["b", "b"]}


def test_a_label_that_no_cell_holds_is_an_error(file):
    with pytest.raises(InputError, match=r"row 0 is to be 'c', which no cell of the column 'label' is; give a label"):
        applied(pd.DataFrame({"label": ["a", "b"]}), "label", decisions(file=file, fixed={0: "c"}))

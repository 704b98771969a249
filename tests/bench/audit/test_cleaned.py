"""A cleaned copy holds the cells of the original in every form, or is refused in one line."""

import openpyxl
import pandas as pd
import pytest
from data_files import complaint

from influence_bench.bench.audit.cleaned import write_cleaned
from influence_bench.datasets.tables.table_file import read_table

TABLE = pd.DataFrame(
    {
        "text": ["=1+1", "a\rb", 'a\n"b"', " c ", ""],
        "number": [0.1234567890123456, 1e-30, 12345678.123456789, -0.5, 2.5],
        "whole": pd.array([2**60, None, 1, 2, 3], "Int64"),
        "kind": [" cat", "dog", " cat", "dog", "dog"],
    }
)


@pytest.fixture
def data(tmp_path):
    """A table in a file, and decisions: row 1 becomes a cat, row 3 is dropped."""
    TABLE.to_parquet(tmp_path / "data.parquet")
    (tmp_path / "decisions.csv").write_text("row,decision,label\n1,fix,cat\n3,drop,\n")
    return tmp_path / "data.parquet"


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet", "xlsx"])
def test_other_cells_stay_as_they_are(data, tmp_path, ending):
    copy = tmp_path / f"clean.{ending}"
    assert write_cleaned(data, "kind", tmp_path / "decisions.csv", copy) == (4, 5)
    read, rows = read_table(copy, "kind"), [0, 1, 2, 4]
    assert list(read["kind"]) == [" cat", " cat", " cat", "dog"]
    assert list(read["number"].astype(float)) == pytest.approx(TABLE["number"][rows].tolist(), rel=1e-15)
    assert [str(cell) for cell in read["whole"][[0, 2, 3]]] == [str(2**60), "1", "3"]
    texts = list(read["text"].fillna(""))
    assert texts == ["=1+1", "a\nb" if ending == "xlsx" else "a\rb", 'a\n"b"', ""]  # XML has one end of line


@pytest.mark.parametrize("ending", ["csv", "tsv", "xlsx"])
def test_a_list_is_written_with_all_its_numbers(tmp_path, ending):
    numbers = list(range(2000))
    pd.DataFrame({"list": [numbers, [1, 2], None], "kind": ["a", "b", "a"]}).to_parquet(tmp_path / "data.parquet")
    (tmp_path / "decisions.csv").write_text("row,decision,label\n1,keep,\n")
    copy = tmp_path / f"clean.{ending}"
    write_cleaned(tmp_path / "data.parquet", "kind", tmp_path / "decisions.csv", copy)
    assert list(read_table(copy, "kind")["list"].fillna("")) == [str(numbers), "[1, 2]", ""]


def test_a_text_that_begins_as_a_formula_does_stays_a_text_in_a_workbook(data, tmp_path):
    write_cleaned(data, "kind", tmp_path / "decisions.csv", tmp_path / "clean.xlsx")
    assert openpyxl.load_workbook(tmp_path / "clean.xlsx").active["A2"].data_type == "s"


def test_what_a_form_cannot_hold_is_one_line(tmp_path):
    days = pd.date_range("2024-01-01", periods=3, tz="Europe/Paris")
    pd.DataFrame({"day": days, "kind": ["a", "b", "a"]}).to_parquet(tmp_path / "data.parquet")
    (tmp_path / "decisions.csv").write_text("row,decision,label\n1,drop,\n")
    line = complaint(
        write_cleaned, tmp_path / "data.parquet", "kind", tmp_path / "decisions.csv", tmp_path / "clean.xlsx"
    )
    assert "cannot be written as Excel" in line
    assert line.endswith("give a name that ends in .csv")
    assert not (tmp_path / "clean.xlsx").exists()

"""Ranked rows as CSV: nothing in them runs in a spreadsheet, and nothing else changes."""

import csv

import numpy as np
import pandas as pd
import pytest

from influence_bench.bench.audit.spreadsheet import write_suspects


def written(frame, folder):
    """The cells of the file, its header first."""
    write_suspects(frame, folder / "suspects.csv")
    with (folder / "suspects.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream))


@pytest.mark.parametrize(
    "cell", ["=1+1", "+cmd|' /C calc'!A0", "-x", "@SUM(A1)", "\tx", "\r=1", '=HYPERLINK("a,b")', "-"]
)
def test_a_text_that_a_spreadsheet_might_run_gets_an_apostrophe(tmp_path, cell):
    frame = pd.DataFrame({cell: [cell, "fine"], "x": [1, 2]})
    assert written(frame, tmp_path) == [[f"'{cell}", "x"], [f"'{cell}", "1"], ["fine", "2"]]
    assert list(frame.columns) == [cell, "x"]


@pytest.mark.parametrize("cell", ["-1.5", "+3", "-1e-5", "a=b", "", " =", "a\rb\nc", "né"])
def test_other_texts_stay_as_they_are(tmp_path, cell):
    assert written(pd.DataFrame({"x": [cell, "y"]}), tmp_path)[1] == ([cell] if cell else [""])


def test_bytes_and_arrays_are_written_whole(tmp_path):
    long = np.arange(2000)
    frame = pd.DataFrame({"b": [b"=1+1", b"\xff"], "l": [long, long]})
    assert written(frame, tmp_path)[1:] == [["'=1+1", str(long.tolist())], [r"b'\xff'", str(long.tolist())]]


def test_numbers_stay_numbers_and_gaps_stay_gaps(tmp_path):
    frame = pd.DataFrame(
        {
            "i": [-1, 2],
            "f": [-0.5, float("nan")],
            "c": pd.Series(["-x", None], dtype="category"),
            "o": pd.Series([-3, "=b"], dtype=object),
        }
    )
    assert written(frame, tmp_path)[1:] == [["-1", "-0.5", "'-x", "-3"], ["2", "", "", "'=b"]]


def test_columns_of_the_same_name_both_stay(tmp_path):
    assert written(pd.DataFrame([["=a", 1]], columns=["x", "x"]), tmp_path) == [["x", "x"], ["'=a", "1"]]


def test_a_frame_without_rows_has_its_header(tmp_path):
    assert written(pd.DataFrame({"=a": []}), tmp_path) == [["'=a"]]


def test_a_failure_leaves_the_old_file(tmp_path, monkeypatch):
    write_suspects(pd.DataFrame({"x": ["old"]}), tmp_path / "suspects.csv")

    def full(*_):
        raise OSError("no space")

    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(OSError, match="no space"):
        write_suspects(pd.DataFrame({"x": ["new"]}), tmp_path / "suspects.csv")
    assert (tmp_path / "suspects.csv").read_text() == "x\nold\n"
    assert [file.name for file in tmp_path.iterdir()] == ["suspects.csv"]

"""Table files are read by their real endings, cell for cell, or refused in one line."""

import bz2
import csv
import gzip
import io
import json
import lzma
import zipfile

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from data_files import complaint
from hypothesis import given
from hypothesis import strategies as st

import influence_bench as ib
from influence_bench.bench.errors import Note
from influence_bench.datasets.tables.table_file import form_of, read_table

CELLS = pd.DataFrame(
    {
        "code": ["007", "1.10", "NA", "None", "2024-01-05", "a\nb", 'say "hi"', " x, y; z ", "", "é"],
        "number": ["1", "2.50", "", "?", "-0", "1e5", "0.1", "1,5", "9007199254740993", "n/a"],
        "kind": ["a", "b"] * 5,
    }
)


def text(**options):
    return CELLS.to_csv(index=False, **options)


def zipped(*names):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, text())
    return buffer.getvalue()


def zstandard(content):
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return sink.getvalue().to_pybytes()


LINES = "\n".join(json.dumps(row, ensure_ascii=False) for row in CELLS.to_dict("records"))
FILES = {
    "my.data.csv": text().encode(),
    "A.CSV": text().encode(),
    "mark.csv": text().encode("utf-8-sig"),
    "wide.csv": text().encode("utf-16"),
    "wider.csv": text().encode("utf-32"),
    "semicolons.csv": text(sep=";").encode(),
    "tabs.txt": text(sep="\t").encode(),
    "v1.2.TSV": text(sep="\t").encode(),
    "bars.csv": text(sep="|").encode(),
    "said.csv": b"sep=;\r\n" + text(sep=";").encode(),
    "windows.csv": text(lineterminator="\r\n").encode(),
    "mac.csv": text(lineterminator="\r", quoting=csv.QUOTE_ALL).encode(),
    "blank lines.csv": text().replace("007", "007", 1).replace("\n007", "\n\n007").encode() + b"\n,,\n",
    "commas.csv": text().replace(",a\n", ",a,\n").replace(",b\n", ",b,\n").encode(),
    "spaces.csv": text().replace("code,number,kind", "code , number, kind").encode(),
    "x.csv.gz": gzip.compress(text().encode()),
    "x.csv.bz2": bz2.compress(text().encode()),
    "x.tsv.XZ": lzma.compress(text(sep="\t").encode()),
    "x.csv.zst": zstandard(text().encode()),
    "x.zip": zipped("__MACOSX/in.csv", "in.csv"),
    "lines.jsonl": LINES.encode(),
    "array.json": f"[{','.join(LINES.splitlines())}]".encode(),
    "lines.json.gz": gzip.compress(LINES.encode()),
}


@pytest.mark.parametrize("name", FILES)
def test_the_cells_are_those_of_the_file_whatever_its_form(tmp_path, name):
    (tmp_path / name).write_bytes(FILES[name])
    pd.testing.assert_frame_equal(read_table(tmp_path / name, "kind"), CELLS, check_dtype=False)


@pytest.mark.parametrize("name", ["2024.01.31.parquet", "Iris.PQ", "a.xlsx"])
def test_typed_cells_stay_as_they_are(tmp_path, name):
    typed = pd.DataFrame({"n": pd.array([1, None] * 5, "Int64"), "x": [1.5, 2.0] * 5, "kind": ["NA", "b"] * 5})
    typed.to_excel(tmp_path / name, index=False) if name.endswith("xlsx") else typed.to_parquet(tmp_path / name)
    read = read_table(tmp_path / name, "kind")
    assert list(read.columns) == ["n", "x", "kind"]
    assert list(read["n"][::2]) == [1] * 5
    assert read["n"][1::2].isna().all()
    assert list(read["x"]) == [1.5, 2.0] * 5
    assert list(read["kind"]) == ["NA", "b"] * 5


def test_json_keeps_digits_and_words(tmp_path):
    file = tmp_path / "a.jsonl"
    file.write_text('{"a": 1.10, "b": true, "kind": "x"}\n\n{"a": 1e5, "kind": "y", "c": [1.10, {"é": null}]}\n')
    assert read_table(file, "kind").to_dict("list") == {
        "a": ["1.10", "1e5"], "b": ["true", ""], "kind": ["x", "y"], "c": ["", '[1.10, {"é": null}]'],
    }  # fmt: skip


def test_ends_of_lines_inside_texts_of_json_do_not_end_an_object(tmp_path):
    (tmp_path / "a.jsonl").write_text(
        '{"a": "1\u20282\x853", "kind": "x"}\r\n{"a": "", "kind": "y"}', "utf-8", newline=""
    )
    assert read_table(tmp_path / "a.jsonl", "kind")["a"].tolist() == ["1\u20282\x853", ""]


def test_a_space_before_quotation_marks_does_not_undo_them(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text('x, "name", kind\n1, "Doe, J.", a\n2, " b", c\n')
    assert read_table(file, "kind").to_dict("list") == {"x": ["1", "2"], "name": ["Doe, J.", " b"], "kind": ["a", "c"]}
    file.write_text('x,kind\n" ""a""", b\n')
    assert read_table(file, "kind").to_dict("list") == {"x": [' "a"'], "kind": [" b"]}


def test_columns_of_parquet_have_their_own_types_whatever_pandas_noted(tmp_path):
    table = pa.table({"kind": ["a", None], "l": [["x"], None], "b": [b"\xc3\xa9", b"b"], "n": [2**60, None]})
    table.to_pandas(types_mapper=pd.ArrowDtype).to_parquet(tmp_path / "a.parquet")
    read = read_table(tmp_path / "a.parquet", "kind")
    assert list(read["l"][0]) == ["x"]
    assert list(read["b"]) == ["é", "b"]
    assert read["n"][0] == 2**60
    assert read["n"].isna().tolist() == read["kind"].isna().tolist() == [False, True]


def test_columns_of_parquet_of_the_same_name_are_told_apart(tmp_path):
    pq.write_table(pa.table([[1], [2], ["a"]], names=["x", "x", "kind"]), tmp_path / "a.parquet")
    assert list(read_table(tmp_path / "a.parquet", "kind").columns) == ["x", "x.1", "kind"]
    assert "has 2 columns named 'x'" in complaint(read_table, tmp_path / "a.parquet", "x")


def test_a_formula_without_its_result_is_not_taken_for_an_empty_cell(tmp_path):
    book = openpyxl.Workbook()
    for row in (["x", "kind"], ["=1+1", "a"], ["2", "b"]):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    assert "cell A2 holds a formula without its result" in complaint(read_table, tmp_path / "a.xlsx", "kind")


def test_row_names_and_an_index_get_the_name_that_pandas_gives(tmp_path):
    (tmp_path / "r.csv").write_text('x,kind\n"plant 1",1,\n"plant 2",2,b\n')
    read = read_table(tmp_path / "r.csv", "kind")
    assert read.to_dict("list") == {"Unnamed: 0": ["plant 1", "plant 2"], "x": ["1", "2"], "kind": ["", "b"]}
    CELLS.to_csv(tmp_path / "index.csv")
    assert list(read_table(tmp_path / "index.csv", "kind").columns) == ["Unnamed: 0", *CELLS.columns]
    CELLS.set_axis(list("abcdefghij")).to_parquet(tmp_path / "index.parquet")
    assert list(read_table(tmp_path / "index.parquet", "kind")["Unnamed: 0"]) == list("abcdefghij")


def test_columns_of_the_same_name_are_told_apart(tmp_path):
    (tmp_path / "a.csv").write_text("x,x,x.1,kind\n1,2,3,a\n")
    assert list(read_table(tmp_path / "a.csv", "kind").columns) == ["x", "x.2", "x.1", "kind"]


def test_a_separator_inside_cells_does_not_mislead(tmp_path):
    for name, content in {
        "a.csv": "kind;x;y\na;1,5;2,5\nb;1,0;2,0\n",
        "b.csv": "text,kind\na; b; c,x\nd; e; f,y\n",
        "c.tsv": "text\tkind\na, b\tx\nc, d\ty\n",
    }.items():
        (tmp_path / name).write_text(content)
        assert "kind" in read_table(tmp_path / name, "kind").columns


def test_a_cell_may_be_longer_than_the_csv_module_usually_takes(tmp_path):
    (tmp_path / "a.csv").write_text(f"text,kind\n{'long ' * 50_000},a\n")
    assert len(read_table(tmp_path / "a.csv", "kind")["text"][0]) == 250_000


WRONG = {
    "latin.csv": ("sétosa,kind\n1,a\n".encode("latin-1"), "line 1 is not UTF-8; save it as UTF-8"),
    "nul.csv": (b"x,kind\n1,a\0\n", "line 2 holds a NUL character"),
    "empty.csv": (b"", "it is empty"),
    "long.csv": (b"x,kind\n1,a\n1,b,c\n", "line 3 has 3 cells and the first line 2 names"),
    "short.csv": (b"x,y,kind\n1,2,a\n1\n", "line 3 has 1 cells and the first line 3 names"),
    "quote.csv": (b'x,kind\n1,"a\n2,b\n', "line 3: unexpected end of data"),
    "twice.csv": (b"kind,x,kind\na,1,b\n", "has 2 columns named 'kind'"),
    "none.csv": (b"x,y\n1,2\n", "there is no column 'kind' in the first line of"),
    "comment.csv": (b"# exported 2024\nx,kind\n1,a\n", "there is no column 'kind' in the first line of"),
    "two.zip": (zipped("a.csv", "b.csv"), "holds 2 files, not one"),
    "no.zip": (b"PK", "cannot be read as .zip"),
    "cut.csv.gz": (gzip.compress(text().encode())[:40], "cannot be read as .gz"),
    "bad.xlsx": (zipped("xl/workbook.xml"), "cannot be read as Excel"),
    "page.parquet": (b"<html>log in first</html>", "cannot be read as Parquet"),
    "list.json": (b"[1, 2]", "must hold objects"),
    "bad.jsonl": (b'{"a": 1\n', "cannot be read as JSON"),
    "twice.json": (b'{"a": 1, "kind": "x", "a": 2}', 'the name "a" is there twice in one object'),
    "old.xls": (b"\xd0\xcf", ".xls is none of the known endings"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_file_that_is_no_table_is_one_line(tmp_path, name):
    content, said = WRONG[name]
    (tmp_path / name).write_bytes(content)
    line = complaint(read_table, tmp_path / name, "kind")
    assert said in line
    assert str(tmp_path / name) in line


def test_a_workbook_has_one_sheet(tmp_path):
    with pd.ExcelWriter(tmp_path / "a.xlsx") as book:
        CELLS.to_excel(book, sheet_name="first", index=False)
        pd.DataFrame().to_excel(book, sheet_name="empty")
    assert len(read_table(tmp_path / "a.xlsx", "kind")) == len(CELLS)
    with pd.ExcelWriter(tmp_path / "b.xlsx") as book:
        CELLS.to_excel(book, sheet_name="first", index=False)
        CELLS.to_excel(book, sheet_name="other", index=False)
    assert "2 sheets with cells (first, other)" in complaint(read_table, tmp_path / "b.xlsx", "kind")


def test_the_form_is_that_of_the_last_ending():
    assert form_of("a.parquet.csv") == "CSV"
    assert form_of("a.csv.PARQUET.gz") == "Parquet"
    assert form_of("my.json.d/a") == "CSV"


@given(
    st.lists(
        st.lists(st.text(st.characters(codec="utf-8"), max_size=6), min_size=3, max_size=3), min_size=1, max_size=8
    ),
    st.sampled_from(",;\t|"),
)
def test_any_table_of_texts_reads_back_the_same_cells_or_is_one_line(tmp_path_factory, rows, separator):
    file = tmp_path_factory.mktemp("any") / "a.csv"
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, delimiter=separator).writerows([["x", "kind", "y"], *rows])
    try:
        read = read_table(file, "kind")
    except ib.InputError as error:
        assert "\n" not in str(error)  # noqa: PT017 - a refusal is allowed, if it is one line
        assert any("\0" in cell for row in rows for cell in row)
    else:
        assert read.to_numpy().tolist() == [row for row in rows if any(row)]


def test_columns_of_the_same_name_are_noted(tmp_path):
    file = tmp_path / "twice.csv"
    file.write_text("x,x,kind\n1,2,a\n")
    with pytest.warns(Note, match=r"twice.csv: the name 'x' stands for several columns; one of them is 'x.1' here"):
        assert list(read_table(file, "kind")) == ["x", "x.1", "kind"]

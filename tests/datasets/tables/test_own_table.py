"""A user's own table: read by its suffix, encoded, and refused in one line that names the file."""

import pytest
from data_files import complaint, read
from fruit import TABLE

import influence_bench as ib

FEATURES = [[1.5, 1, 0, 0, 1], [2.0, 0, 1, 0, 0], [0.5, 1, 0, 1, 0], [4.0, 0, 0, 0, 1]] * 5  # "", blue, red


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".tsv", ".parquet", ".txt", ".xlsx", ".jsonl"])
def test_own_file_is_read_by_its_suffix(tmp_path, suffix):
    file = tmp_path / f"fruit{suffix}"
    if suffix == ".parquet":
        TABLE.to_parquet(file)
    elif suffix == ".xlsx":
        TABLE.to_excel(file, index=False)
    elif suffix == ".jsonl":
        TABLE.to_json(file, orient="records", lines=True)
    else:
        TABLE.to_csv(file, index=False, sep="\t" if suffix == ".tsv" else ",")
    source = read(f"csv[path={file},label=kind]")
    assert source.x.tolist() == FEATURES
    assert source.classes == ("apple", "pear")
    assert source.y.tolist() == [1, 0, 1, 0] * 5
    assert source.standardize


def test_a_column_left_out_is_noted(tmp_path):
    TABLE.to_csv(tmp_path / "fruit.csv")
    with pytest.warns(ib.bench.errors.Note, match=r"fruit.csv: the column 'Unnamed: 0' only numbers"):
        assert read(f"csv[path={tmp_path}/fruit.csv,label=kind]").x.tolist() == FEATURES


def test_own_file_loads_with_noise_and_names_its_arguments(tmp_path):
    TABLE.to_csv(tmp_path / "a, b.csv", index=False)
    data = ib.load(f'csv[label=kind,path="{tmp_path}/a, b.csv"]', noise="symmetric", rate=0.2)
    assert data.is_noisy.sum() == round(0.2 * len(data.train))
    assert (len(data.train), len(data.valid), len(data.test)) == (13, 2, 5)
    assert "a, b.csv" in data.card["dataset"]


def test_label_may_look_like_a_number(tmp_path):
    TABLE.rename(columns={"kind": "7"}).to_csv(tmp_path / "fruit.csv", index=False)
    assert read(f"csv[path={tmp_path}/fruit.csv,label=7]").classes == ("apple", "pear")


WRONG = {
    "no such file": ("{tmp}/none.csv,label=kind", "there is no such file"),
    "no such column": ("{tmp}/good.csv,label=kin", "did you mean kind"),
    "two notations": ("{tmp}/notations.csv,label=kind", "column 'size' writes numbers in two ways"),
    "an empty label": ("{tmp}/good.csv,label=colour", "'colour' is empty in row 1"),
    "one class": ("{tmp}/one.csv,label=kind", "one class only"),
    "a number as label": ("{tmp}/good.csv,label=size", "holds 1.5, a number and not a class"),
    "nothing to learn from": ("{tmp}/bare.csv,label=kind", "no column besides the label"),
    "few rows": ("{tmp}/few.csv,label=kind", "at least 10"),
    "no Parquet": ("{tmp}/page.parquet,label=kind", "cannot be read as Parquet"),
    "a folder": ("{tmp},label=kind", "is a folder, not a table"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_own_file_that_is_wrong_is_one_line(tmp_path, kind):
    tables = {
        "good": TABLE,
        "notations": TABLE.assign(size=["1,5", "1.5", "2", "3"] * 5),
        "one": TABLE.assign(kind="pear"),
        "bare": TABLE[["kind"]],
        "few": TABLE.head(4),
    }
    for name, table in tables.items():
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    (tmp_path / "page.parquet").write_text("<html>log in first</html>")
    arguments, said = WRONG[kind]
    line = complaint(read, f"csv[path={arguments.format(tmp=tmp_path)}]")
    assert said in line
    assert str(tmp_path) in line


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("csv[path=a.csv]", "csv needs path and label: write csv[path=...,label=...]"),
        ("iris[rows=3]", "iris takes no arguments"),
        ("iris[", "is not a dataset: write name or name[key=value,key=value]"),
    ],
)
def test_arguments_that_are_wrong_are_one_line(text, said):
    assert said in complaint(read, text)

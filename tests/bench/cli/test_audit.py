"""`score` ranks a user's own table, wrong labels first, whatever its columns hold."""

import csv

import numpy as np
import pandas as pd
import pytest

from influence_bench.bench import files
from influence_bench.bench.audit.spreadsheet import write_suspects


def test_score_ranks_the_wrong_labels_of_a_table_first(command, flowers, tmp_path):
    data, wrong = flowers
    status, out, _ = command(
        "score", "--data", data, "--label", "kind", "--method", "el2n", "--out", tmp_path / "out.csv"
    )
    assert status == 0
    assert "out.csv" in out
    ranked = pd.read_csv(tmp_path / "out.csv")
    assert list(ranked.columns[:4]) == ["rank", "row", "score", "predicted"]
    assert list(ranked["rank"]) == list(range(1, 151))
    assert ranked["score"].is_monotonic_decreasing
    assert len(set(ranked["row"][:15]) & wrong) >= 11
    original = pd.read_csv(data)
    pd.testing.assert_frame_equal(ranked.sort_values("row")[original.columns].reset_index(drop=True), original)


def test_score_takes_hyperparameters_and_trusted_rows(command, flowers, tmp_path):
    data, _ = flowers
    rows = ["--data", data, "--label", "kind", "--out", tmp_path / "out.csv"]
    assert command("score", *rows, "--method", "outlier-gradient[detector=l1]")[0] == 0
    assert command("score", *rows, "--method", "tracin", "--valid", tmp_path / "trusted.csv")[0] == 0
    status, _, err = command("score", *rows, "--method", "tracin")
    assert status == 2
    assert "validation rows" in err


def test_score_takes_words_and_parquet_files(command, flowers, tmp_path):
    for file in (flowers[0], tmp_path / "trusted.csv"):
        table = pd.read_csv(file)
        table.assign(petal=np.where(table["petal width (cm)"] > 1, "wide", None)).to_parquet(
            file.with_suffix(".parquet")
        )
    rows = ["--data", tmp_path / "flowers.parquet", "--valid", tmp_path / "trusted.parquet", "--label", "kind"]
    status, _, err = command("score", *rows, "--method", "tracin", "--out", tmp_path / "out.csv")
    assert status == 0, err
    assert set(pd.read_csv(tmp_path / "out.csv")["petal"].dropna()) == {"wide"}


def test_the_cells_of_a_table_come_back_as_they_were_beside_our_columns(command, flowers, tmp_path):
    table = pd.read_csv(flowers[0], dtype=str)
    cells = ["007", "1.10", "NA", "?", "2024-01-05", ""] * 25
    table = table.assign(score=cells, row="r", **{"score (yours)": "s"})
    table.to_csv(tmp_path / "in.csv", index=False, sep=";", encoding="utf-16")
    out = tmp_path / "out.csv"
    status, _, err = command(
        "score", "--data", tmp_path / "in.csv", "--label", "kind", "--method", "el2n", "--out", out
    )
    assert status == 0, err
    ranked = pd.read_csv(out, dtype=str, keep_default_na=False)
    assert list(ranked.columns) == [
        "rank", "row", "score", "predicted", *table.columns[:5], "score (yours)", "row (yours)",
        "score (yours) (yours)",
    ]  # fmt: skip
    back = ranked.iloc[ranked["row"].astype(int).argsort()].iloc[:, 4:]
    assert back.to_numpy().tolist() == table.to_numpy().tolist()


def test_an_index_column_is_noted_and_trusted_rows_may_be_of_other_types(command, flowers, tmp_path):
    table = pd.read_csv(flowers[0])
    table.to_csv(tmp_path / "in.csv")
    trusted = pd.read_csv(tmp_path / "trusted.csv")
    trusted[["kind", *table.columns[:4]]].assign(**{"Unnamed: 0": "x"}).to_parquet(tmp_path / "trusted.parquet")
    rows = ["--data", tmp_path / "in.csv", "--label", "kind", "--valid", tmp_path / "trusted.parquet"]
    status, _, err = command("score", *rows, "--method", "tracin")
    assert status == 0, err
    assert "the column 'Unnamed: 0' only numbers or names the rows, so it is left out" in err
    assert err.count("\n") == 1


def test_many_columns_stay_readable_on_the_screen(command, flowers, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "90")
    table = pd.read_csv(flowers[0])
    more = pd.DataFrame({f"more {number}": ["long " * (3 + 20 * number)] * len(table) for number in range(50)})
    pd.concat([more, table], axis=1).to_csv(tmp_path / "wide.csv", index=False)
    status, out, err = command("score", "--data", tmp_path / "wide.csv", "--label", "kind", "--method", "el2n")
    assert status == 0, err
    assert "predicted" in out
    assert len(out.splitlines()) == 22  # no cell takes a second line
    assert "more columns are not shown" in out


def test_no_cell_of_the_output_runs_as_a_formula(tmp_path):
    cells = ["=1+1", "+1-800", "-", "-5", "-1,5", "+3%", "@a", "\tb", "\rc", "a\rb", "x", "", "'x"]
    table = pd.DataFrame({"=name": cells, "number": np.arange(len(cells)) - 3.5, "none": None})
    write_suspects(table, tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(newline="") as stream:
        (names, *rows) = csv.reader(stream)
    assert names == ["'=name", "number", "none"]
    assert [row[0] for row in rows] == [
        "'=1+1", "'+1-800", "'-", "-5", "-1,5", "+3%", "'@a", "'\tb", "'\rc", "a\rb", "x", "", "'x",
    ]  # fmt: skip
    assert [float(row[1]) for row in rows] == list(table["number"])


def test_a_method_of_a_plug_in_scores(command, flowers, plugin):
    arguments = ["--data", flowers[0], "--label", "kind", "--method", "my-method[power=2]"]
    assert command("score", *arguments, "--plugin", plugin)[0] == 0


def test_a_hyperparameter_may_be_called_as_a_part_of_the_table_is(command, flowers, tmp_path, own_methods):
    plugin = tmp_path / "clashing.py"
    plugin.write_text(
        "import influence_bench as ib\n"
        "@ib.method(family='mine', paper='none')\n"
        "def clashing(problem, label: str = 'x', seed: int = 0):\n"
        "    return ib.score('loss', problem) * seed\n"
    )
    rows = ["--data", flowers[0], "--label", "kind", "--plugin", plugin]
    status, _, err = command("score", *rows, "--method", "clashing[label=y,seed=3]")
    assert status == 0, err


MISTAKES = {
    "no such method": (["--data", "{csv}", "--label", "kind", "--method", "el2"], "did you mean el2n"),
    "no such hyperparameter": (["--data", "{csv}", "--label", "kind", "--method", "lissa[step=2]"], "steps"),
    "no such column": (["--data", "{csv}", "--label", "kin"], "did you mean kind"),
    "no such file": (["--data", "{tmp}/none.csv", "--label", "kind"], "there is no such file"),
    "two notations": (["--data", "{tmp}/notations.csv", "--label", "y"], "column 'b' writes numbers in two ways"),
    "one class": (["--data", "{tmp}/one.csv", "--label", "y"], "one class"),
    "label that is not one": (["--data", "{csv}", "--label", "sepal length (cm)"], "holds"),
    "few rows": (["--data", "{tmp}/few.csv", "--label", "y"], "at least 10"),
    "no text": (["--data", "{tmp}/bytes.csv", "--label", "y"], "cannot be read as text"),
    "empty file": (["--data", "{tmp}/empty.csv", "--label", "y"], "cannot be read as CSV"),
    "a folder as output": (["--data", "{csv}", "--label", "kind", "--out", "{tmp}"], "is a folder; give the name"),
    "another form as output": (["--data", "{csv}", "--label", "kind", "--out", "a.parquet"], "ends in .csv"),
    "a link as output": (["--data", "{csv}", "--label", "kind", "--out", "{tmp}/linked.csv"], "is an input file"),
    "pairs": (
        ["--data", "{csv}", "--label", "kind", "--method", "pairwise-dot", "--valid", "{csv}"],
        "scores pairs of a training and a validation row, not rows: take a method that scores rows",
    ),
    "input as output": (["--data", "{csv}", "--label", "kind", "--out", "{csv}"], "is an input file"),
    "missing option": (["--label", "kind"], "--data"),
}


@pytest.mark.parametrize("kind", MISTAKES)
def test_a_mistake_is_one_clear_line_and_leaves_the_table_as_it_was(command, flowers, tmp_path, kind):
    table = pd.DataFrame({"a": range(12), "b": range(12), "y": [0, 1] * 6})
    table.assign(b=["1,5", "1.5"] * 6).to_csv(tmp_path / "notations.csv", index=False)
    (tmp_path / "linked.csv").hardlink_to(flowers[0])
    table.assign(y=1).to_csv(tmp_path / "one.csv", index=False)
    table.head(4).to_csv(tmp_path / "few.csv", index=False)
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00a,\x93\x00")
    (tmp_path / "empty.csv").write_text("")
    before = flowers[0].read_bytes()
    arguments, message = MISTAKES[kind]
    status, out, err = command("score", *(text.format(csv=flowers[0], tmp=tmp_path) for text in arguments))
    assert status == 2, out + err
    assert message in err
    assert err.startswith("influence-bench: ")
    assert err.count("\n") == 1, err
    assert flowers[0].read_bytes() == before


def test_a_full_disk_is_one_clear_line_and_leaves_nothing_half_written(command, flowers, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device", str(tmp_path / "out.csv"))

    monkeypatch.setattr(files.Path, "replace", full)
    status, _, err = command("score", "--data", flowers[0], "--label", "kind", "--out", tmp_path / "out.csv")
    assert status == 2
    assert "No space left on device" in err
    assert not [file for file in tmp_path.iterdir() if "out.csv" in file.name]


def test_an_audit_writes_a_page_and_every_row(command, flowers, tmp_path):
    data, wrong = flowers
    before = data.read_bytes()
    status, out, err = command("audit", data, "--label", "kind", "--quick", "--out", tmp_path / "audit")
    assert status == 0, err
    assert sorted(file.name for file in (tmp_path / "audit").iterdir()) == ["audit.json", "index.html", "suspects.csv"]
    ranked = pd.read_csv(tmp_path / "audit" / "suspects.csv")
    assert sorted(ranked["row"]) == list(range(150))
    assert len(set(ranked["row"][:15]) & wrong) >= 10
    assert "index.html" in out
    assert data.read_bytes() == before


def test_an_audit_says_on_the_terminal_what_is_odd_in_the_data(command, flowers, tmp_path):
    data, _ = flowers
    table = pd.read_csv(data)
    table.loc[[5, 60], "kind"] = table.loc[[5, 60], "kind"].str.title()
    table.to_csv(tmp_path / "index.csv")
    status, _, err = command("audit", tmp_path / "index.csv", "--label", "kind", "--quick", "--out", tmp_path / "audit")
    assert status == 0, err
    assert "note: labels that differ only in case or spaces are different classes: " in err
    assert "note: the column 'Unnamed: 0' only numbers or names the rows, so it is left out" in err


def test_decisions_become_a_cleaned_copy(command, flowers, tmp_path):
    data, _ = flowers
    (tmp_path / "decisions.csv").write_text("row,decision,label\n0,drop,\n1,fix,virginica\n2,keep,\n")
    given = ["audit", data, "--label", "kind", "--apply", tmp_path / "decisions.csv"]
    status, out, err = command(*given, "--out", tmp_path / "clean.csv")
    assert status == 0, err
    assert "149 of 150" in out
    cleaned, original = (pd.read_csv(file, dtype=str) for file in (tmp_path / "clean.csv", data))
    expected = original.drop(index=0).reset_index(drop=True)
    expected.loc[0, "kind"] = "virginica"
    pd.testing.assert_frame_equal(cleaned, expected)
    status, _, err = command(*given, "--out", data)
    assert status == 2
    assert "is an input file" in err


AUDIT_MISTAKES = {
    "no label": ([], "which column holds the labels"),
    "no such column": (["--label", "kin"], "did you mean kind"),
    "no such text": (["--label", "kind", "--text", "review"], "no column of texts"),
    "no such method": (["--label", "kind", "--method", "el2"], "did you mean el2n"),
    "file as folder": (["--label", "kind", "--out", "{csv}"], "is a file"),
    "no such decisions": (["--label", "kind", "--apply", "{tmp}/none.csv"], "cannot be read"),
    "no such probabilities": (["--label", "kind", "--probabilities", "{tmp}/none.npy"], "there is no such file"),
}


@pytest.mark.parametrize("kind", AUDIT_MISTAKES)
def test_a_mistake_in_an_audit_is_one_clear_line(command, flowers, tmp_path, kind):
    arguments, message = AUDIT_MISTAKES[kind]
    given = (text.format(csv=flowers[0], tmp=tmp_path) for text in ["--out", "{tmp}/audit", *arguments])
    status, out, err = command("audit", flowers[0], *given)
    assert status == 2, out + err
    assert message in err
    assert [line for line in err.splitlines() if line.startswith("influence-bench: ")] == err.splitlines()[-1:]
    assert not (tmp_path / "audit").exists()


def test_a_copy_that_would_only_look_compressed_is_refused(command, flowers, tmp_path):
    (tmp_path / "decisions.csv").write_text("row,decision,label\n0,drop,\n")
    given = ["audit", flowers[0], "--label", "kind", "--apply", tmp_path / "decisions.csv"]
    status, _, err = command(*given, "--out", tmp_path / "clean.csv.gz")
    assert status == 2
    assert "would not be compressed" in err
    assert not (tmp_path / "clean.csv.gz").exists()

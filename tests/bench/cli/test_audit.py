"""`score` ranks a user's own table, wrong labels first, whatever its columns hold."""

import numpy as np
import pandas as pd
import pytest

from influence_bench.bench import files


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
    "words among numbers": (["--data", "{tmp}/words.csv", "--label", "y"], "column 'b' holds 'red' in row 3"),
    "empty cells": (["--data", "{tmp}/holes.csv", "--label", "y"], "column 'b' holds 'nan' in row 2"),
    "one class": (["--data", "{tmp}/one.csv", "--label", "y"], "one class"),
    "label that is not one": (["--data", "{csv}", "--label", "sepal length (cm)"], "holds"),
    "few rows": (["--data", "{tmp}/few.csv", "--label", "y"], "at least 10"),
    "no text": (["--data", "{tmp}/bytes.csv", "--label", "y"], "cannot be read as CSV"),
    "empty file": (["--data", "{tmp}/empty.csv", "--label", "y"], "cannot be read as CSV"),
    "input as output": (["--data", "{csv}", "--label", "kind", "--out", "{csv}"], "is an input file"),
    "missing option": (["--label", "kind"], "--data"),
}


@pytest.mark.parametrize("kind", MISTAKES)
def test_a_mistake_is_one_clear_line_and_leaves_the_table_as_it_was(command, flowers, tmp_path, kind):
    table = pd.DataFrame({"a": range(12), "b": range(12), "y": [0, 1] * 6})
    table.assign(b=[0, 1, 2, "red", *range(8)]).to_csv(tmp_path / "words.csv", index=False)
    table.assign(b=[0, 1, None, *range(9)]).to_csv(tmp_path / "holes.csv", index=False)
    table.assign(y=1).to_csv(tmp_path / "one.csv", index=False)
    table.head(4).to_csv(tmp_path / "few.csv", index=False)
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00a,\x93")
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

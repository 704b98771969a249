"""The command line as its users meet it: one clear line and exit status 2 for their mistakes, never a traceback."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris

from influence_bench.bench.cli import main as cli
from influence_bench.bench.results import run as results

PLUGIN = """
import numpy as np
import influence_bench as ib

@ib.method(family="mine", paper="none")
def my_method(problem, power: float = 1.0):
    "The loss to a power."
    return ib.score("loss", problem) ** power
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch, own_methods):
    monkeypatch.setenv("INFLUENCE_BENCH_CACHE", str(tmp_path_factory.getbasetemp() / "problems"))
    yield
    sys.modules.pop("influence_bench_plugin_mine", None)


@pytest.fixture
def command(monkeypatch, capsys):
    """Run `influence-bench` in this process; returns exit status, standard output and standard error."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["influence-bench", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "200")
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return ended.value.code or 0, printed.out, printed.err

    return run


@pytest.fixture
def flowers(tmp_path):
    """Iris as a CSV file with 15 of 150 labels wrong, and which."""
    data = load_iris(as_frame=True).frame.rename(columns={"target": "kind"})
    wrong = np.random.default_rng(0).choice(len(data), 15, replace=False)
    data["kind"] = data["kind"].map({0: "setosa", 1: "versicolor", 2: "virginica"})
    given = data.copy()
    given.loc[wrong, "kind"] = data.loc[wrong, "kind"].map(
        {"setosa": "versicolor", "versicolor": "virginica", "virginica": "setosa"}
    )
    given.to_csv(tmp_path / "flowers.csv", index=False)
    data.iloc[::5].to_csv(tmp_path / "trusted.csv", index=False)
    return tmp_path / "flowers.csv", set(wrong)


@pytest.mark.parametrize("what", ["methods", "datasets", "noises", "suites", "models"])
def test_list_prints_a_table_and_json(command, what):
    status, out, _ = command("list", what)
    assert status == 0
    rows = json.loads(command("list", what, "--json")[1])
    assert all(next(iter(row.values())) in out for row in rows)


def test_list_datasets_shows_source_and_licence_and_json_has_the_whole_record(command):
    out = command("list", "datasets")[1]
    assert "licence" in out
    assert "CC BY-NC 4.0" in out
    assert "scikit-learn's generator" in out
    rows = {row["dataset"]: row for row in json.loads(command("list", "datasets", "--json")[1])}
    assert rows["openml"]["arguments"] == "id: int | None = None, name: str | None = None, version: int | None = None"
    assert rows["openml"]["downloads"] is True
    assert rows["iris"] == {
        "dataset": "iris", "kind": "table", "arguments": "", "human noise": "",
        "idea": "150 flowers in 4 measures: which of three species.", "source": rows["wine"]["source"],
        "licence": "CC BY 4.0", "citation": "Fisher 1936, Iris", "downloads": False,
    }  # fmt: skip


def test_download_fetches_and_reads_and_says_what_needs_none(command, flowers, tmp_path, monkeypatch):
    monkeypatch.setenv("INFLUENCE_BENCH_DATA", str(tmp_path))
    (tmp_path / "pmlb").mkdir()
    load_iris(as_frame=True).frame.to_csv(tmp_path / "pmlb" / "flowers.tsv", sep="\t", index=False)
    status, out, err = command("download", "pmlb[name=flowers]", "blobs", f"csv[path={flowers[0]},label=kind]")
    assert status == 0, err
    assert (
        out.splitlines()[0]
        == f"pmlb[name=flowers]: 150 rows to learn from, in {tmp_path}; licence: MIT; each set its own"
    )
    assert "blobs needs no download: scikit-learn's generator" in out
    assert f"csv[path={flowers[0]},label=kind] needs no download: a file of your own" in out


def test_a_suite_runs_on_a_file_of_ones_own(command, flowers, tmp_path):
    suite = tmp_path / "mine.toml"
    suite.write_text(
        f"""
        methods = ["loss"]
        seeds = 1
        [[problems]]
        dataset = "csv[path={tmp_path}/trusted.csv,label=kind]"
        noise = "symmetric"
        rate = 0.2
        model = "logistic"
        """
    )
    status, _, err = command("run", suite, "--out", tmp_path / "run", "--workers", "1")
    assert status == 0, err
    (problem,) = (tmp_path / "run" / "problems").glob("*.json")
    assert problem.name.startswith("csv[path=_")
    frame = results.open_run(tmp_path / "run").frame()
    assert frame["dataset"].tolist() == [f"csv[path={tmp_path}/trusted.csv,label=kind]"]
    assert frame["status"].tolist() == ["ok"]


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


def test_a_plug_in_scores_and_is_listed(command, flowers, tmp_path):
    plugin = tmp_path / "mine.py"
    plugin.write_text(PLUGIN)
    status, out, _ = command("list", "methods", "--plugin", plugin)
    assert status == 0
    assert "my-method" in out
    arguments = ["--data", flowers[0], "--label", "kind", "--method", "my-method[power=2]"]
    assert command("score", *arguments, "--plugin", plugin)[0] == 0


def test_run_report_and_compare(command, tmp_path):
    chosen = [
        "--methods",
        "loss, outlier-gradient[detector=l1,layers=all] random",
        "--datasets",
        "blobs",
        "--seeds",
        "1",
    ]
    status, out, err = command("run", "quick", *chosen, "--out", tmp_path / "a", "--workers", "1")
    assert status == 0, err
    page = tmp_path / "a" / "report" / "index.html"
    assert f"Report: {page}" in out
    assert "outlier-gradient[detector=l1,layers=all]" in page.read_text()
    assert "scoring: 3 of 3 to do" in err
    recorded = shlex.split(results.open_run(tmp_path / "a").info["command"])
    assert recorded[1:] == ["run", "quick", *chosen, "--out", str(tmp_path / "a"), "--workers", "1"]
    status, out, err = command("run", "quick", *chosen, "--out", tmp_path / "a", "--workers", "1")
    assert "scoring: 0 of 3 to do" in err
    assert command("report", tmp_path / "a", "--out", tmp_path / "elsewhere")[0] == 0
    assert (tmp_path / "elsewhere" / "leaderboard.md").is_file()
    status, out, _ = command("compare", tmp_path / "a", tmp_path / "a")
    assert status == 0
    assert "random" in out


def test_plan_estimates_a_suite_before_it_runs(command):
    chosen = ["--methods", "loss el2n[checkpoints=all]", "--datasets", "blobs", "--seeds", "4", "--workers", "1"]
    status, out, err = command("plan", "quick", *chosen)
    assert status == 0, err
    assert "el2n[checkpoints=all]" in out
    assert "Seeds: 4, workers: 1. In all about" in out
    assert "pilot runs: 2 of 2 to do" in err
    told = json.loads(command("plan", "quick", *chosen, "--json")[1])
    assert {row["method"] for row in told["estimates"]} == {"loss", "el2n[checkpoints=all]"}
    assert all(row["seconds"] > 0 and row["epochs"] > 0 and row["status"] == "ok" for row in told["estimates"])
    assert told["seeds"] == 4
    assert told["scoring_seconds"] > 0


MISTAKES = {
    "no such method": (["score", "--data", "{csv}", "--label", "kind", "--method", "el2"], "did you mean el2n"),
    "no such hyperparameter": (["score", "--data", "{csv}", "--label", "kind", "--method", "lissa[step=2]"], "steps"),
    "no such suite": (["run", "quik"], "did you mean quick"),
    "no such suite to plan": (["plan", "quik"], "did you mean quick"),
    "no such method to plan": (["plan", "quick", "--methods", "el2"], "did you mean el2n"),
    "no such dataset to download": (["download", "cifar11"], "did you mean cifar10"),
    "no argument of a dataset": (["download", "pmlb"], "write pmlb[name=...]"),
    "no such argument": (["download", "pmlb[nam=titanic]"], "did you mean name"),
    "no such saved run": (["timings", "{csv}", "{tmp}/none.json"], "cannot be read"),
    "no such dataset": (["run", "quick", "--datasets", "digit"], "did you mean digits"),
    "no seeds": (["run", "quick", "--seeds", "0"], "at least 1"),
    "no workers": (["run", "quick", "--workers", "0", "--out", "{tmp}/run"], "at least 1"),
    "no such column": (["score", "--data", "{csv}", "--label", "kin"], "did you mean kind"),
    "no such file": (["score", "--data", "{tmp}/none.csv", "--label", "kind"], "there is no such file"),
    "words among numbers": (["score", "--data", "{tmp}/words.csv", "--label", "y"], "column 'b' holds 'red' in row 3"),
    "empty cells": (["score", "--data", "{tmp}/holes.csv", "--label", "y"], "column 'b' holds 'nan' in row 2"),
    "one class": (["score", "--data", "{tmp}/one.csv", "--label", "y"], "one class only"),
    "label that is not one": (["score", "--data", "{csv}", "--label", "sepal length (cm)"], "holds"),
    "few rows": (["score", "--data", "{tmp}/few.csv", "--label", "y"], "at least 10"),
    "no text": (["score", "--data", "{tmp}/bytes.csv", "--label", "y"], "cannot be read as CSV"),
    "empty file": (["score", "--data", "{tmp}/empty.csv", "--label", "y"], "cannot be read as CSV"),
    "input as output": (["score", "--data", "{csv}", "--label", "kind", "--out", "{csv}"], "is an input file"),
    "no such folder": (["report", "{tmp}"], "is not a run"),
    "no such plug-in": (["list", "methods", "--plugin", "{tmp}/none.py"], "not a Python file"),
    "broken plug-in": (["list", "methods", "--plugin", "{tmp}/broken.py"], "fails to import: ZeroDivisionError"),
    "no such command": (["rnu"], "rnu"),
    "no such option": (["run", "quick", "--sedes", "2"], "--sedes"),
    "missing option": (["score", "--label", "kind"], "--data"),
    "not a number": (["run", "quick", "--seeds", "two"], "Invalid value for '--seeds'"),
    "nothing to list": (["list", "metods"], "metods"),
}


@pytest.mark.parametrize("kind", MISTAKES)
def test_a_mistake_is_one_clear_line_and_exit_status_2(command, flowers, tmp_path, kind):
    table = pd.DataFrame({"a": range(12), "b": range(12), "y": [0, 1] * 6})
    table.assign(b=[0, 1, 2, "red", *range(8)]).to_csv(tmp_path / "words.csv", index=False)
    table.assign(b=[0, 1, None, *range(9)]).to_csv(tmp_path / "holes.csv", index=False)
    table.assign(y=1).to_csv(tmp_path / "one.csv", index=False)
    table.head(4).to_csv(tmp_path / "few.csv", index=False)
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00a,\x93")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "broken.py").write_text("1 / 0")
    before = flowers[0].read_bytes()
    arguments, message = MISTAKES[kind]
    status, out, err = command(*(text.format(csv=flowers[0], tmp=tmp_path) for text in arguments))
    assert status == 2, out + err
    assert message in err
    assert err.startswith("influence-bench: ")
    assert err.count("\n") == 1, err
    assert flowers[0].read_bytes() == before


def test_a_folder_that_cannot_be_written_is_one_clear_line(command, tmp_path):
    (tmp_path / "file").write_text("")
    status, _, err = command("run", "quick", "--methods", "random", "--out", tmp_path / "file")
    assert status == 2
    assert err.count("\n") == 1
    assert "file" in err


def test_a_full_disk_is_one_clear_line_and_leaves_nothing_half_written(command, flowers, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device", str(tmp_path / "out.csv"))

    monkeypatch.setattr(results.Path, "replace", full)
    status, _, err = command("score", "--data", flowers[0], "--label", "kind", "--out", tmp_path / "out.csv")
    assert status == 2
    assert "No space left on device" in err
    assert not [file for file in tmp_path.iterdir() if "out.csv" in file.name]


@pytest.mark.parametrize(
    "arguments", [[], ["run"], ["plan"], ["report"], ["compare"], ["timings"], ["score"], ["list"], ["download"]]
)
def test_help_everywhere(command, arguments):
    status, out, _ = command(*arguments, "--help")
    assert status == 0
    assert "Usage" in out


def test_module_and_console_script_are_the_same_command():
    script = [Path(sys.executable).parent / "influence-bench"]
    outputs = [
        subprocess.run([*start, "list", "suites", "--json"], capture_output=True, text=True).stdout
        for start in (script, [sys.executable, "-P", "-m", "influence_bench"])
    ]
    assert outputs[0] == outputs[1]
    assert "quick" in outputs[0]

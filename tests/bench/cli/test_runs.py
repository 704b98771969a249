"""A suite runs, is planned, reported and compared from the command line."""

import json
import shlex

from influence_bench.bench.results.opening import open_run


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
    frame = open_run(tmp_path / "run").frame()
    assert frame["dataset"].tolist() == [f"csv[path={tmp_path}/trusted.csv,label=kind]"]
    assert frame["status"].tolist() == ["ok"]


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
    recorded = shlex.split(open_run(tmp_path / "a").info.provenance.command)
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
    printed = json.loads(command("plan", "quick", *chosen, "--json")[1])
    assert {row["method"] for row in printed["estimates"]} == {"loss", "el2n[checkpoints=all]"}
    assert all(row["seconds"] > 0 and row["epochs"] > 0 and row["status"] == "ok" for row in printed["estimates"])
    assert printed["seeds"] == 4
    assert printed["scoring_seconds"] > 0


def test_a_folder_that_cannot_be_written_is_one_clear_line(command, tmp_path):
    (tmp_path / "file").write_text("")
    status, _, err = command("run", "quick", "--methods", "random", "--out", tmp_path / "file")
    assert status == 2
    assert err.count("\n") == 1
    assert "file" in err


def test_a_run_of_which_no_cell_ends_well_says_why_and_has_the_exit_status_1(command, tmp_path):
    given = ["run", "quick", "--datasets", "blobs", "--seeds", "1", "--workers", "1", "--out", str(tmp_path / "run")]
    status, out, err = command(*given, "--methods", "trak[layers=nolayer]")
    assert status == 1
    assert "Report: " in out
    assert "no cell ended well; trak[layers=nolayer] on " in err
    assert "layers='nolayer' matches none of this model's layers" in err.splitlines()[-1]

"""Runs: failures are rows, and only what is missing or changed is redone."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import influence_bench as ib
from influence_bench.bench.instruments import code
from influence_bench.bench.run.record import stale
from influence_bench.bench.run.suite import find_suite

pytestmark = pytest.mark.usefixtures("own_cache")


def rows(run):
    return run.frame().set_index("method")


def test_failures_are_rows_and_stop_nothing(suite):
    names = ["raises", "hangs", "dies", "crashes", "is-killed", "eats-memory", "well-behaved", "random"]
    frame = rows(ib.run(**suite(*names)))
    assert frame["status"].to_dict() == {
        "raises": "error",
        "hangs": "timeout",
        "dies": "error",
        "crashes": "error",
        "is-killed": "out of memory",
        "eats-memory": "out of memory",
        "well-behaved": "ok",
        "random": "ok",
    }
    assert frame.loc["raises", "error"] == "RuntimeError: first line second line"
    assert "limit of 5 seconds" in frame.loc["hangs", "error"]
    assert "exit status 3" in frame.loc["dies", "error"]
    assert "signal 11" in frame.loc["crashes", "error"]
    assert frame.loc["well-behaved", "roc_auc"] > 0.9
    assert frame.loc["raises", ["roc_auc", "seconds"]].isna().all()


def test_cost_measured_in_a_forked_process_is_right(suite):
    frame = rows(ib.run(**suite("takes-300-megabytes", "random")))
    assert frame.loc["takes-300-megabytes", "peak_bytes"] == pytest.approx(300e6, rel=0.1)
    assert frame.loc["takes-300-megabytes", "seconds"] >= 0.3
    assert frame.loc["random", "peak_bytes"] < 20e6


def test_a_finished_run_is_not_run_again_and_a_failed_cell_only_on_request(suite):
    given = suite("raises", "random")
    first = ib.run(**given)
    written = {file: file.stat().st_mtime_ns for file in first.folder.glob("cells/*/*.json")}
    assert written == {file: file.stat().st_mtime_ns for file in ib.run(**given).folder.glob("cells/*/*.json")}
    again = ib.run(**given, retry_failed=True)
    changed = [file.stem for file in again.folder.glob("cells/*/*.json") if written[file] != file.stat().st_mtime_ns]
    assert changed == ["raises"]


def test_the_same_seed_gives_the_same_bits_in_another_run(suite, tmp_path):
    given = suite("outlier-gradient", "lissa", "influence-exact")
    first, second = ib.run(**given), ib.run(**(given | {"out": tmp_path / "second", "workers": 1}))
    for one, other in zip(first.cells(), second.cells(), strict=True):
        assert np.array_equal(first.scores(one), second.scores(other))


def test_only_what_changed_is_redone_and_the_reason_is_told(suite, tmp_path):
    given = suite("well-behaved", "random")
    run = ib.run(**given)
    cells = {cell.label: cell for cell in find_suite(given["suite"]).cells()}
    assert [stale(run, cell) for cell in cells.values()] == ["", ""]
    plugin = given["plugins"][0]
    plain = plugin.read_text()
    commented = plain.replace("return sign *", "# a comment changes nothing\n    return sign *")
    plugin.write_text(commented.replace("Methods that misbehave.", "Nor do other words in a docstring."))
    code.forget()
    assert stale(run, cells["well-behaved"]) == ""
    plugin.write_text(plain.replace("sign *", "-sign *"))
    code.forget()
    assert stale(run, cells["well-behaved"]) == "code of influence_bench_plugin_mine changed"
    assert stale(run, cells["random"]) == ""
    code.forget()


def test_a_row_of_results_says_what_it_was_and_what_it_cost(suite):
    run = ib.run(**suite("well-behaved[sign=2]", "tracin"))
    frame = rows(run)
    expected = {
        "dataset": "blobs",
        "noise": "symmetric",
        "model": "logistic",
        "seed": 0,
        "n_train": 150,
        "status": "ok",
    }
    assert frame.loc["well-behaved[sign=2]"][list(expected)].to_dict() == expected
    assert frame.loc["tracin", "uses"] == "checkpoints,validation"
    columns = {"roc_auc", "average_precision", "seconds", "cpu_seconds", "epochs", "peak_bytes", "model_accuracy"}
    assert columns <= set(frame.columns)
    assert run.info.suite.problems[0].dataset == "blobs"
    assert run.info.provenance.machine["cores"] >= 1
    assert re.fullmatch("[0-9a-f]{16}", run.info.provenance.code)
    assert ib.open_run(run.folder).frame().equals(run.frame())


def test_noise_of_several_kinds_runs_with_the_truth_of_each_kept(suite):
    given = suite("well-behaved", "random")
    noise, file = "confusion[matrix=[[0.9,0.1],[0.0,1.0]]]+duplicates[rate=0.1]", Path(given["suite"])
    file.write_text(file.read_text(encoding="utf-8").replace('"symmetric"\nrate = 0.2', f'"{noise}"'), encoding="utf-8")
    run = ib.run(**given)
    frame = rows(run)
    assert set(frame["status"]) == {"ok"}
    assert frame.loc["random", "noise"] == noise
    truth = next((run.folder / "problems").glob("*.npz"))
    with np.load(truth, allow_pickle=False) as arrays:
        assert set(arrays) == {"truth", "confusion", "duplicates"}
        np.testing.assert_array_equal(arrays["truth"], arrays["confusion"] | arrays["duplicates"])
        assert arrays["duplicates"].sum() == 15
        assert frame.loc["random", "rate"] == arrays["truth"].mean()


def test_a_problem_that_cannot_be_prepared_stops_the_run_with_its_reason(suite, tmp_path):
    given = suite("random")
    file = tmp_path / "small.toml"
    file.write_text(file.read_text().replace('model = "logistic"', 'model = "small-resnet"'))
    with pytest.raises(ib.InputError, match="cannot be prepared: the model small-resnet does not fit"):
        ib.run(**given)


def test_a_method_of_the_script_that_runs_is_refused_with_the_mend(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import influence_bench as ib\n"
        "@ib.method(family='control', paper='none')\n"
        "def mine(problem): ...\n"
        "ib.run('quick', 'run', methods=['mine'])\n"
    )
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True)
    assert "InputError: mine is defined in the script that runs: put it into a file and give plugins=" in done.stderr
    assert not (tmp_path / "run").exists()

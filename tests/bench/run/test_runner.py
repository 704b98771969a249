"""Runs: failures are rows, finished cells survive any kill, and only what is missing or changed is redone."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import influence_bench as ib
from influence_bench.bench.instruments import code
from influence_bench.bench.results.specs import ProblemSpec
from influence_bench.bench.run.record import stale
from influence_bench.bench.run.suite import find_suite

SUITE = """
title = "A small suite"
seeds = 1
timeout = 5
memory_gib = 1
methods = {methods}

[[problems]]
dataset = "blobs"
noise = "symmetric"
rate = 0.2
model = "logistic"
"""

PLUGIN = '''
"""Methods that misbehave."""
import ctypes, os, time
import numpy as np
import influence_bench as ib

declared = dict(family="control", paper="none")

@ib.method(**declared)
def well_behaved(problem, sign: float = 1.0):
    print("noise on standard output")
    return sign * ib.score("loss", problem)

@ib.method(**declared)
def raises(problem):
    raise RuntimeError("first line\\nsecond line")

@ib.method(**declared)
def hangs(problem):
    time.sleep(600)

@ib.method(**declared)
def dies(problem):
    os._exit(3)

@ib.method(**declared)
def crashes(problem):
    ctypes.string_at(0)

@ib.method(**declared)
def is_killed(problem):
    os.kill(os.getpid(), 9)

@ib.method(**declared)
def eats_memory(problem):
    return np.ones(2 * 10**9, dtype=np.uint8)[: len(problem.train)]

@ib.method(**declared)
def takes_300_megabytes(problem):
    held = np.ones(300 * 10**6, dtype=np.uint8)
    time.sleep(0.3)
    return np.arange(len(problem.train)) + float(held[0])
'''


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch, own_methods):
    """One cache of problems for this file; plug-ins are forgotten after each test."""
    monkeypatch.setenv("INFLUENCE_BENCH_CACHE", str(tmp_path_factory.getbasetemp() / "problems"))
    yield
    sys.modules.pop("influence_bench_plugin_mine", None)


@pytest.fixture
def suite(tmp_path):
    """Write a suite of the given methods and the plug-in; returns what `ib.run` takes."""
    plugin = tmp_path / "mine.py"
    plugin.write_text(PLUGIN)

    def write(*methods):
        file = tmp_path / "small.toml"
        file.write_text(SUITE.format(methods=json.dumps(list(methods))))
        return {"suite": str(file), "out": tmp_path / "run", "plugins": [plugin], "workers": 2}

    return write


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
    commented = PLUGIN.replace("return sign *", "# a comment changes nothing\n    return sign *")
    plugin.write_text(commented.replace("Methods that misbehave.", "Nor do other words in a docstring."))
    code.forget()
    assert stale(run, cells["well-behaved"]) == ""
    plugin.write_text(PLUGIN.replace("sign *", "-sign *"))
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
    file.write_text(file.read_text().replace('"symmetric"\nrate = 0.2', f'"{noise}"'))
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


def test_every_problem_has_a_file_name_of_its_own_that_any_system_takes():
    matrices = [np.full((10, 10), 0.1), np.diag(np.ones(10))]
    noises = ["symmetric", "pair+duplicates", "pair+duplicates[rate=0.1]"]
    noises += [f"confusion[matrix={matrix.tolist()}]" for matrix in matrices]
    slugs = [ProblemSpec("digits", "mlp", noise, 0.2).slug for noise in noises]
    assert slugs[0] == "digits-symmetric-0.2-mlp-seed0"
    assert slugs[1] == "digits-pair+duplicates-0.2-mlp-seed0"
    assert len(set(slugs)) == len(slugs)
    assert all(re.fullmatch(r"[A-Za-z0-9\[\]=,.+_-]{1,200}", slug) for slug in slugs)


def in_a_process(given):
    """The run in a process group of its own, one worker at a time."""
    suite, out, plugin = str(given["suite"]), str(given["out"]), str(given["plugins"][0])
    script = f"import influence_bench as ib; ib.run({suite!r}, {out!r}, plugins=[{plugin!r}], workers=1)"
    command = [sys.executable, "-P", "-c", script]
    return subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)


def test_killing_a_run_at_any_moment_loses_nothing_finished(suite, tmp_path):
    given = suite("random", "loss", "el2n", "margin", "hangs")
    process = in_a_process(given)
    deadline = time.monotonic() + 60
    while len(list(given["out"].glob("cells/*/*.json"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    finished = {file: file.stat().st_mtime_ns for file in given["out"].glob("cells/*/*.json")}
    assert len(finished) >= 2
    assert all(json.loads(file.read_text())["status"] for file in finished)
    run = ib.run(**given)
    assert all(file.stat().st_mtime_ns == written for file, written in finished.items())
    assert rows(run)["status"].value_counts().to_dict() == {"ok": 4, "timeout": 1}
    time.sleep(0.1)
    assert not list(given["out"].rglob(".*.json*"))


def test_workers_end_when_the_runner_is_killed(suite):
    given = suite("hangs")
    process = in_a_process(given)
    children = server_and_child(process, given["out"])
    process.kill()
    process.wait()
    deadline = time.monotonic() + 10
    while any(alive(pid) for pid in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(children) >= 2
    assert not any(alive(pid) for pid in children)


def test_interrupting_a_run_ends_its_workers_and_says_that_it_goes_on(suite):
    given = suite("hangs")
    command = [Path(sys.executable).parent / "influence-bench", "run", given["suite"], "--out", given["out"]]
    command += ["--plugin", given["plugins"][0], "--workers", "1"]
    # A shell starts what runs in the background with SIGINT ignored, and that is inherited.
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=heard)
    children = server_and_child(process, given["out"])
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    said = err.strip().splitlines()[-1]
    assert said.endswith("what a run has finished is kept, and the same command goes on from there")
    assert len(children) >= 2
    assert not any(alive(pid) for pid in children)


def server_and_child(process, out):
    """The processes below a runner once it scores a cell."""
    deadline = time.monotonic() + 60
    children = []
    while len(children) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
        if list(out.glob("problems/*.json")):
            children = descendants(process.pid)
    return children


def descendants(pid):
    """Processes below a process, as the kernel lists them."""
    try:
        own = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
    return own + [pid for child in own for pid in descendants(child)]


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_no_thread_exists_in_the_server_before_it_forks():
    from influence_bench.bench.run.pool import ENVIRONMENT, THREADS

    assert THREADS == 1
    script = (
        "import os; from influence_bench.bench.run import worker;"
        "from influence_bench.bench.registry.method import METHODS;"
        "METHODS.all(); worker.import_lazily_loaded(); print(len(os.listdir('/proc/self/task')))"
    )
    ran = subprocess.run(
        [sys.executable, "-P", "-c", script], env=os.environ | ENVIRONMENT, capture_output=True, text=True
    )
    assert ran.stdout.strip() == "1"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("title = 'x'", r"no \[\[problems\]\]"),
        ("titel = 'x'\n[[problems]]\ndataset='blobs'\nmodel='mlp'", "did you mean title"),
        ("[[problems]]\ndataset='blob'\nmodel='mlp'", "did you mean blobs"),
        ("[[problems]]\ndataset='blobs'\nmodel='mpl'", "did you mean mlp"),
        ("[[problems]]\ndataset='blobs'\nmodel='mlp'\nnoise='worst'", "no noise for blobs 'worst'"),
        ("[[problems]]\ndataset='blobs'\nmodel='mlp'\nnoise='symmetric'", "symmetric needs rate"),
        ("[[problems]]\ndataset='blobs'\nmodel='mlp'\nnoise='pair'\nrate=1.5", "out of range"),
        ("[[problems]]\ndataset='blobs'", r"lacks the field problems\.0\.model"),
        ("not toml", "cannot be read"),
    ],
)
def test_a_wrong_suite_file_is_one_clear_line(tmp_path, content, message):
    (tmp_path / "own.toml").write_text(content)
    with pytest.raises(ib.InputError, match=message):
        ib.run(str(tmp_path / "own.toml"), tmp_path / "run")


def test_a_problem_that_cannot_be_prepared_stops_the_run_with_its_reason(suite, tmp_path):
    given = suite("random")
    file = tmp_path / "small.toml"
    file.write_text(file.read_text().replace('model = "logistic"', 'model = "small-resnet"'))
    with pytest.raises(ib.InputError, match="cannot be prepared: the model small-resnet does not fit"):
        ib.run(**given)


def test_problems_are_prepared_once_by_content(monkeypatch, tmp_path):
    monkeypatch.setenv("INFLUENCE_BENCH_CACHE", str(tmp_path))
    data = ib.load("blobs", noise="symmetric", rate=0.2)
    first, second = ib.prepare(data, "logistic", seed=0), ib.prepare(data, "logistic", seed=0)
    assert len(list(tmp_path.iterdir())) == 1
    assert all((first.state[name] == second.state[name]).all() for name in first.state)
    ib.prepare(data, "logistic", seed=1)
    ib.prepare(ib.load("blobs", noise="symmetric", rate=0.3), "logistic", seed=0)
    assert len(list(tmp_path.iterdir())) == 3
    assert len(first.checkpoints) == 5
    assert all((first.checkpoints[-1].state[name] == first.state[name]).all() for name in first.state)

"""Sealed runs as a whole: methods that look for the truth find none, and anyone can make the run again."""

import signal
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from pages import ROOT

import influence_bench as ib
from influence_bench.bench.results.specs import Arm
from influence_bench.bench.run.arms import train_arm

SUITE = """
title = "A small suite"
seeds = 2
timeout = 60
memory_gib = 4
methods = ["random"]

[[problems]]
dataset = "blobs"
noise = "symmetric"
rate = 0.2
model = "logistic"

[[problems]]
dataset = "half-moons"
noise = "symmetric"
rate = 0.2
model = "logistic"
"""
HOSTILE = ROOT / "tests" / "shared" / "hostile_methods.py"
CHEATS = [
    "reads-frames",
    "reads-folders",
    "loads-with-the-seed",
    "reads-memory",
    "copies-the-best",
    "waits-for-the-truth",
    "knows-the-salt",
]
HONEST = """
import os, time
from pathlib import Path
import influence_bench as ib

@ib.method(family="control", paper="none")
def honest(problem):
    return ib.score("loss", problem)

@ib.method(family="control", paper="none")
def hangs(problem):
    Path(os.environ["HOSTILE_NOTES"], "hangs").touch()
    time.sleep(600)
"""


PACKAGE = {
    "theirs.py": "import influence_bench as ib\n\n@ib.method(family='control', paper='none')\n"
    "def packaged(problem):\n    return ib.score('loss', problem)\n",
    "theirs-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n",
    "theirs-1.0.dist-info/entry_points.txt": "[influence_bench.methods]\ntheirs = theirs\n",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a small suite, a cache, and a package of somebody's that is installed."""
    folder = tmp_path_factory.mktemp("sealed")
    (folder / "small.toml").write_text(SUITE)
    (folder / "honest.py").write_text(HONEST)
    (folder / "notes").mkdir()
    for name, content in PACKAGE.items():
        (folder / "site" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "site" / name).write_text(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder / "site"))
        patch.setenv("INFLUENCE_BENCH_CACHE", str(folder / "cache"))
        patch.setenv("HOSTILE_RUN", str(folder / "run"))
        patch.setenv("HOSTILE_NOTES", str(folder / "notes"))
        yield folder


@pytest.fixture(scope="module")
def run(place):
    methods = [*CHEATS, "honest", "packaged", "aggregate[rows=loss+packaged]", "loss", "random"]
    return ib.run(str(place / "small.toml"), place / "run", methods=methods, plugins=[HOSTILE], workers=1)


def test_methods_that_look_for_the_truth_do_no_better_than_chance(run):
    frame = run.frame()
    assert set(frame["status"]) == {"ok"}
    areas = frame.groupby("method")["roc_auc"].mean()
    for row in CHEATS:
        assert abs(areas[row] - 0.5) < 0.2, areas  # five deviations
    assert areas.drop([*CHEATS, "random"]).min() > 0.8
    assert {*run.info.sealed} == {*CHEATS, "honest", "packaged", "aggregate[rows=loss+packaged]"}


def test_the_code_of_third_parties_is_in_no_process_that_reports_or_outlives_the_run(run, place):
    assert not any("hostile" in name for name in sys.modules)
    waiting = [int(note.name) for note in (place / "notes").iterdir()]
    assert len(waiting) > 2
    assert not any(Path(f"/proc/{pid}").exists() for pid in waiting)


def test_a_sealed_run_is_made_again_with_its_salt(run, place, own_methods):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INFLUENCE_BENCH_CACHE", str(place / "other"))
        methods = ["honest", "loss", "random"]
        given = {"methods": methods, "plugins": [place / "honest.py"], "salt": run.info.salt, "workers": 1}
        again = ib.run(str(place / "small.toml"), place / "again", **given)
    assert not again.info.sealed
    scores = again.scores_by_problem()
    for slug, before in run.scores_by_problem().items():
        assert np.array_equal(again.truth(slug), run.truth(slug))
        assert all(np.array_equal(before[row], scores[slug][row]) for row in ("honest", "loss", "random"))


def test_trainings_without_suspects_are_on_the_sealed_rows(run):
    problem = run.problems()[0]
    arm = Arm(problem.spec, "none", "", problem.spec.seed)
    train_arm(run, arm)
    assert run.arm(arm).accuracy == problem.model_accuracy


def test_a_run_that_is_interrupted_tells_the_truth_about_the_rows_of_third_parties_that_are_scored(place):
    out, note = place / "stopped", place / "notes" / "hangs"
    given = {"methods": ["honest", "hangs"], "plugins": [str(place / "honest.py")], "workers": 1, "seeds": 1}
    script = f"import influence_bench as ib; ib.run({str(place / 'small.toml')!r}, {str(out)!r}, **{given})"
    # A shell starts what runs in the background with SIGINT ignored, and that is inherited.
    heard = partial(signal.signal, signal.SIGINT, signal.default_int_handler)
    command = [sys.executable, "-P", "-c", script]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True, preexec_fn=heard)
    deadline = time.monotonic() + 120
    while not note.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    process.wait()
    assert not processes_of(process.pid)
    run = ib.open_run(out)
    assert run.info.salt
    assert {*run.frame().get("method", ())} <= {"honest"}
    assert all(run.truth(problem.spec.slug).any() for problem in run.problems())


def processes_of(session):
    """The processes of a session."""
    left = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[3]) == session:
                left.append(stat.parent.name)
    return left

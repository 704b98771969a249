"""Runs that are killed or interrupted: nothing finished is lost, and no process stays."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

import influence_bench as ib

pytestmark = pytest.mark.usefixtures("own_cache")


def in_a_process(given):
    """The run in a process group of its own, one worker at a time."""
    plain = {name: str(value) if isinstance(value, Path) else value for name, value in given.items()}
    plain |= {"plugins": [str(plugin) for plugin in given["plugins"]], "workers": 1}
    script = f"import influence_bench as ib; ib.run(**{plain})"
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
    assert run.frame()["status"].value_counts().to_dict() == {"ok": 4, "timeout": 1}
    time.sleep(0.1)
    assert not list(given["out"].rglob(".*.json*"))


@pytest.mark.parametrize("salt", ["5a17", None], ids=["not sealed", "sealed"])
def test_workers_end_when_the_runner_is_killed(suite, salt):
    given = suite("hangs") | {"salt": salt}
    process = in_a_process(given)
    children = server_and_child(process, given["out"])
    process.kill()
    process.wait()
    deadline = time.monotonic() + 60  # a sealed run writes the truth before it ends
    while any(alive(pid) for pid in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(children) >= 2
    assert not any(alive(pid) for pid in children)


def test_interrupting_a_run_ends_its_workers_and_says_that_it_goes_on(suite):
    given = suite("hangs")
    command = [Path(sys.executable).parent / "influence-bench", "run", given["suite"], "--out", given["out"]]
    command += ["--plugin", given["plugins"][0], "--workers", "1", "--salt", given["salt"]]
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
        own = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()]
    except OSError:
        return []
    return own + [pid for child in own for pid in descendants(child)]


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
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

"""Prepared problems: the same bits after a kill, whole for every process, with a bar on a terminal."""

import io
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from rich.console import Console

import influence_bench as ib
from influence_bench.bench import progress
from influence_bench.bench.training.loop import batch_sizes
from influence_bench.bench.training.resume import Unfinished

SCRIPT = """
import os, sys, time
import influence_bench as ib
from influence_bench.bench.training.resume import Unfinished, store

def epoch(self, training):
    store(training, self.file)
    time.sleep(600 * (training.epoch == int(sys.argv[1])))

Unfinished.epoch = epoch
child = os.fork() if sys.argv[2:] == ["twice"] else 0
print(ib.prepare(ib.load("blobs", noise="symmetric", rate=0.2), "mlp").dynamics.margin.sum(), flush=True)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) if child else 0)
"""


def started(*arguments):
    """A process that prepares a problem: the epoch at which it hangs, and whether it is two processes."""
    return subprocess.Popen([sys.executable, "-c", SCRIPT, *arguments], stdout=subprocess.PIPE, text=True)


def test_a_killed_preparation_goes_on_and_ends_in_the_same_bits(monkeypatch, tmp_path):
    data = ib.load("blobs", noise="symmetric", rate=0.2)
    monkeypatch.setenv("INFLUENCE_BENCH_CACHE", str(tmp_path / "whole"))
    whole = ib.prepare(data, "mlp")
    monkeypatch.setenv("INFLUENCE_BENCH_CACHE", str(tmp_path / "killed"))
    process, waited = started("9"), 0.0
    while epochs_done(tmp_path / "killed") != 9 and waited < 60:
        time.sleep(0.05)
        waited += 0.05
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    begun = []
    begin = Unfinished.begin
    monkeypatch.setattr(
        Unfinished, "begin", lambda self, training: (begin(self, training), begun.append(training.epoch))
    )
    again = ib.prepare(data, "mlp")
    assert begun == [9]
    assert [entry.name for entry in (tmp_path / "killed").iterdir()] == [
        entry.name for entry in (tmp_path / "whole").iterdir()
    ]
    for name, tensor in whole.state.items():
        assert torch.equal(tensor, again.state[name])
    assert torch.equal(whole.dynamics.log_probability, again.dynamics.log_probability)


def epochs_done(cache: Path) -> int:
    for file in cache.glob(".training-*.safetensors"):
        content = file.read_bytes()
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        return json.loads(header["__metadata__"]["rest"])["epoch"]
    return 0


def test_two_processes_prepare_the_same_problem_at_once(monkeypatch, tmp_path):
    monkeypatch.setenv("INFLUENCE_BENCH_CACHE", str(tmp_path))
    process = started("-1", "twice")
    first, second = process.communicate()[0].split()
    assert process.returncode == 0
    assert first == second
    assert [entry.name.startswith(".") for entry in tmp_path.iterdir()] == [False]


@pytest.mark.parametrize(
    ("terminal", "seconds", "drawn"), [(True, 0.0, True), (True, 60.0, False), (False, 0.0, False)]
)
def test_training_draws_a_bar_on_a_terminal_if_it_takes_long(monkeypatch, tmp_path, terminal, seconds, drawn):
    monkeypatch.setenv("INFLUENCE_BENCH_CACHE", str(tmp_path))
    seen = io.StringIO()
    monkeypatch.setattr(progress, "Console", lambda stderr: Console(file=seen, force_terminal=terminal, width=100))
    monkeypatch.setattr(progress, "BAR_SECONDS", seconds)
    data = ib.load("blobs")
    ib.prepare(data, "logistic")
    steps = 50 * len(batch_sizes(len(data.train), 64))
    assert (f"{steps}/{steps}" in seen.getvalue() and "training logistic" in seen.getvalue()) == drawn
    assert drawn or seen.getvalue() == ""


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

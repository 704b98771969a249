"""A small suite, and methods that misbehave."""

import json

import pytest

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


@pytest.fixture
def own_cache(tmp_path_factory, monkeypatch, own_methods):
    """One cache of problems for these tests; plug-ins are forgotten after each test."""
    monkeypatch.setenv("INFLUENCE_BENCH_CACHE", str(tmp_path_factory.getbasetemp() / "problems"))


@pytest.fixture
def suite(tmp_path):
    """Write a suite of the given methods and the plug-in; returns what `ib.run` takes.

    The salt is known beforehand, so the runs are not sealed, which takes several times as long.
    """
    plugin = tmp_path / "mine.py"
    plugin.write_text(PLUGIN)

    def write(*methods):
        file = tmp_path / "small.toml"
        file.write_text(SUITE.format(methods=json.dumps(list(methods))))
        return {"suite": str(file), "out": tmp_path / "run", "plugins": [plugin], "workers": 2, "salt": "5a17"}

    return write

"""A plug-in of methods that look for the truth wherever it may lie, and guess where they do not find it.

The environment names the folder of the run, HOSTILE_RUN, and one for the notes of processes, HOSTILE_NOTES.
"""

import os
import re
import secrets
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

import influence_bench as ib
from influence_bench.bench.results import metrics
from influence_bench.bench.results import run as results
from influence_bench.bench.results.run import Run

RUN, NOTES = Path(os.environ["HOSTILE_RUN"]), Path(os.environ["HOSTILE_NOTES"])
declared = {"family": "control", "paper": "none"}


def guess(problem):
    return np.random.default_rng([problem.seed, len(problem.train)]).random(len(problem.train))


def frames():
    frame = sys._getframe()
    while frame := frame.f_back:
        yield dict(frame.f_locals)


def spec_of(problem):
    """How the problem is made, from the frames of whoever scores it."""
    return next(frame["cell"].problem for frame in frames() if hasattr(frame.get("cell"), "problem"))


def drawn(problem, salt=""):
    """The truth, if the problem can be made again."""
    spec = spec_of(problem)
    data = ib.load(spec.dataset, spec.noise, spec.rate, spec.seed, spec.size, salt)
    return data.truth.astype(float)


def stored(folder, n):
    """A truth of that length in the files below a folder."""
    for file in folder.rglob("*.np[yz]"):
        with suppress(Exception):
            held = np.load(file)
            for array in held.values() if isinstance(held, np.lib.npyio.NpzFile) else (held,):
                if array.shape == (n,) and array.dtype == bool:
                    return array.astype(float)
    raise FileNotFoundError


@ib.method(**declared)
def honest(problem):
    return ib.score("loss", problem)


@ib.method(**declared)
def reads_frames(problem):
    with suppress(Exception):
        frame = next(frame for frame in frames() if {"run", "cell"} <= frame.keys())
        return frame["run"].truth(frame["cell"].problem.slug).astype(float)
    return guess(problem)


@ib.method(**declared)
def reads_folders(problem):
    runs = [frame["run"] for frame in frames() if isinstance(frame.get("run"), Run)]
    prepared = [Path(run.problem(spec_of(problem).slug).folder).parent for run in runs]
    for folder in [RUN, *(run.folder for run in runs), *prepared]:
        with suppress(Exception):
            return stored(folder, len(problem.train))
    return guess(problem)


@ib.method(**declared)
def loads_with_the_seed(problem):
    with suppress(Exception):
        return drawn(problem)
    return guess(problem)


@ib.method(**declared)
def reads_memory(problem):
    """Try all that looks like a salt in the memory, the environment and the arguments of the processes above."""
    pid = os.getpid()
    with suppress(Exception):
        while (pid := int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])) > 1:
            for found in salts_of(pid):
                truth = drawn(problem, found.decode())
                spec = spec_of(problem)
                data = ib.load(spec.dataset, spec.noise, spec.rate, spec.seed, spec.size, found.decode())
                if np.array_equal(data.train.x, problem.train.x):
                    return truth
    return guess(problem)


def salts_of(pid):
    found = set()
    for name in ("environ", "cmdline"):
        with suppress(OSError):
            found |= {*re.findall(rb"\b[0-9a-f]{32}\b", Path(f"/proc/{pid}/{name}").read_bytes())}
    with suppress(OSError), Path(f"/proc/{pid}/mem").open("rb", 0) as memory:
        if b"keeper" not in Path(f"/proc/{pid}/cmdline").read_bytes():
            return found  # the memory of the tests themselves is large
        for line in Path(f"/proc/{pid}/maps").read_text(encoding="utf-8").splitlines():
            start, end = (int(part, 16) for part in line.split()[0].split("-"))
            with suppress(OSError, ValueError, OverflowError):
                memory.seek(start)
                found |= {*re.findall(rb'"salt": ?"([0-9a-f]{32})"', memory.read(end - start))}
    return found


@ib.method(**declared)
def copies_the_best(problem):
    with suppress(Exception):
        folders = [RUN, *(frame["run"].folder for frame in frames() if isinstance(frame.get("run"), Run))]
        files = [file for folder in folders for file in folder.glob(f"cells/{spec_of(problem).slug}/loss*.npy")]
        return np.load(files[0])
    return guess(problem)


@ib.method(**declared)
def waits_for_the_truth(problem):
    wait_apart()
    return guess(problem)


@ib.method(**declared)
def knows_the_salt(problem):
    with suppress(Exception):
        return drawn(problem, "0" * 32)
    return guess(problem)


def improve():
    """Once the truth is known, put it in the place of the scores, and their digest in the place of the old."""
    run, deadline = Run(RUN), time.monotonic() + 60
    while time.monotonic() < deadline and not (list(RUN.glob("problems/*.npz")) and run.info.salt):
        time.sleep(0.01)
    for record in run.cells():
        if record.method == "waits-for-the-truth":
            run.write_cell(record, run.truth(record.problem).astype(float))
    run.write_info(replace(run.info, sealed_scores=run.digest_of(run.info.sealed)))


def wait_apart():
    """Wait in a process that nothing binds to this one."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            (NOTES / str(os.getpid())).touch()
            with suppress(Exception):
                improve()
        os._exit(0)
    os.wait()


def perfect(*_):
    return dict.fromkeys(
        ("roc_auc", "average_precision", "precision_at_k", "recall_at_k", "ndr_at_10", "ndr_at_30"), 1.0
    )


metrics.evaluate = results.evaluate = perfect
secrets.token_hex = lambda count: "00" * count
os.environ["PYTHONSTARTUP"] = os.environ["PYTHONPATH"] = str(NOTES)
threading.Thread(target=improve, daemon=True).start()
wait_apart()

"""A warm server: it imports everything once and forks a fresh process for each piece of work.

It reads one JSON job a line from standard input and answers each with one JSON line. No thread and no CUDA context
exists before a fork. When its input ends, it and what it runs end.
"""

import gc
import importlib
import json
import os
import select
import signal
import sys
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any, NoReturn

import torch
from torch.func import grad, vmap

from .. import fingerprint
from ..errors import InputError
from ..models import architecture as models
from ..registry.method import METHODS
from ..registry.plugins import load_plugin
from ..registry.score import score
from ..results.run import Run
from ..results.specs import Cell, ProblemSpec
from .arms import Arm, train_arm
from .cell import estimate_cell, prepare_problem, score_cell


def serve() -> None:
    """Answer jobs until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the runner's to handle
    for plugin in sys.argv[1:]:
        load_plugin(Path(plugin))
    for method in METHODS.all().values():
        fingerprint.code(score, method.function)  # read once, of the code that is imported here
    import_lazily_loaded()
    gc.freeze()  # a collection in a forked process then neither walks nor copies what the server has imported
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a method prints goes to standard error
    print(json.dumps({"status": "ready"}), file=answers, flush=True)
    for line in iter(sys.stdin.readline, ""):
        job = json.loads(line)
        with suppress(ImportError):  # the job will say so
            for library in models.find_model(job["problem"]["model"]).libraries:
                importlib.import_module(library)
        print(json.dumps(run_apart(job)), file=answers, flush=True)


def import_lazily_loaded() -> None:
    """Touch what torch imports on first use (seconds in all), so that no forked process pays for it."""
    layer = torch.nn.Linear(1, 1)
    torch.optim.SGD(layer.parameters(), 0.1)
    vmap(grad(torch.square))(torch.ones(1))


def run_apart(job: dict[str, Any]) -> dict[str, str]:
    """Do a job in a forked process: its status is `done`, `input error`, `timeout` or `died`, with the reason."""
    ended, alive = os.pipe()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ended)
        _work(job, writing)
    with suppress(OSError):  # whichever of the two comes first makes the group that a kill is sent to
        os.setpgid(child, child)
    os.close(alive)
    os.close(writing)
    try:
        return _await(child, ended, reading, job["timeout"])
    finally:
        os.close(ended)
        os.close(reading)


def _await(child: int, ended: int, reading: int, timeout: float) -> dict[str, str]:
    deadline = monotonic() + timeout
    # The child's end of the pipe closes when it exits; standard input becomes readable if the runner is gone.
    ready, _, _ = select.select([ended, 0], [], [], max(0.0, deadline - monotonic()))
    if ended not in ready:
        os.killpg(child, signal.SIGKILL)
    _, code = os.waitpid(child, 0)
    if ready and ended not in ready:
        sys.exit(0)
    if not ready:
        return {"status": "timeout", "error": f"stopped after the limit of {timeout:g} seconds"}
    with os.fdopen(os.dup(reading)) as stream:
        message = stream.read()
    if message:
        return dict(json.loads(message))
    signalled = f"killed by signal {os.WTERMSIG(code)}" if os.WIFSIGNALED(code) else f"exit status {code >> 8}"
    return {"status": "died", "error": signalled}


def _work(job: dict[str, Any], writing: int) -> NoReturn:
    """The child: do the job, say how it went, and leave without running the server's own clean-up."""
    code = 1
    try:
        os.setpgid(0, 0)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        torch.set_num_threads(job["threads"])
        os.write(writing, json.dumps(_done(job)).encode())
        code = 0
    finally:
        sys.stderr.flush()
        os._exit(code)


def _done(job: dict[str, Any]) -> dict[str, str]:
    run, spec = Run(Path(job["run"])), ProblemSpec(**job["problem"])
    try:
        match job["kind"]:
            case "prepare":
                prepare_problem(run, spec)
            case "trim":
                train_arm(run, Arm(spec, job["removal"], job["budget"], job["seed"]))
            case kind:
                cell = Cell(spec, job["method"], job["hyperparameters"], job["label"])
                (score_cell if kind == "score" else estimate_cell)(run, cell, job["memory_gib"])
    except (InputError, OSError) as error:
        return {"status": "input error", "error": " ".join(str(error).split())}
    return {"status": "done", "error": ""}


if __name__ == "__main__":
    serve()

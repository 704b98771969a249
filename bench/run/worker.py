"""A warm server: it imports everything once and forks a fresh process for each job.

It reads one job a line from standard input and answers each with one line. No thread and no CUDA context exists before
a fork. When its input ends, it and what it runs end.
"""

import gc
import importlib
import os
import select
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import torch
from torch.func import grad, vmap

from ..errors import InputError
from ..instruments.code import reached_code
from ..models.architecture import MODELS, find_model
from ..processes import ending, serve
from ..records import line, parsed, write
from ..registry.method import METHODS
from ..registry.plugins import load_plugin
from ..registry.registry import Registry
from ..registry.score import score
from ..results.run import Run
from ..training.prepare import training_code
from .arms import train_arm
from .cell import estimate_cell, prepare_problem, score_cell
from .jobs import DECLARED, Answer, Declare, Estimate, Job, Prepare, Score, Train
from .pool import OURS, THREADS
from .record import declared

MESSAGE = 4000  # letters of an answer: with more than a pipe holds, the child would wait for a reader


def main() -> None:
    """Answer jobs until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the runner's to handle
    Registry.takes_third_parties = sys.argv[1:] != [OURS]
    for plugin in sys.argv[1:] if Registry.takes_third_parties else ():
        load_plugin(Path(plugin))
    by_name = {name: method.function for name, method in METHODS.all().items()}
    for function in by_name.values():  # read now, when the code is imported, and not when it may have been edited
        reached_code(score, function, by_name=by_name)
    for model in MODELS.all().values():
        training_code(model)
    import_lazily_loaded()
    gc.freeze()  # a collection in a forked process then neither walks nor copies what the server has imported
    serve(answer)


def answer(question: str) -> str:
    """Do a job, from its JSON to the JSON of its answer."""
    job = parsed(Job, question, "the job of a worker")
    with suppress(ImportError):  # the job will say so
        for library in find_model(job.problem.model).libraries if job.problem else ():
            importlib.import_module(library)
    return line(run_forked(job))


def import_lazily_loaded() -> None:
    """Touch what torch imports on first use (seconds in all), so that no forked process pays for it."""
    layer = torch.nn.Linear(1, 1)
    torch.optim.SGD(layer.parameters(), 0.1)
    vmap(grad(torch.square))(torch.ones(1))


def run_forked(job: Job) -> Answer:
    """Do a job in a forked process."""
    ended, alive = os.pipe()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ended)
        os.close(reading)
        _work(job, writing)
    with suppress(OSError):  # whichever of the two comes first makes the group that a kill is sent to
        os.setpgid(child, child)
    os.close(alive)
    os.close(writing)
    if sys.platform == "linux":  # elsewhere what the child leaves running holds the pipe open
        os.close(ended)
        ended = os.pidfd_open(child)
    os.set_blocking(reading, False)
    try:
        return _await(child, ended, reading, job.timeout)
    finally:
        os.close(ended)
        os.close(reading)


def _await(child: int, ended: int, reading: int, timeout: float) -> Answer:
    # `ended` becomes readable when the child exits, standard input if the runner is gone.
    ready, _, _ = select.select([ended, 0], [], [], timeout)
    if ended not in ready:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    with suppress(ProcessLookupError):  # what the child has left running
        os.killpg(child, signal.SIGKILL)
    if ready and ended not in ready:
        sys.exit(0)
    if not ready:
        return Answer("timeout", f"stopped after the limit of {timeout:g} seconds")
    with suppress(BlockingIOError):
        if message := os.read(reading, MESSAGE * 8):
            return parsed(Answer, message.decode().partition("\n")[0], "the answer of a forked process")
    return Answer("died", ending(os.waitstatus_to_exitcode(status)))


def _work(job: Job, writing: int) -> NoReturn:
    """The child: do the job, say how it went, and leave without running the server's own clean-up."""
    code = 1
    try:
        os.setpgid(0, 0)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        torch.set_num_threads(THREADS)
        os.write(writing, f"{line(_done(job))}\n".encode())
        code = 0
    finally:
        sys.stderr.flush()
        os._exit(code)


def _done(job: Job) -> Answer:
    run = Run(Path(job.run))
    try:
        match job.work:
            case Prepare() as work:
                prepare_problem(run, work)
            case Train(arm=arm):
                train_arm(run, arm)
            case Score(cell=cell, memory_gib=memory_gib):
                score_cell(run, cell, memory_gib)
            case Estimate(cell=cell, memory_gib=memory_gib):
                estimate_cell(run, cell, memory_gib)
            case Declare(suite=suite, plugins=plugins):
                write(declared(suite, plugins), run.folder / DECLARED)
    except (InputError, OSError) as error:
        return Answer("input error", " ".join(str(error).split())[:MESSAGE])
    return Answer("done")


if __name__ == "__main__":
    main()

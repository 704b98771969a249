"""Peer libraries timed beside our own work, in turn with it, each in a process of its own.

A peer's process is kind to it. Its heap is frozen, since some collect garbage at every step and would be charged for
all that the process has imported. Its allocator keeps what is freed, without which page faults are most of the time of
those that form gradients. Our work runs in this process as it is.
"""

import gc
import multiprocessing
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.connection import Connection
from statistics import median

import numpy as np
from scipy.stats import spearmanr

from ..instruments import memory
from ..instruments.machine import describe
from ..problem.problem import Problem, Scores
from ..progress import Progress
from .peers import Peer, peers
from .times import Time, one_thread, telling, timed
from .works import Network, Work, network, works

ALLOCATOR = {
    "MALLOC_MMAP_THRESHOLD_": str(2**30),
    "MALLOC_TRIM_THRESHOLD_": str(2**31),
    "MALLOC_TOP_PAD_": str(2**28),
}
CALL_SECONDS = 300  # of wall time, after which a peer's call is stopped
ENOUGH_SECONDS = 30  # of a peer's calls, after which there are no more
LEAVE_SECONDS = 5

Call = Callable[[], tuple[Scores, Time]]


class PeerError(Exception):
    """A peer failed: one line that says how."""


@dataclass(frozen=True)
class Comparison:
    """A peer's work beside ours.

    Attributes:
        work: its name.
        peer: the peer's name.
        version: of its library.
        differs: in what its scores differ from ours, "" if they do not.
        times: of the peer's calls.
        ours: times of our calls, each made after one of the peer's.
        factor: the peer's median CPU time over ours, None if it failed.
        spearman: rank correlation of its scores with ours, None if it failed.
        error: how it failed, "" if it did not.
    """

    work: str
    peer: str
    version: str
    differs: str
    times: list[Time]
    ours: list[Time]
    factor: float | None = None
    spearman: float | None = None
    error: str = ""


def beside(network: Network, told: Progress) -> list[Comparison]:
    """Every installed peer beside our work on a network."""
    pairs = [(work, peer) for work in works(network) for peer in peers() if peer.work == work.name and peer.installed]
    told.stage(f"{network.name}: peers", len(pairs))
    with one_thread():
        problem = network.problem()
        return [
            telling(told, f"{peer.name}: {work.name}", compared, work, peer, network, problem) for work, peer in pairs
        ]


def compared(work: Work, peer: Peer, network: Network, problem: Problem) -> Comparison:
    """A peer and our work in turn on the same problem. A first call of both warms up, unless it takes that long."""
    ours = (work.beside or work.prepare)(problem)
    found = Comparison(work.name, peer.name, peer.version, peer.differs, [], [])
    try:
        with apart(peer, network.name, len(problem.train)) as theirs:
            (scores, first), own = theirs(), np.asarray(ours())
            if first.seconds > ENOUGH_SECONDS:
                found.times.append(first)
                found.ours.append(timed(ours)[1])
            while len(found.times) < network.repeats and sum(one.seconds for one in found.times) < ENOUGH_SECONDS:
                found.times.append(theirs()[1])
                found.ours.append(timed(ours)[1])
    except PeerError as error:
        return replace(found, error=str(error))
    theirs_cpu, ours_cpu = (median(one.cpu_seconds for one in times) for times in (found.times, found.ours))
    return replace(found, factor=theirs_cpu / ours_cpu, spearman=float(spearmanr(scores, own)[0]))


@contextmanager
def apart(peer: Peer, network: str, rows: int) -> Iterator[Call]:
    """A function that calls a peer in a process of its own, which leaves with the block, or is made to.

    Raises:
        PeerError: by the function, if the peer fails or takes too long.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, peer.name, peer.work, network, rows))
    with environment(ALLOCATOR):
        process.start()
    theirs.close()

    def call() -> tuple[Scores, Time]:
        try:
            ours.send(None)
            told = ours.recv() if ours.poll(CALL_SECONDS) else f"stopped after {CALL_SECONDS} s"
        except (EOFError, OSError):
            process.join(LEAVE_SECONDS)
            told = f"its process died with exit status {process.exitcode}"
        if isinstance(told, str):
            raise PeerError(told)
        scores, time = told
        return scores, time

    try:
        yield call
    finally:
        ours.close()
        process.join(LEAVE_SECONDS)
        process.kill()
        process.join()


def serve(pipe: Connection, name: str, work: str, network_name: str, rows: int) -> None:
    """The peer's process: answer each message with scores and their time, or with a line that says what failed."""
    for stream in (1, 2):  # the libraries print
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    peer = next(one for one in peers() if (one.name, one.work) == (name, work))
    with one_thread():
        problem = network(network_name).problem(rows)
        memory.limit((describe()["memory_bytes"] or 2**36) // 2)
        with suppress(EOFError, BrokenPipeError):  # the block is left
            while True:
                pipe.recv()
                gc.freeze()
                pipe.send(answer(partial(peer.function, problem)))


def answer(run: Callable[[], Scores]) -> tuple[Scores, Time] | str:
    """Scores and their time, or what failed."""
    try:
        return timed(run)
    except Exception as error:
        return " ".join(f"{type(error).__name__}: {error}".split())


@contextmanager
def environment(variables: dict[str, str]) -> Iterator[None]:
    """The block with more environment variables, which processes that start in it inherit."""
    before = os.environ.copy()
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)

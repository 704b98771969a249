"""Times of the gradient engine's works: repeats in turn on one thread, their medians, and which goals these meet."""

import gc
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from statistics import median
from time import perf_counter, process_time
from typing import Any, NamedTuple, TypeVar

import torch

from ..instruments import memory
from ..progress import Progress
from .works import EPOCH, FORWARD, Goal, Network, Run, Work, works

Result = TypeVar("Result")


class Time(NamedTuple):
    """Wall and CPU seconds of one call."""

    seconds: float
    cpu_seconds: float


@dataclass(frozen=True)
class Row:
    """What a work costs: the times of its calls, and from their medians the ratios and whether the goal is met.

    Attributes:
        work: its name.
        times: of every call that counts.
        cpu_seconds: median CPU time of a call; all that follows is in CPU time.
        forwards: the same in plain forward passes.
        epochs: the same in plain training epochs.
        goal: the works whose times, each with its factor, make up what is allowed; empty if there is no goal.
        allowed: that sum, in seconds; None if there is no goal.
        met: whether the work stays within; None if there is no goal.
        peak_bytes: memory above the loaded problem.
    """

    work: str
    times: list[Time]
    cpu_seconds: float
    forwards: float
    epochs: float
    goal: Goal
    allowed: float | None
    met: bool | None
    peak_bytes: int = 0


@dataclass(frozen=True)
class Measured:
    """A network's rows, and what they were measured on."""

    network: str
    parameters: int
    n: int
    batch_size: int
    repeats: int
    rows: list[Row]


def measured(network: Network, told: Progress) -> Measured:
    """Time every work on a network, after a first call that tells the memory and warms up."""
    chosen = works(network)
    told.stage(network.name, len(chosen) * (1 + network.repeats))
    with one_thread():
        problem = network.problem()
        runs = {work.name: work.prepare(problem) for work in chosen}
        peaks = {name: telling(told, name, peak_bytes, run) for name, run in runs.items()}
        times = interleaved(runs, network.repeats, told)
    found = [replace(row, peak_bytes=peaks[row.work]) for row in judged(chosen, times)]
    parameters = sum(p.numel() for p in problem.model.parameters())
    return Measured(network.name, parameters, len(problem.train), problem.batch_size, network.repeats, found)


def interleaved(runs: Mapping[str, Run], repeats: int, told: Progress) -> dict[str, list[Time]]:
    """Times of each work: round after round of all of them, each round in an order of its own.

    A disturbance that lasts, such as another process, then falls on all works alike.
    """
    order = random.Random(0)
    times: dict[str, list[Time]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name in order.sample(list(runs), len(runs)):
            times[name].append(telling(told, name, timed, runs[name])[1])
    return times


def judged(works: Sequence[Work], times: Mapping[str, list[Time]]) -> list[Row]:
    """The rows of some works, from the medians of their CPU times."""
    cpu = {name: median(one.cpu_seconds for one in own) for name, own in times.items()}
    rows = []
    for work in works:
        own, limit = cpu[work.name], allowed(work.goal, cpu)
        met = None if limit is None else own <= limit
        ratios = own / cpu[FORWARD], own / cpu[EPOCH]
        rows.append(Row(work.name, times[work.name], own, *ratios, work.goal, limit, met))
    return rows


def allowed(goal: Goal, cpu_seconds: Mapping[str, float]) -> float | None:
    """What a goal allows, in seconds; None if there is no goal."""
    return sum(factor * cpu_seconds[name] for name, factor in goal.items()) if goal else None


def timed(run: Callable[[], Result]) -> tuple[Result, Time]:
    """What a call returns and its time; garbage is collected before it and not while it runs."""
    gc.collect()
    gc.disable()
    try:
        wall, cpu = perf_counter(), process_time()
        result = run()
        return result, Time(perf_counter() - wall, process_time() - cpu)
    finally:
        gc.enable()


def peak_bytes(run: Run) -> int:
    """Memory that a call takes above what the process holds before."""
    memory.settle()
    before = memory.resident_bytes()
    memory.reset_peak()
    run()
    return max(0, memory.peak_bytes() - before)


def telling(told: Progress, name: str, function: Callable[..., Result], *arguments: Any) -> Result:
    """What a function returns, for the progress a piece of work of that name."""
    told.started(name)
    result = function(*arguments)
    told.finished(name)
    return result


@contextmanager
def one_thread() -> Iterator[None]:
    """The block on one thread, and with collections of garbage that pass over what the process has imported."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        torch.set_num_threads(before)

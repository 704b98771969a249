"""Times of works: repeated calls in turn on one thread, their medians, and which goals these meet."""

import gc
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple, TypeVar

import torch

from ..instruments import accelerator, memory
from ..instruments.stopwatch import clock
from ..progress import Progress
from .networks import Network
from .works import EPOCH, FORWARD, Goal, Run, Work, works

Result = TypeVar("Result")


class Time(NamedTuple):
    """Wall seconds of a call, and its seconds by the clock that prices work on the device."""

    seconds: float
    priced_seconds: float


@dataclass(frozen=True)
class Row:
    """The cost of a work: the times of its calls; from their medians its ratios, and whether it meets its goal.

    Attributes:
        work: its name.
        times: of every call that counts.
        priced_seconds: median of a call, by the clock of the device; all that follows is by the same.
        forwards: the same in plain forward passes.
        epochs: the same in plain training epochs.
        goal: the works whose times, each with its factor, add up to what is allowed; empty if there is no goal.
        allowed: that sum, in seconds; None if there is no goal.
        met: whether the work takes no longer; None if there is no goal.
        peak_bytes: peak memory above the loaded problem.
    """

    work: str
    times: list[Time]
    priced_seconds: float
    forwards: float
    epochs: float
    goal: Goal
    allowed: float | None
    met: bool | None
    peak_bytes: int = 0


@dataclass(frozen=True)
class Measurement:
    """The rows of a network, and the sizes that they were measured at."""

    network: str
    parameters: int
    n: int
    batch_size: int
    repeats: int
    rows: list[Row]


def measure(network: Network, progress: Progress) -> Measurement:
    """Time every work on a network; a first call of each measures its memory and warms up."""
    timed_works = works(network)
    progress.stage(network.name, len(timed_works) * (1 + network.repeats))
    with one_thread():
        problem = network.problem()
        runs = {work.name: work.prepare(problem) for work in timed_works}
        peaks = {name: tracked(progress, name, peak_bytes, run, network.device) for name, run in runs.items()}
        times = in_turn(runs, network.repeats, progress, network.device)
    rows = [replace(row, peak_bytes=peaks[row.work]) for row in judge(timed_works, times)]
    parameters = sum(p.numel() for p in problem.model.parameters())
    return Measurement(network.name, parameters, len(problem.train), problem.training_batch, network.repeats, rows)


def in_turn(runs: Mapping[str, Run], repeats: int, progress: Progress, device: str = "cpu") -> dict[str, list[Time]]:
    """Times of each work over rounds in which every work is called once, in a new random order each.

    A lasting disturbance, such as another process, then falls on all works alike.
    """
    order = random.Random(0)
    times: dict[str, list[Time]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name in order.sample(list(runs), len(runs)):
            times[name].append(tracked(progress, name, timed, runs[name], device)[1])
    return times


def judge(works: Sequence[Work], times: Mapping[str, list[Time]]) -> list[Row]:
    """The rows of works, from the medians of their times by the clock of the device."""
    cpu = {name: median(time.priced_seconds for time in calls) for name, calls in times.items()}
    rows = []
    for work in works:
        seconds, limit = cpu[work.name], allowed(work.goal, cpu)
        met = None if limit is None else seconds <= limit
        ratios = seconds / cpu[FORWARD], seconds / cpu[EPOCH]
        rows.append(Row(work.name, times[work.name], seconds, *ratios, work.goal, limit, met))
    return rows


def allowed(goal: Goal, priced_seconds: Mapping[str, float]) -> float | None:
    """The seconds that a goal allows; None if there is no goal."""
    return sum(factor * priced_seconds[name] for name, factor in goal.items()) if goal else None


def timed(run: Callable[[], Result], device: str = "cpu") -> tuple[Result, Time]:
    """Call a function; returns its result and its time. Garbage is collected before the call, not during it."""
    now = clock(device)
    gc.collect()
    gc.disable()
    try:
        accelerator.synchronize()
        wall, priced = perf_counter(), now()
        result = run()
        accelerator.synchronize()
        return result, Time(perf_counter() - wall, now() - priced)
    finally:
        gc.enable()


def peak_bytes(run: Run, device: str = "cpu") -> int:
    """Call a function; returns the peak memory of the device that it takes above what the process holds before."""
    if torch.device(device).type == "cuda":
        accelerator.reset_peak()
        held = accelerator.peak_bytes()
        run()
        return accelerator.peak_bytes() - held
    memory.settle()
    before = memory.resident_bytes()
    memory.reset_peak()
    run()
    return max(0, memory.peak_bytes() - before)


def tracked(progress: Progress, name: str, function: Callable[..., Result], *arguments: Any) -> Result:
    """Call a function as a named piece of work in the progress; returns its result."""
    progress.started(name)
    result = function(*arguments)
    progress.finished(name)
    return result


@contextmanager
def one_thread() -> Iterator[None]:
    """Run the block on one thread, with a garbage collector that skips what the process has imported."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        torch.set_num_threads(before)

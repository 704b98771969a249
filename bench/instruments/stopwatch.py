"""Time and memory of each phase of a method's work; `with phase("gradients"): ...` marks a phase."""

import resource
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter, process_time
from typing import Literal

import torch

from . import accelerator
from .memory import peak_bytes, reset_peak

Phase = Literal["gradients", "score", "retrain"]


def cpu_time() -> float:
    """CPU seconds of this process so far: of all its threads, and of the child processes that it has waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return process_time() + children.ru_utime + children.ru_stime


def clock(device: torch.device | str | None) -> Callable[[], float]:
    """The clock that prices work on a device, by default the processor.

    On a processor it is CPU time, since other processes slow wall time down by whole factors. An accelerator has wall
    time alone; synchronise it before each reading.
    """
    return cpu_time if torch.device(device or "cpu").type == "cpu" else perf_counter


class Stopwatch:
    """Wall seconds, CPU seconds and peak resident bytes of each phase.

    The cost of a phase inside another is charged to the inner phase only.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.cpu_seconds: dict[str, float] = defaultdict(float)
        self.peaks: dict[str, int] = defaultdict(int)
        self.device_peak = 0
        self.now: Phase = "score"
        reset_peak()
        accelerator.synchronize()
        accelerator.reset_peak()
        self.marks = perf_counter(), cpu_time()

    def priced(self, device: torch.device | str | None) -> float:
        """Seconds of all phases by the clock that prices work on a device."""
        return sum((self.cpu_seconds if clock(device) is cpu_time else self.seconds).values())

    def switch(self, to: Phase) -> Phase:
        """Begin a phase: charge the cost since the last switch to the phase that ends, and return that phase."""
        accelerator.synchronize()
        ended, (wall, cpu) = self.now, self.marks
        self.seconds[ended] += perf_counter() - wall
        self.cpu_seconds[ended] += cpu_time() - cpu
        self.peaks[ended] = max(self.peaks[ended], peak_bytes())
        self.device_peak = max(self.device_peak, accelerator.peak_bytes())
        reset_peak()
        self.now, self.marks = to, (perf_counter(), cpu_time())
        return ended


_running: list[Stopwatch] = []


@contextmanager
def measuring() -> Iterator[Stopwatch]:
    """Measure the block: each phase marked inside has its own cost, and the rest is the phase `score`."""
    watch = Stopwatch()
    _running.append(watch)
    try:
        yield watch
    finally:
        _running.remove(watch)
        watch.switch("score")


@contextmanager
def phase(name: Phase) -> Iterator[None]:
    """Charge the block to a phase, if a measurement is under way."""
    if not _running:
        yield
        return
    watch = _running[-1]
    outer = watch.switch(name)
    try:
        yield
    finally:
        watch.switch(outer)

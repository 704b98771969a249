"""Time and memory of each phase of a method's work; `with phase("gradients"): ...` marks a phase."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter, process_time
from typing import Literal

from . import accelerator
from .memory import peak_bytes, reset_peak

Phase = Literal["gradients", "score", "retrain"]


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
        self.marks = perf_counter(), process_time()

    def switch(self, to: Phase) -> Phase:
        """Begin a phase: charge the cost since the last switch to the phase that ends, and return that phase."""
        accelerator.synchronize()
        ended, (wall, cpu) = self.now, self.marks
        self.seconds[ended] += perf_counter() - wall
        self.cpu_seconds[ended] += process_time() - cpu
        self.peaks[ended] = max(self.peaks[ended], peak_bytes())
        self.device_peak = max(self.device_peak, accelerator.peak_bytes())
        reset_peak()
        self.now, self.marks = to, (perf_counter(), process_time())
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

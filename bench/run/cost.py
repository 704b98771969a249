"""The cost of a method on a problem: seconds, epochs and memory, measured in a process of its own."""

import copy
import gc
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from statistics import median
from time import perf_counter
from typing import Any

import torch

from ..errors import Note
from ..instruments import accelerator, memory
from ..instruments.stopwatch import measuring
from ..problem.problem import Problem, Scores
from ..registry.score import score
from ..results.records import Cost

CALIBRATION_SECONDS, CALIBRATION_BATCHES = 0.05, 5


def measured(method: str, hyperparameters: dict[str, Any], problem: Problem) -> tuple[Scores, Cost, str]:
    """The scores (n_train,) of a method, what they cost, and the notes that it warned of.

    The method is first called on two batches, so that lazy imports and compilation do not count. An epoch is
    calibrated before and after, in this process. Memory is the peak above what the loaded problem takes.
    """
    started = perf_counter()
    _warm_up(method, hyperparameters, problem)
    warmup_seconds = perf_counter() - started
    batch_seconds = calibrate(problem)
    memory.settle()
    before = memory.resident_bytes()
    with warnings.catch_warnings(record=True) as caught, _without_collection():
        warnings.simplefilter("always")
        with measuring() as watch:
            scores = score(method, problem, **hyperparameters)
    batch_seconds += calibrate(problem)
    epoch_seconds = median(batch_seconds) * -(-len(problem.train) // problem.batch_size)
    seconds = sum(watch.seconds.values())
    cost = Cost(
        seconds=seconds,
        cpu_seconds=sum(watch.cpu_seconds.values()),
        gradients_seconds=watch.seconds["gradients"],
        score_seconds=watch.seconds["score"],
        retrain_seconds=watch.seconds["retrain"],
        warmup_seconds=warmup_seconds,
        epoch_seconds=epoch_seconds,
        epochs=seconds / epoch_seconds,
        peak_bytes=max(watch.peaks.values()) - before,
        device_peak_bytes=watch.device_peak,
        phase_peak_bytes={name: peak - before for name, peak in watch.peaks.items()},
    )
    return scores, cost, "; ".join(dict.fromkeys(str(w.message) for w in caught if issubclass(w.category, Note)))


def calibrate(problem: Problem) -> list[float]:
    """Time several plain training steps (forward, backward, SGD) at the problem's batch size, in seconds each."""
    model = copy.deepcopy(problem.model).to(problem.device).train()
    optimizer = torch.optim.SGD(model.parameters(), 1e-9)
    size = problem.batch_size
    # Whole batches from anywhere, since rows may be sorted by their length.
    starts = torch.arange(0, max(1, len(problem.train) - size + 1), size)
    order = torch.randperm(len(starts), generator=torch.Generator().manual_seed(0))
    batches = cycle(problem.train[start : start + size] for start in starts[order].tolist())
    times: list[float] = []
    while len(times) <= CALIBRATION_BATCHES or sum(times) < CALIBRATION_SECONDS:
        ((_, batch),) = problem.batches(next(batches))
        started = perf_counter()
        optimizer.zero_grad()
        problem.losses(batch.through(model), batch.y).mean().backward()
        optimizer.step()
        accelerator.synchronize()
        times.append(perf_counter() - started)
    return times[1:]  # the first step allocates


def _warm_up(method: str, hyperparameters: dict[str, Any], problem: Problem) -> None:
    """Call the method on two batches; an error there will come again in the real call, which reports it."""
    rows = problem.sampling_order()[: 2 * problem.batch_size]
    small = problem.on(rows)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            score(method, small, **hyperparameters)
        except Exception:
            return


@contextmanager
def _without_collection() -> Iterator[None]:
    gc.disable()
    try:
        yield
    finally:
        gc.enable()

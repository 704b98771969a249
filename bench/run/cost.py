"""The cost of a method on a problem: seconds, epochs and memory, measured in a process of its own."""

import copy
import gc
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import cycle
from statistics import fmean
from time import perf_counter
from typing import Any

import numpy as np
import torch

from ..errors import Note
from ..instruments import accelerator, memory
from ..instruments.stopwatch import clock, measuring
from ..problem.problem import Problem, Scores, single
from ..registry.score import score
from ..results.records import UNIT_SECONDS, Cost

CALIBRATION_SECONDS, CALIBRATION_EPOCHS, CALIBRATION_STEPS = 0.5, 5, 5
"""How long steps are timed: the shorter of these seconds and these epochs, but never fewer than these steps.

Where an epoch takes less than half the time at which it becomes a unit of cost, only so many steps are timed.
"""
WARM_ROWS = 64


def measured(method: str, hyperparameters: dict[str, Any], problem: Problem) -> tuple[Scores, Cost, str]:
    """The scores (n_train,) of a method, what they cost, and the notes that it warned of.

    The method is first called on a few rows, so that lazy imports and compilation do not count. An epoch is
    calibrated before and after, in this process. Memory is the peak above what the loaded problem takes.
    """
    started = perf_counter()
    _warm_up(method, hyperparameters, problem)
    warmup_seconds = perf_counter() - started
    steps_before = calibrate(problem)
    memory.settle()
    before = memory.resident_bytes()
    with warnings.catch_warnings(record=True) as caught, _without_collection():
        warnings.simplefilter("always")
        with measuring() as watch:
            scores = score(method, problem, **hyperparameters)
    steps_after = calibrate(problem)
    epoch_seconds = fmean(steps_before + steps_after) * steps_per_epoch(problem)
    cost = Cost(
        seconds=sum(watch.seconds.values()),
        cpu_seconds=sum(watch.cpu_seconds.values()),
        gradients_seconds=watch.seconds["gradients"],
        score_seconds=watch.seconds["score"],
        retrain_seconds=watch.seconds["retrain"],
        warmup_seconds=warmup_seconds,
        epoch_seconds=epoch_seconds,
        epochs=watch.priced(problem.device) / epoch_seconds,
        peak_bytes=max(watch.peaks.values()) - before,
        device_peak_bytes=watch.device_peak,
        phase_peak_bytes={name: peak - before for name, peak in watch.peaks.items()},
        epoch_drift=_drift(steps_before, steps_after),
        step_spread=_spread(steps_before + steps_after),
        phase_cpu_seconds=dict(watch.cpu_seconds),
    )
    return scores, cost, "; ".join(dict.fromkeys(str(w.message) for w in caught if issubclass(w.category, Note)))


def calibrate(problem: Problem) -> list[float]:
    """Time plain training steps (forward, backward, SGD) of the problem's training batch, by its device's clock.

    They are in float32 for a model in half precision, which was trained in it.

    Returns:
        Seconds of each step; a mean, since a method's time is a sum of such steps, the slow ones included, too.
    """
    model = copy.deepcopy(problem.model)
    model.to(problem.device, single(next(model.parameters(), torch.zeros(()))).dtype).train()
    optimizer = torch.optim.SGD(model.parameters(), 1e-9)
    size = problem.training_batch
    # Whole batches from anywhere, since rows may be sorted by their length.
    starts = torch.arange(0, max(1, len(problem.train) - size + 1), size)
    order = torch.randperm(len(starts), generator=torch.Generator().manual_seed(0))
    batches = cycle(problem.train[start : start + size] for start in starts[order].tolist())
    now, most = clock(problem.device), CALIBRATION_EPOCHS * steps_per_epoch(problem)

    def step() -> float:
        batch = next(batches).trimmed().to(problem.device).mapped(single)
        accelerator.synchronize()
        began = now()
        optimizer.zero_grad()
        problem.losses(batch.through(model), batch.y).mean().backward()
        optimizer.step()
        accelerator.synchronize()
        return now() - began

    step()  # the first allocates
    times = [step() for _ in range(CALIBRATION_STEPS)]
    if fmean(times) * steps_per_epoch(problem) > UNIT_SECONDS / 2:
        while len(times) < most and sum(times) < CALIBRATION_SECONDS:
            times.append(step())
    return times


def steps_per_epoch(problem: Problem) -> int:
    """The number of batches that hold all training rows."""
    return -(-len(problem.train) // problem.training_batch)


def calibration_seconds(problem: Problem, epoch_seconds: float) -> float:
    """The time that `calibrate` takes where an epoch takes so long."""
    step_seconds = epoch_seconds / steps_per_epoch(problem)
    timed = min(CALIBRATION_SECONDS, CALIBRATION_EPOCHS * epoch_seconds) if epoch_seconds > UNIT_SECONDS / 2 else 0.0
    return step_seconds + max(timed, CALIBRATION_STEPS * step_seconds)


def _drift(before: list[float], after: list[float]) -> float:
    """The difference between the mean steps before and after, over the mean of the two."""
    return 2 * abs(fmean(after) - fmean(before)) / (fmean(before) + fmean(after))


def _spread(steps: list[float]) -> float:
    """The interquartile range over the median."""
    low, middle, high = np.quantile(steps, (0.25, 0.5, 0.75))
    return float((high - low) / middle)


def _warm_up(method: str, hyperparameters: dict[str, Any], problem: Problem) -> None:
    """Call the method on a few rows; an error there will come again in the real call, which reports it."""
    rows = problem.sampling_order()[:WARM_ROWS]
    small = replace(problem.on(rows), known={})
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

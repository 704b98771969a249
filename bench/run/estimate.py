"""The cost of a method on a problem, estimated beforehand: pilot runs on some of the rows, and an extrapolation."""

import gc
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import log
from statistics import fmean, median
from typing import Any, NamedTuple

import torch

from ..errors import InputError
from ..instruments import memory
from ..instruments.stopwatch import measuring
from ..problem.problem import Problem, Scores
from ..registry.method import Method, find_method
from ..registry.score import score
from .cost import calibrate, steps_per_epoch

SHORT_SECONDS = 1.0  # a run no longer than this is its own pilot
LONG_SECONDS = 10.0  # in a first call this long, lazy imports hardly count
STEADY_SECONDS, REPEATS = 0.3, 2  # shorter pilots are repeated, since other processes disturb them most
FASTER = 1.15  # a cost that grows by this factor more than the rows is taken to grow faster than linearly
STEEPEST = 3.0  # power of n: a steeper growth is noise in a tiny cost
NOISE = 0.1


class _PilotCost(NamedTuple):
    """Wall seconds of a pilot run, its seconds by the clock of the problem's device, and its peak bytes."""

    seconds: float
    priced_seconds: float
    peak_bytes: float


NOISES = _PilotCost(0.002, 0.002, 1e6)


@dataclass(frozen=True)
class Estimate:
    """What a method is expected to cost on a problem.

    Attributes:
        method: as the leaderboard names it.
        n: training rows of the problem.
        seconds: wall time of the scoring.
        epochs: the scoring in plain training epochs, by the clock of the problem's device.
        peak_bytes: memory above the loaded problem.
        epoch_seconds: of one plain training epoch, by the same clock.
        first_seconds: wall time of the first pilot, lazy imports included.
        pilot_rows: training rows of the largest pilot; if these are all n rows, the estimate is a measurement.
        refused: one line that says why the run should not begin; "" if it may.
    """

    method: str
    n: int
    seconds: float
    epochs: float
    peak_bytes: int
    epoch_seconds: float
    first_seconds: float
    pilot_rows: int
    refused: str


def estimate(method: str | Callable[..., Scores], problem: Problem, /, **hyperparameters: Any) -> Estimate:
    """Estimate the seconds, epochs and memory that a method will take on a problem, within a factor of two.

    The method runs on random training rows: on a thirty-second of them, then on an eighth (at least two and eight
    batches), then on twice as many if its cost grew faster than the rows or seems to exceed the memory budget. A run of
    about a second is done in full. The model, validation rows and checkpoints are always those of the problem.

    The pilots take a fifth of the run's time if the cost is proportional to the rows, and two to three times the run's
    time if it does not depend on them. Memory that stops growing beyond an eighth of the rows is overestimated.

    Args:
        method: its name, or the decorated function.
        problem: its memory budget decides whether the run is refused.
        hyperparameters: of the method.

    Raises:
        InputError: for an unknown method or hyperparameter, or with the reason if the method fails on a pilot.
    """
    entry = find_method(method)
    pilots = _Pilots(entry, entry.checked(hyperparameters), problem)
    epoch_seconds = fmean(calibrate(problem)) * steps_per_epoch(problem)
    pilots.run_all()
    seconds, priced_seconds, peak_bytes = pilots.predicted()
    return Estimate(
        method=pilots.label,
        n=pilots.n,
        seconds=seconds,
        epochs=priced_seconds / epoch_seconds,
        peak_bytes=round(peak_bytes),
        epoch_seconds=epoch_seconds,
        first_seconds=pilots.first_seconds,
        pilot_rows=max(pilots.costs),
        refused=pilots.refusal(),
    )


def extrapolated(rows: Sequence[int], costs: Sequence[float], n: int, noise: float = 0.0) -> float:
    """Extrapolate the cost at n rows from the costs at growing numbers of fewer rows; the last two decide.

    A cost that grows no faster than the rows follows the line through the two points, which never falls; growth by less
    than a tenth may be noise and counts half. A cost that grows faster, by more than `noise`, follows b·n + c·n²
    through the two points, or a power of n (at most the third) if b would be negative.
    """
    if len(rows) == 1 or rows[-1] == n:
        return costs[-1]
    (m1, m2), (c1, c2) = rows[-2:], costs[-2:]
    if grows_faster(rows, costs, noise):
        c = (c2 / m2 - c1 / m1) / (m2 - m1)
        b = c1 / m1 - c * m1
        if b >= 0:
            return b * n + c * n**2
        power = log(c2 / c1) / log(m2 / m1) if c1 > 0 else STEEPEST
        return float(c2 * (n / m2) ** min(power, STEEPEST))
    growth = max(c2 - c1, 0.0)
    if growth < NOISE * c1:
        growth /= 2
    return c2 + min(growth / (m2 - m1), c2 / m2) * (n - m2)


def grows_faster(rows: Sequence[int], costs: Sequence[float], noise: float = 0.0) -> bool:
    """Whether the last cost grew faster than the rows, by more than timing noise."""
    return len(rows) > 1 and costs[-1] > FASTER * (costs[-2] + noise) * rows[-1] / rows[-2]


class _Pilots:
    """Runs of a method on some rows of a problem; `costs` holds their costs by number of rows."""

    def __init__(self, method: Method, given: dict[str, Any], problem: Problem) -> None:
        self.method, self.given, self.problem = method, given, problem
        self.label, self.n = method.label(given), len(problem.train)
        self.order = torch.randperm(self.n, generator=torch.Generator().manual_seed(problem.seed))
        self.costs: dict[int, list[_PilotCost]] = {}
        self.first_seconds = 0.0

    def run_all(self) -> None:
        """Run as many pilots as the estimate needs."""
        batch = self.problem.training_batch
        small, large = (min(self.n, max(k * batch, self.n // share)) for k, share in ((2, 32), (8, 8)))
        self.run(small)
        self.first_seconds = self.costs[small][0].seconds
        if self.first_seconds < LONG_SECONDS:
            self.costs.clear()
            self.run(small)
        if large > small:
            self.run(large)
        if large == self.n or self.above_budget(self.costs[large][0].peak_bytes):
            return
        above = self.above_budget(self.predicted().peak_bytes)
        if not above and self.predicted().seconds < SHORT_SECONDS:
            self.costs.clear()
            self.run(self.n)
            return
        for rows, costs in self.costs.items():
            if costs[0].seconds < STEADY_SECONDS:
                self.run(rows, REPEATS)
        if above or self.grow_faster():
            self.run(min(self.n, 2 * large))

    def run(self, rows: int, times: int = 1) -> None:
        """Run the method on a number of rows."""
        for _ in range(times):
            small = replace(self.problem.on(self.order[:rows]), known={})
            memory.settle()
            before = memory.resident_bytes()
            gc.disable()  # as in the run itself, where uncollected garbage counts as memory
            try:
                with warnings.catch_warnings(), measuring() as watch:
                    warnings.simplefilter("ignore")
                    score(self.method.name, small, **self.given)
            except Exception as error:
                reason = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
                what = f"{self.label} fails on a pilot of {rows:,} of {self.n:,} rows"
                raise InputError(f"{what}: {' '.join(reason.split())}") from error
            finally:
                gc.enable()
            peak = max(0.0, max(watch.peaks.values()) - before)
            cost = _PilotCost(sum(watch.seconds.values()), watch.priced(self.problem.device), peak)
            self.costs.setdefault(rows, []).append(cost)

    def by_rows(self) -> tuple[list[int], list[list[float]]]:
        """The numbers of rows in ascending order; for each field of a cost, its value there: medians, and a maximum."""
        rows = sorted(self.costs)
        seconds, priced_seconds, peak_bytes = zip(*(zip(*self.costs[m], strict=True) for m in rows), strict=True)
        return rows, [list(map(median, seconds)), list(map(median, priced_seconds)), list(map(max, peak_bytes))]

    def predicted(self) -> _PilotCost:
        """The cost at all n rows."""
        rows, fields = self.by_rows()
        return _PilotCost(
            *(extrapolated(rows, values, self.n, noise) for values, noise in zip(fields, NOISES, strict=True))
        )

    def grow_faster(self) -> bool:
        """Whether time or memory seems to grow faster than the rows."""
        rows, fields = self.by_rows()
        return any(grows_faster(rows, values, noise) for values, noise in zip(fields, NOISES, strict=True))

    def above_budget(self, peak_bytes: float) -> bool:
        """Whether the peak exceeds the problem's memory budget."""
        return peak_bytes > self.problem.memory_budget

    def refusal(self) -> str:
        """Why the run should not begin; "" if it may."""
        peak = self.predicted().peak_bytes
        if not self.above_budget(peak):
            return ""
        fewer = "choose fewer layers, or " if "layers" in self.method.arguments else ""
        return (
            f"{self.label} on {self.n:,} rows needs about {peak / 1e9:.2g} GB, above the memory budget of "
            f"{self.problem.memory_budget / 1e9:.2g} GB: {fewer}give Problem a larger memory_budget"
        )

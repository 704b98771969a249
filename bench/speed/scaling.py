"""How the gradient engine's cost grows: with the rows for the last layer, with the parameters for all layers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from statistics import median

import numpy as np
import torch
from torch import nn

from ...methods.gradients.stream import Gradients
from ..problem.examples import Examples
from ..problem.problem import Problem
from ..progress import Progress
from .networks import BATCH_SIZE, CLASSES
from .times import in_turn, one_thread
from .works import EPOCH, FORWARD, NORMS, Prepare, all_layers, forward_pass, scores, training_epoch

ROWS = (10**3, 10**4, 10**5, 10**6)
PARAMETERS = (10**4, 10**5, 10**6, 10**7, 10**8)
FEW_FEATURES, FEW_ROWS, REPEATS = 8, 256, 3
LAST_LAYER = {
    FORWARD: forward_pass,
    "last-layer L2": scores("outlier-gradient", detector="l2"),
    "last-layer forest": scores("outlier-gradient"),
}
ALL_LAYERS = {EPOCH: training_epoch, NORMS: all_layers(Gradients.squared_l2)}


@dataclass(frozen=True)
class Scaling:
    """The cost of works at growing sizes.

    Attributes:
        title: what grows, and what stays the same.
        unit: of the sizes: "rows" or "parameters".
        sizes: in that unit.
        priced_seconds: medians at each size, by work.
        exponents: by work, the power of the size that the cost grows with.
    """

    title: str
    unit: str
    sizes: list[int]
    priced_seconds: dict[str, list[float]]
    exponents: dict[str, float]


def over_rows(progress: Progress, sizes: Sequence[int] = ROWS) -> Scaling:
    """Time last-layer scores of growing numbers of rows."""
    widths = [FEW_FEATURES, 32, CLASSES]
    title = f"Last-layer scores of an MLP of {'-'.join(map(str, widths))} on more and more rows"
    return _scaling(title, "rows", sizes, [(widths, n) for n in sizes], LAST_LAYER, progress)


def over_parameters(progress: Progress, sizes: Sequence[int] = PARAMETERS) -> Scaling:
    """Time norms of all layers' gradients on wider and wider networks.

    Args:
        progress: shows each call.
        sizes: numbers of parameters; each network gets the nearest number that its form allows.
    """
    widths = [_width(size) for size in sizes]
    title = f"All-layer norms of wider and wider MLPs of 64-w-w-{CLASSES} on {FEW_ROWS} rows"
    shapes = [([64, width, width, CLASSES], FEW_ROWS) for width in widths]
    exact = [width**2 + (64 + CLASSES + 2) * width + CLASSES for width in widths]
    return _scaling(title, "parameters", exact, shapes, ALL_LAYERS, progress)


def exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """The exponent of a power law: the slope of log seconds over log sizes, by least squares."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def _width(parameters: int) -> int:
    """The width w at which an MLP of 64-w-w-10 has about as many parameters."""
    half = (64 + CLASSES + 2) / 2
    return round(sqrt(half**2 + parameters) - half)


def _scaling(
    title: str,
    unit: str,
    sizes: Sequence[int],
    shapes: Sequence[tuple[list[int], int]],
    works: Mapping[str, Prepare],
    progress: Progress,
) -> Scaling:
    """Time works on MLPs, each given by its widths and its number of rows; a first round warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    progress.stage(f"more {unit}", len(shapes) * len(works) * (1 + REPEATS))
    for widths, n in shapes:
        with one_thread():
            problem = _problem(widths, n)
            runs = {name: prepare(problem) for name, prepare in works.items()}
            for name, times in in_turn(runs, 1 + REPEATS, progress).items():
                seconds[name].append(median(time.priced_seconds for time in times[1:]))
    exponents = {name: exponent(sizes, series) for name, series in seconds.items()}
    return Scaling(title, unit, list(sizes), seconds, exponents)


def _problem(widths: Sequence[int], n: int) -> Problem:
    torch.manual_seed(0)
    layers = [m for pair in pairwise(widths) for m in (nn.Linear(*pair), nn.ReLU())]
    x, y = torch.randn(n, widths[0]), torch.randint(CLASSES, (n,))
    return Problem(nn.Sequential(*layers[:-1]), Examples(x, y), training_batch=BATCH_SIZE)

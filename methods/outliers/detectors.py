"""PyOD's detectors on per-sample gradients, by name."""

import inspect
import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...bench.errors import InputError, unknown
from ...bench.problem.problem import Scores
from ..gradients.stream import Gradients

COLUMN_BY_COLUMN = {"copod", "ecod", "hbos"}
"""Detectors whose scores are sums over columns, none of which looks at another."""
FLOATS = 16  # float64 numbers that such a detector holds at once for each one that it is given
OTHER = (
    "_", "audio_", "base", "combination", "embedding", "gaal_base", "iforest", "lscp", "mad", "pyg_", "sklearn_base",
    "so_gaal_new", "suod", "thresholds", "ts_", "xgbod",
)  # fmt: skip
"""Beginnings of the modules of PyOD that hold no detector of a matrix alone, and of the forest, which is our own."""


def pyod_scores(name: str, gradients: Gradients, order: Tensor, seed: int) -> Scores:
    """Outlier scores (n,) by PyOD's detector of that name with its default hyperparameters; the formula is its own.

    The gradient matrix is refused where it does not fit the memory budget. Detectors that look at each column on its
    own get it in blocks of columns, a pass for each block that fits, and their scores are added.

    Args:
        name: of the module in `pyod.models`.
        gradients: n of them.
        order: rows (n,) in the order in which the detector gets them.
        seed: of the detector's random numbers.

    Raises:
        InputError: if PyOD is not installed or has no such detector, or the detector fails.
    """
    detector = _detector(name)
    blocks = _columns(gradients) if name in COLUMN_BY_COLUMN else iter([gradients.matrix()])
    total = np.zeros(len(gradients))
    for block in blocks:
        rows = block.double().numpy()
        unfit = ~np.isfinite(rows).all(1)
        if unfit.any():
            return np.where(unfit, np.nan, 0.0)
        total[order.numpy()] += _fitted(name, detector, rows[order.numpy()], seed)
    return total


def _columns(gradients: Gradients) -> Iterator[Tensor]:
    """The gradient matrix in blocks of columns (n, some), of which as many as fit the memory budget share a pass."""
    n, p, budget = len(gradients), gradients.space.size, gradients.space.problem.memory_budget
    at_once = max(1, budget // (4 * n * gradients.layout.dtype.itemsize))
    columns = max(1, budget // (4 * n * 8 * FLOATS))
    for start in range(0, p, at_once):
        kept = gradients.coordinates(torch.arange(start, min(p, start + at_once)))
        yield from (block.cpu() for block in kept.split(columns, 1))


def _detector(name: str) -> type[Any]:
    """The class of PyOD's detector of that name."""
    try:
        models = import_module("pyod.models")
        base = import_module("pyod.models.base").BaseDetector
    except ImportError as error:
        raise InputError(
            f"detector={name} is none of iforest, l1 and l2, and PyOD, which has more, is not installed: "
            "pip install 'influence-bench[outliers]'"
        ) from error
    known = [module.name for module in pkgutil.iter_modules(models.__path__)]
    known = [one for one in known if not one.startswith(OTHER)]
    if name not in known:
        raise unknown("detector", name, [*known, "iforest", "l1", "l2"])
    try:
        classes = vars(import_module(f"pyod.models.{name}")).values()
    except ImportError as error:
        raise InputError(f"PyOD's detector {name} needs a package that is not installed: {error}") from error
    for one in classes:
        if inspect.isclass(one) and issubclass(one, base) and one.__name__.lower() == name.replace("_", ""):
            return one
    raise unknown("detector", name, ["iforest", "l1", "l2"])


def _fitted(name: str, detector: type[Any], rows: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """The scores of the rows that a detector is fitted to."""
    given = {"random_state": seed} if "random_state" in inspect.signature(detector).parameters else {}
    try:
        with _seeded(seed):
            fitted = detector(**given).fit(rows)
    except MemoryError:
        raise
    except Exception as error:
        raise InputError(f"PyOD's detector {name} fails on these gradients: {' '.join(str(error).split())}") from error
    scores: NDArray[np.float64] = np.asarray(fitted.decision_scores_, dtype=np.float64).ravel()
    if not np.isfinite(scores).all():
        raise InputError(f"PyOD's detector {name} gives scores that are not finite on these gradients: take another")
    return scores


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """NumPy's and torch's global generators at a seed, for detectors that take none, and afterwards as they were."""
    before = np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        np.random.seed(seed)
        try:
            yield
        finally:
            np.random.set_state(before)

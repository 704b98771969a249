"""Outlier scores of per-sample gradients by PyOD's detectors."""

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
"""Detectors whose score is a sum over columns, each term of which depends on a single column."""
FLOATS = 16  # float64 numbers that these detectors hold at once for each number of their input
OTHER = (
    "_", "audio_", "base", "combination", "embedding", "gaal_base", "iforest", "lscp", "mad", "pyg_", "sklearn_base",
    "so_gaal_new", "suod", "thresholds", "ts_", "xgbod",
)  # fmt: skip
"""Prefixes of PyOD modules that hold no detector of a single matrix, and of its forest, which we replace by our own."""


def pyod_scores(name: str, gradients: Gradients, order: Tensor, seed: int) -> Scores:
    """Outlier scores (n,) of gradients by a PyOD detector with its default hyperparameters.

    Detectors that score each column separately get the gradient matrix in blocks of columns, and their scores of the
    blocks are added. Other detectors get the whole matrix.

    Args:
        name: the detector's module in `pyod.models`.
        gradients: the gradients of n samples.
        order: rows (n,) in the order in which the detector gets them.
        seed: of the detector's random numbers.

    Raises:
        InputError: if PyOD is not installed or has no such detector, the whole matrix is above the memory budget, or
            the detector fails.
    """
    detector = _detector(name)
    copies = 3 * 8 * len(gradients) * gradients.space.size  # in another order, and the detector has its own
    blocks = _columns(gradients) if name in COLUMN_BY_COLUMN else iter([gradients.matrix(torch.float64, copies)])
    total = np.zeros(len(gradients))
    for block in blocks:
        rows = block.double().numpy()
        unfit = ~np.isfinite(rows).all(1)
        if unfit.any():
            return np.where(unfit, np.nan, 0.0)
        total[order.numpy()] += _fitted(name, detector, rows[order.numpy()], seed)
    return total


def _columns(gradients: Gradients) -> Iterator[Tensor]:
    """The gradient matrix in blocks (n, columns). Blocks that fit the memory budget together share a pass."""
    n, p, budget = len(gradients), gradients.space.size, gradients.space.problem.memory_budget
    at_once = max(1, budget // (4 * n * gradients.layout.dtype.itemsize))
    columns = max(1, budget // (4 * n * 8 * FLOATS))
    for start in range(0, p, at_once):
        kept = gradients.coordinates(torch.arange(start, min(p, start + at_once)))
        yield from (block.cpu() for block in kept.split(columns, 1))


def _detector(name: str) -> type[Any]:
    """The class of the PyOD detector in the module of that name."""
    try:
        models = import_module("pyod.models")
        base = import_module("pyod.models.base").BaseDetector
    except ImportError as error:
        raise InputError(
            f"detector={name} is none of iforest, l1 and l2, and PyOD, which has others, is not installed: "
            "pip install 'influence-bench[outliers]'"
        ) from error
    known = [module.name for module in pkgutil.iter_modules(models.__path__)]
    known = [module for module in known if not module.startswith(OTHER)]
    if name not in known:
        raise unknown("detector", name, [*known, "iforest", "l1", "l2"])
    try:
        classes = vars(import_module(f"pyod.models.{name}")).values()
    except ImportError as error:
        raise InputError(f"PyOD's detector {name} needs a package that is not installed: {error}") from error
    for entry in classes:
        if inspect.isclass(entry) and issubclass(entry, base) and entry.__name__.lower() == name.replace("_", ""):
            return entry
    raise unknown("detector", name, ["iforest", "l1", "l2"])


def _fitted(name: str, detector: type[Any], rows: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """The scores of the rows to which a detector of that class is fitted."""
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
    """Seed NumPy's and torch's global generators, for detectors that take no seed, and restore them afterwards."""
    before = np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        np.random.seed(seed)
        try:
            yield
        finally:
            np.random.set_state(before)

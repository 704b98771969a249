"""Generated datasets: the two of section 4 of the outlier gradient paper, and Gaussians of any size."""

import numpy as np
import torch
from sklearn.datasets import make_blobs, make_moons

from ...bench.errors import InputError
from ...bench.problem.examples import Examples
from ..source import Source, dataset

GENERATED = "scikit-learn's generator"
CITATION = "Chhabra et al. 2025, arXiv 2405.03869, section 4"


@dataset(kind="table", source=GENERATED, licence="none needed", citation=CITATION)
def blobs(seed: int) -> Source:
    """Two Gaussian blobs, linearly separable except for a few rows: 150 training rows and 100 test rows."""
    x, y = make_blobs(267, centers=[[-2.0, -2.0], [2.0, 2.0]], cluster_std=1.5, random_state=_random_state(seed))
    return _held_out(torch.tensor(x).float(), torch.tensor(y).long())


@dataset(kind="table", source=GENERATED, licence="none needed", citation=CITATION)
def half_moons(seed: int) -> Source:
    """Two interleaved half moons, not linearly separable: 250 training rows and 100 test rows."""
    x, y = make_moons(378, noise=0.15, random_state=_random_state(seed))
    return _held_out(torch.tensor(x).float(), torch.tensor(y).long())


@dataset(kind="table", source="made by influence-bench", licence="none needed", citation="none needed")
def gaussians(
    seed: int, *, rows: int = 10_000, features: int = 64, classes: int = 10, separation: float = 4.0
) -> Source:
    """A Gaussian for each class, with any number of rows and features: to measure the cost of methods.

    Args:
        seed: for the centres, the classes and the rows.
        rows: number of rows, which `load` splits into training, validation and test rows.
        features: number of features.
        classes: number of classes; their sizes differ by at most one row.
        separation: root mean square distance between two centres, in standard deviations of a Gaussian.

    Raises:
        InputError: if a number is out of range.
    """
    if not (features >= 1 and classes >= 2 and rows >= 10 * classes and 0 <= separation < np.inf):
        raise InputError(
            f"gaussians[rows={rows},features={features},classes={classes},separation={separation:g}] is out of range: "
            "give at least 1 feature, 2 classes, 10 rows for each class, and a finite separation of at least 0"
        )
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((classes, features), dtype=np.float32) * np.float32(
        separation / (2 * features) ** 0.5
    )
    y = rng.permutation(np.arange(rows) % classes)
    x = rng.standard_normal((rows, features), dtype=np.float32) + centres[y]
    return Source(torch.from_numpy(x), torch.from_numpy(y), tuple(map(str, range(classes))))


def _random_state(seed: int) -> int | np.random.RandomState:
    """What scikit-learn draws from; it takes seeds of 32 bits, and those of sealed runs have 128."""
    return seed if seed < 2**32 else np.random.RandomState(np.random.MT19937(seed))


def _held_out(x: torch.Tensor, y: torch.Tensor) -> Source:
    return Source(x[:-100], y[:-100], ("0", "1"), test=Examples(x[-100:], y[-100:]))

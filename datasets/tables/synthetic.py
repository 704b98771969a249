"""Generated sets: two classes as in the outlier gradient paper's section 4, and Gaussians of any size."""

import numpy as np
import torch
from sklearn.datasets import make_blobs, make_moons

from ...bench.errors import InputError
from ...bench.problem.examples import Examples
from ..dataset import Source, dataset

GENERATED = "scikit-learn's generator"
CITATION = "Chhabra et al. 2025, arXiv 2405.03869, section 4"


@dataset(kind="table", source=GENERATED, licence="none needed", citation=CITATION)
def blobs(seed: int) -> Source:
    """Two Gaussian blobs: linearly separable but for a few, 150 rows to train on and 100 to test."""
    x, y = make_blobs(267, centers=[[-2.0, -2.0], [2.0, 2.0]], cluster_std=1.5, random_state=seed)
    return _held_out(torch.tensor(x).float(), torch.tensor(y).long())


@dataset(kind="table", source=GENERATED, licence="none needed", citation=CITATION)
def half_moons(seed: int) -> Source:
    """Two interleaved half moons: not linearly separable, 250 rows to train on and 100 to test."""
    x, y = make_moons(378, noise=0.15, random_state=seed)
    return _held_out(torch.tensor(x).float(), torch.tensor(y).long())


@dataset(kind="table", source="made by influence-bench", licence="none needed", citation="none needed")
def gaussians(
    seed: int, *, rows: int = 10_000, features: int = 64, classes: int = 10, separation: float = 4.0
) -> Source:
    """A Gaussian for each class, of any size: for the cost of methods.

    Args:
        seed: of all that is drawn.
        rows: to split into training, validation and test rows.
        features: of each row.
        classes: all but equally frequent.
        separation: root mean square distance of two centres, in deviations of a Gaussian.
    """
    if not (features >= 1 and classes >= 2 and rows >= 10 * classes and 0 <= separation < np.inf):
        raise InputError(
            f"gaussians[rows={rows},features={features},classes={classes},separation={separation:g}] is out of range: "
            "at least 1 feature, 2 classes, 10 rows for each class, and a finite separation of at least 0"
        )
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((classes, features), dtype=np.float32) * np.float32(
        separation / (2 * features) ** 0.5
    )
    y = rng.permutation(np.arange(rows) % classes)
    x = rng.standard_normal((rows, features), dtype=np.float32) + centres[y]
    return Source(torch.from_numpy(x), torch.from_numpy(y), tuple(map(str, range(classes))))


def _held_out(x: torch.Tensor, y: torch.Tensor) -> Source:
    return Source(x[:-100], y[:-100], ("0", "1"), test=Examples(x[-100:], y[-100:]))

"""Generated sets of two features and two classes, as in the outlier gradient paper's section 4."""

import torch
from sklearn.datasets import make_blobs, make_moons

from ..bench.examples import Examples
from .dataset import Source, dataset

GENERATED = "scikit-learn's generator"
CITATION = "Chhabra et al. 2025, arXiv 2405.03869, section 4"


@dataset(kind="table", source=GENERATED, licence="none needed", citation=CITATION)
def blobs(seed: int) -> Source:
    """Two Gaussian blobs: linearly separable, 165 rows to learn from and 100 to test."""
    x, y = make_blobs(265, centers=[[-2.0, -2.0], [2.0, 2.0]], cluster_std=1.5, random_state=seed)
    return _held_out(torch.tensor(x).float(), torch.tensor(y).long())


@dataset(kind="table", source=GENERATED, licence="none needed", citation=CITATION)
def half_moons(seed: int) -> Source:
    """Two interleaved half moons: not linearly separable, 275 rows to learn from and 100 to test."""
    x, y = make_moons(375, noise=0.15, random_state=seed)
    return _held_out(torch.tensor(x).float(), torch.tensor(y).long())


def _held_out(x: torch.Tensor, y: torch.Tensor) -> Source:
    return Source(x[:-100], y[:-100], ("0", "1"), test=Examples(x[-100:], y[-100:]))

"""Small clean rows, and noise on them by name."""

import numpy as np
import torch

from influence_bench.datasets.noise.mixing import inject, parse_noise
from influence_bench.datasets.noise.rows import Rows

MATRIX = [[0.7, 0.3, 0.0], [0.0, 0.9, 0.1], [0.25, 0.25, 0.5]]
LABEL_NOISE = ("symmetric", "pair", "instance", "boundary", f"confusion[matrix={MATRIX}]")
CORRUPTION = ("gaussian", "resampled", "duplicates")


def rows_of(x, y, classes):
    """Clean rows of these inputs and classes."""
    return Rows(x, y, y, classes, np.ones(len(y), dtype=bool))


def clean_rows(n, classes=3, seed=0):
    """n rows of five normal features with a class each; no two rows are the same."""
    rng = np.random.default_rng(seed)
    y = torch.from_numpy(rng.permutation(np.arange(n) % classes))
    return rows_of(torch.from_numpy(rng.standard_normal((n, 5), dtype=np.float32)) + 2 * torch.eye(5)[y], y, classes)


def noisy_rows(rows, noise, rate=None, seed=0, human=None):
    """The rows with noise, and the mask of each kind."""
    human = human or {}
    return inject(parse_noise(noise, rate, human, "these"), rows, human, np.random.default_rng(seed))


def confused(rows):
    """How many rows of each true class (first) are given as each class (second)."""
    counts = np.zeros((rows.classes, rows.classes), dtype=int)
    np.add.at(counts, (rows.true_y.numpy(), rows.y.numpy()), 1)
    return counts

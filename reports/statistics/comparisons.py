"""Tests of the differences between methods."""

from math import ceil, comb, log2

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import rankdata
from statsmodels.stats.multitest import multipletests

from .estimates import LEVEL


def wilcoxon(differences: ArrayLike) -> float:
    """Two-sided p of the signed-rank test, exact given the ranks; zeros are left out, and p is 1 if all are zero.

    SciPy is exact only without ties, and ties are common here: two methods often agree on an easy problem.
    """
    d = np.asarray(differences, dtype=np.float64)
    d = d[d != 0]
    doubled = (2 * rankdata(np.abs(d))).astype(np.int64)  # mean ranks are halves
    chances = np.zeros(doubled.sum() + 1)
    chances[0] = 1.0
    for rank in doubled:
        chances[rank:] = (chances[rank:] + chances[: len(chances) - rank]) / 2
        chances[:rank] /= 2
    w = int(min(doubled[d > 0].sum(), doubled[d < 0].sum()))
    return min(1.0, 2 * float(chances[: w + 1].sum()))


def pairwise(table: pd.DataFrame) -> pd.DataFrame:
    """Holm-adjusted p for every pair of methods, method × method, by signed-rank tests over (problem, seed)."""
    rows = table.to_numpy()
    first, second = np.triu_indices(len(rows), 1)
    square = np.ones((len(rows), len(rows)))
    if len(first):
        p = [wilcoxon(rows[i] - rows[j]) for i, j in zip(first, second, strict=True)]
        square[first, second] = multipletests(p, method="holm")[1]
    return pd.DataFrame(np.minimum(square, square.T), index=table.index, columns=table.index)


def pairs_needed(methods: int) -> int:
    """The fewest (problem, seed) pairs with which a difference among this number of methods can be significant.

    With n pairs the smallest p of a signed-rank test is 2^(1 - n), before Holm multiplies it by the number of
    comparisons: 6 pairs for two methods, 13 for ten.
    """
    return ceil(1 + log2(max(1, comb(methods, 2)) / (1 - LEVEL)) - 1e-9)


def can_claim(table: pd.DataFrame) -> bool:
    """Whether the seeds and pairs suffice for any claim of significance."""
    seeds = table.columns.to_frame().groupby(level="problem").size()
    return bool(seeds.min() > 1) and table.shape[1] >= pairs_needed(len(table))

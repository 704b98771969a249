"""Combining several rankings of n rows by their ranks: 1 for the least suspect row, n for the most suspect."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from ..bench.problem.problem import Scores


def mean_rank(scores: list[Scores]) -> Scores:
    """The mean of a row's ranks in several scores (n,), divided by n: in (0, 1]. Borda's count up to a constant."""
    total: Scores = ranks(scores).sum(0)  # sums of ranks are exact, so rows with equal sums tie
    total /= total.size * len(scores)
    return total


def votes(scores: list[Scores], share: float) -> Scores:
    """The number of scores (n,) in which a row is among the given share of most suspect rows; mean rank breaks ties."""
    of_scores = ranks(scores)
    count: Scores = (of_scores > (1 - share) * of_scores.shape[1]).sum(0) + mean_rank(scores)
    return count


def ranks(scores: list[Scores]) -> NDArray[np.float64]:
    """Ranks (scores, n). Tied rows share their mean rank; a NaN makes all ranks of its score NaN."""
    result: NDArray[np.float64] = rankdata(np.stack(scores), axis=1, nan_policy="propagate")
    return result

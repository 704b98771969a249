"""One ranking from several, by the ranks that they give a row: 1 for the least suspect of n rows, n for the most."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from ..bench.problem.problem import Scores


def mean_rank(scores: list[Scores]) -> Scores:
    """The mean of a row's ranks in several scores (n,), over n: in (0, 1], Borda's count but for a constant factor."""
    total: Scores = ranks(scores).sum(0)  # exact, so that equal sums stay equal
    total /= total.size * len(scores)
    return total


def votes(scores: list[Scores], share: float) -> Scores:
    """In how many scores a row is among the given share of most suspect rows, (n,); the mean rank parts the tied."""
    every = ranks(scores)
    count: Scores = (every > (1 - share) * every.shape[1]).sum(0) + mean_rank(scores)
    return count


def ranks(scores: list[Scores]) -> NDArray[np.float64]:
    """Ranks (scores, n); tied rows share the mean of theirs, and one NaN leaves none of its scores a rank."""
    result: NDArray[np.float64] = rankdata(np.stack(scores), axis=1, nan_policy="propagate")
    return result

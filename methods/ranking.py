"""One ranking from several, by the ranks that they give a row: 1 / n for the least suspect, 1 for the most."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from ..bench.problem import Scores


def ranks(scores: list[Scores]) -> NDArray[np.float64]:
    """Ranks (rankings, n) in (0, 1] of several scores (n,); what is tied shares its mean rank, NaN has none."""
    result: NDArray[np.float64] = rankdata(np.stack(scores), axis=1, nan_policy="propagate") / len(scores[0])
    return result


def mean_rank(scores: list[Scores]) -> Scores:
    """The mean of a row's ranks (n,): Borda's count over the number of rankings."""
    mean: Scores = ranks(scores).mean(0)
    return mean


def votes(scores: list[Scores], share: float) -> Scores:
    """In how many rankings a row is among the given share of most suspect rows, (n,); the mean rank parts the tied."""
    every = ranks(scores)
    count: Scores = (every > 1 - share).sum(0) + every.mean(0)
    return count

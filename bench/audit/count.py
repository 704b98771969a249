"""How many labels are wrong, and how many of the first rows: by best-bin estimation (Garg et al. 2021, section 4).

Planted rows are a sample of wrong labels, and the data are a mixture of right and wrong ones. Above any score, the
share of the data's rows, divided by the share of the planted rows, is at least the share of wrong labels; the smallest
such quotient, with allowance for chance, is the estimate. Rows that no model understands count with the wrong ones.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..results.audit import Depth, Estimate

Floats = NDArray[np.float64]
RESAMPLES = 400
CHANCE = 1.64
"""The allowance for chance, in standard errors: 95 % on one side."""
BINS = np.linspace(0.1, 0.95, 86)
"""The shares of planted rows above the scores that are tried."""
SHARES = (0.01, 0.02, 0.05, 0.1)


def wrong(blank: Floats, planted: Sequence[Floats], n: int, seed: int) -> tuple[Estimate, list[Depth]]:
    """How many of n rows are wrong, and what share of the most suspect ones.

    Args:
        blank: scores (m,) of rows of the data, with no label planted.
        planted: scores of the planted rows, for each draw.
        n: number of rows that the data have.
        seed: of the resampling.

    Returns:
        The number with its interval of 95 % by a bootstrap of the rows and the draws; and the share of wrong labels
        among the first 1, 2, 5 and 10 % of the rows.
    """
    rng = np.random.default_rng(seed)
    samples = [_resampled(blank, planted, rng) for _ in range(RESAMPLES)]
    figures = np.array([_figures(*sample) for sample in samples])
    point = _figures(np.sort(blank), np.sort(np.concatenate(planted)))
    estimates = [
        Estimate(float(value), float(min(low, value)), float(max(high, value)))
        for value, low, high in zip(point, *np.quantile(figures, (0.025, 0.975), axis=0), strict=True)
    ]
    number = Estimate(*(n * figure for figure in (estimates[0].value, estimates[0].low, estimates[0].high)))
    depths = [
        Depth(round(share * n), precision)
        for share, precision in zip(SHARES, estimates[1:], strict=True)
        if share * min(n, len(blank)) >= 5
    ]
    return number, depths


def _figures(blank: Floats, planted: Floats) -> list[float]:
    """The share of wrong labels, and the precision at each share of the rows, from ascending scores."""
    thresholds = np.quantile(planted, 1 - BINS)
    first, found = _above(blank, thresholds), _above(planted, thresholds)
    most = (first + CHANCE * _error(first, len(blank))) / (found - CHANCE * _error(found, len(planted)))
    best = np.argmin(most)
    share = float(min(1, first[best] / found[best]))
    limits = np.quantile(blank, 1 - np.array(SHARES))
    precision = np.minimum(1, share * _above(planted, limits) / SHARES)
    # A ranking holds no larger a share of wrong labels farther down.
    return [share, *np.maximum.accumulate(precision[::-1])[::-1]]


def _error(share: Floats, n: int) -> Floats:
    """The standard error of a share of n rows; of a share of none as if it were of one row more."""
    near = (share * n + 1) / (n + 2)
    return np.sqrt(near * (1 - near) / n)


def _above(scores: Floats, limits: Floats) -> Floats:
    """The share of ascending scores that reach each limit."""
    return 1 - np.searchsorted(scores, limits, side="left") / len(scores)


def _resampled(blank: Floats, planted: Sequence[Floats], rng: np.random.Generator) -> tuple[Floats, Floats]:
    draws = [planted[number] for number in rng.integers(len(planted), size=len(planted))]
    again = np.concatenate([draw[rng.integers(len(draw), size=len(draw))] for draw in draws])
    return np.sort(blank[rng.integers(len(blank), size=len(blank))]), np.sort(again)

"""How many labels are wrong, and how many of the first rows: by best-bin estimation (Garg et al. 2021, section 4).

Planted rows are a sample of wrong labels, and the data are a mixture of right and wrong ones. Above any score, the
share of the data's rows, divided by the share of the planted rows, is at least the share of wrong labels; the smallest
such quotient, with allowance for chance, is the estimate. Rows that no model understands count with the wrong ones.

Errors of one kind may be easier to see than those of another. So they are counted for each pair of given and suggested
label apart, where enough were planted, and the data may have other shares of the kinds than what was planted.
"""

from collections.abc import Sequence
from typing import NamedTuple

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
FEWEST = 20
"""Pairs of labels with fewer planted rows are taken together."""


class Sample(NamedTuple):
    """Scores of rows, and a number (m,) for each row's pair of given and suggested label."""

    scores: Floats
    pairs: NDArray[np.int64]


def wrong(blank: Sample, planted: Sequence[Sample], n: int, seed: int) -> tuple[Estimate, list[Depth]]:
    """How many of n rows are wrong, and what share of the most suspect ones.

    Args:
        blank: rows of the data, with no label planted.
        planted: the planted rows, for each draw.
        n: number of rows that the data have.
        seed: of the resampling.

    Returns:
        The number with its interval of 95 % by a bootstrap of the rows and the draws; and the share of wrong labels
        among the first 1, 2, 5 and 10 % of the rows.
    """
    own = _own_pairs(np.concatenate([draw.pairs for draw in planted]))
    blank, planted = _numbered(blank, own), [_numbered(draw, own) for draw in planted]
    rng = np.random.default_rng(seed)
    figures = np.array([_figures(*_resampled(blank, planted, rng), len(own)) for _ in range(RESAMPLES)])
    point = _figures(blank, _together(planted), len(own))
    estimates = [
        Estimate(float(value), float(min(low, value)), float(max(high, value)))
        for value, low, high in zip(point, *np.quantile(figures, (0.025, 0.975), axis=0), strict=True)
    ]
    number = Estimate(*(n * figure for figure in (estimates[0].value, estimates[0].low, estimates[0].high)))
    depths = [
        Depth(round(share * n), precision)
        for share, precision in zip(SHARES, estimates[1:], strict=True)
        if share * min(n, len(blank.scores)) >= 5
    ]
    return number, depths


def _own_pairs(pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """The pairs that are counted apart, the others being enough to be counted together."""
    names, counts = np.unique(pairs, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    left = len(pairs) - counts[order].cumsum()
    apart: NDArray[np.int64] = names[order][(counts[order] >= FEWEST) & ((left >= FEWEST) | (left == 0))]
    return apart


def _numbered(sample: Sample, own: NDArray[np.int64]) -> Sample:
    """A sample whose pairs have their places among those that are counted apart; the others come after these."""
    places = {pair: place for place, pair in enumerate(own.tolist())}
    return Sample(sample.scores, np.array([places.get(pair, len(own)) for pair in sample.pairs.tolist()], dtype=int))


def _figures(blank: Sample, planted: Sample, others: int) -> list[float]:
    """The share of wrong labels, and the precision at each share of the rows."""
    limits = np.quantile(blank.scores, 1 - np.array(SHARES))
    number, above = 0.0, np.zeros(len(SHARES))
    for rows, errors in zip(_by_pair(blank, others), _by_pair(planted, others), strict=True):
        if len(rows) and len(errors):
            of_pair = len(rows) * _share(rows, errors)
            number, above = number + of_pair, above + of_pair * _above(errors, limits)
    precision = np.minimum(1, above / (len(blank.scores) * np.array(SHARES)))
    # A ranking holds no larger a share of wrong labels farther down.
    return [number / len(blank.scores), *np.maximum.accumulate(precision[::-1])[::-1]]


def _share(rows: Floats, errors: Floats) -> float:
    """The share of wrong labels among rows, from ascending scores."""
    thresholds = np.quantile(errors, 1 - BINS)
    first, found = _above(rows, thresholds), _above(errors, thresholds)
    least = found - CHANCE * _error(found, len(errors))
    most = np.full(len(BINS), np.inf)
    np.divide(first + CHANCE * _error(first, len(rows)), least, out=most, where=least > 0)
    best = np.argmin(most)
    return float(min(1, first[best] / found[best]))


def _by_pair(sample: Sample, others: int) -> list[Floats]:
    """The ascending scores of each pair, then those of the others."""
    order = np.lexsort(sample)
    return np.split(sample.scores[order], np.searchsorted(sample.pairs[order], np.arange(1, others + 1)))


def _error(share: Floats, n: int) -> Floats:
    """The standard error of a share of n rows; of a share of none as if it were of one row more."""
    near = (share * n + 1) / (n + 2)
    return np.sqrt(near * (1 - near) / n)


def _above(scores: Floats, limits: Floats) -> Floats:
    """The share of ascending scores that reach each limit."""
    return 1 - np.searchsorted(scores, limits, side="left") / len(scores)


def _resampled(blank: Sample, planted: Sequence[Sample], rng: np.random.Generator) -> tuple[Sample, Sample]:
    draws = [planted[number] for number in rng.integers(len(planted), size=len(planted))]
    return _again(blank, rng), _together([_again(draw, rng) for draw in draws])


def _again(sample: Sample, rng: np.random.Generator) -> Sample:
    rows = rng.integers(len(sample.scores), size=len(sample.scores))
    return Sample(sample.scores[rows], sample.pairs[rows])


def _together(samples: Sequence[Sample]) -> Sample:
    return Sample(*map(np.concatenate, zip(*samples, strict=True)))

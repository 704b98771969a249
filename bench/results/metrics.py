"""Detection metrics: how well scores rank the noisy or influential rows first."""

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import roc_auc_score

from ..errors import InputError


def evaluate(scores: ArrayLike, truth: ArrayLike, k: int | None = None) -> dict[str, float]:
    """Measure how well scores find wrong labels, or influential rows; a higher score is more suspect or influential.

    Args:
        scores: finite numbers (n,); or (n, m), whose metrics are averaged over the columns.
        truth: the rows that are sought, booleans of the same shape: `is_noisy` (n,), or `is_influential` (n, m).
        k: number of rows that would be inspected; default: the number of rows that are sought.

    Returns:
        `roc_auc`; `average_precision`; `precision_at_k` and `recall_at_k`; `ndr_at_10` and `ndr_at_30`, the
        share of the sought rows (noise detection rate) among the 10 % and 30 % highest scores. Ties count by
        expectation: every metric is its mean over all orders of rows with equal scores.

    Raises:
        InputError: if shapes differ, or all or none of the rows are sought.
    """
    s, sought = np.asarray(scores, dtype=np.float64), np.asarray(truth, dtype=bool)
    if s.shape != sought.shape or s.ndim not in (1, 2):
        raise InputError(f"scores {s.shape} and truth {sought.shape} must be one number per row, or one matrix each")
    if s.ndim == 2:
        columns = [_evaluated(*column, k) for column in zip(s.T, sought.T, strict=True)]
        return {name: float(np.mean([column[name] for column in columns])) for name in columns[0]}
    return _evaluated(s, sought, k)


def _evaluated(s: np.ndarray, sought: np.ndarray, k: int | None) -> dict[str, float]:
    if sought.all() or not sought.any():
        raise InputError(f"{sought.sum()} of {len(sought)} rows are sought: detection needs some that are not")
    k = int(sought.sum()) if k is None else k
    if not 1 <= k <= len(s):
        raise InputError(f"k={k} is out of range: from 1 to the {len(s)} rows")
    return {
        "roc_auc": float(roc_auc_score(sought, s)),
        "average_precision": average_precision(s, sought),
        "precision_at_k": expected_hits(s, sought, k) / k,
        "recall_at_k": expected_hits(s, sought, k) / sought.sum(),
        "ndr_at_10": expected_hits(s, sought, max(1, round(0.1 * len(s)))) / sought.sum(),
        "ndr_at_30": expected_hits(s, sought, max(1, round(0.3 * len(s)))) / sought.sum(),
    }


def average_precision(scores: np.ndarray, sought: np.ndarray) -> float:
    """Mean over the sought rows of the precision at each row's place, in expectation over random orders of ties.

    A place in a group of m tied rows, p of them sought, holds a sought row with chance p / m. If it does, each place
    before it in the group holds another with chance (p - 1) / (m - 1).
    """
    _, group, sizes = np.unique(-scores, return_inverse=True, return_counts=True)
    hits = np.bincount(group, weights=sought)
    before, hits_before = np.cumsum(sizes) - sizes, np.cumsum(hits) - hits
    place, at = np.arange(1, len(scores) + 1), np.repeat(np.arange(len(sizes)), sizes)
    earlier_ties = (hits[at] - 1) * (place - 1 - before[at]) / np.maximum(sizes[at] - 1, 1)
    precision = (hits_before[at] + earlier_ties + 1) / place
    return float((hits[at] / sizes[at] * precision).sum() / hits.sum())


def expected_hits(scores: np.ndarray, sought: np.ndarray, k: int) -> float:
    """Expected number of sought rows among the k highest scores, with ties broken at random."""
    threshold = np.partition(scores, -k)[-k]
    above, tied = scores > threshold, scores == threshold
    return float(sought[above].sum() + sought[tied].mean() * (k - above.sum()))

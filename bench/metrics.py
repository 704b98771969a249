"""Detection metrics: how well scores rank the wrong labels first."""

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import average_precision_score, roc_auc_score

from .errors import InputError


def evaluate(scores: ArrayLike, is_noisy: ArrayLike, k: int | None = None) -> dict[str, float]:
    """How well scores (n,), higher meaning more suspect, find the wrong labels (n,).

    Args:
        scores: finite numbers.
        is_noisy: the truth, as booleans.
        k: rows that one would inspect; default as many as there are wrong labels.

    Returns:
        `roc_auc`; `average_precision`; `precision_at_k` and `recall_at_k`; `ndr_at_10` and `ndr_at_30`, the share of
        the wrong labels (noise detection rate) among the 10 % and 30 % most suspect rows. Ties count by expectation.

    Raises:
        InputError: if lengths differ, or all or none of the labels are wrong.
    """
    s, truth = np.asarray(scores, dtype=np.float64), np.asarray(is_noisy, dtype=bool)
    if s.shape != truth.shape or s.ndim != 1:
        raise InputError(f"scores {s.shape} and is_noisy {truth.shape} must be one number per row")
    if truth.all() or not truth.any():
        raise InputError(f"{truth.sum()} of {len(truth)} labels are wrong: detection needs some wrong and some right")
    k = int(truth.sum()) if k is None else k
    if not 1 <= k <= len(s):
        raise InputError(f"k={k} is out of range: from 1 to the {len(s)} rows")
    return {
        "roc_auc": float(roc_auc_score(truth, s)),
        "average_precision": float(average_precision_score(truth, s)),
        "precision_at_k": found(s, truth, k) / k,
        "recall_at_k": found(s, truth, k) / truth.sum(),
        "ndr_at_10": found(s, truth, max(1, round(0.1 * len(s)))) / truth.sum(),
        "ndr_at_30": found(s, truth, max(1, round(0.3 * len(s)))) / truth.sum(),
    }


def found(scores: np.ndarray, truth: np.ndarray, k: int) -> float:
    """Expected number of wrong labels among the k highest scores, ties broken at random."""
    threshold = np.partition(scores, -k)[-k]
    above, tied = scores > threshold, scores == threshold
    return float(truth[above].sum() + truth[tied].mean() * (k - above.sum()))

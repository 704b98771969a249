"""Detection metrics: how well scores rank first what is sought."""

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import average_precision_score, roc_auc_score

from ..errors import InputError


def evaluate(scores: ArrayLike, truth: ArrayLike, k: int | None = None) -> dict[str, float]:
    """How well scores, higher meaning sought, find what is sought: wrong labels, or influential rows.

    Args:
        scores: finite numbers (n,); or (n, m), column by column, whose metrics are averaged.
        truth: which are sought, as booleans of that shape: `is_noisy` (n,), or `is_influential` (n, m).
        k: rows that one would inspect; default as many as there are to be found.

    Returns:
        `roc_auc`; `average_precision`; `precision_at_k` and `recall_at_k`; `ndr_at_10` and `ndr_at_30`, the share of
        what is sought (noise detection rate) among the 10 % and 30 % highest scores. Ties count by expectation.

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
        "average_precision": float(average_precision_score(sought, s)),
        "precision_at_k": found(s, sought, k) / k,
        "recall_at_k": found(s, sought, k) / sought.sum(),
        "ndr_at_10": found(s, sought, max(1, round(0.1 * len(s)))) / sought.sum(),
        "ndr_at_30": found(s, sought, max(1, round(0.3 * len(s)))) / sought.sum(),
    }


def found(scores: np.ndarray, sought: np.ndarray, k: int) -> float:
    """Expected number of those sought among the k highest scores, ties broken at random."""
    threshold = np.partition(scores, -k)[-k]
    above, tied = scores > threshold, scores == threshold
    return float(sought[above].sum() + sought[tied].mean() * (k - above.sum()))

"""Detection metrics: how well scores rank the noisy or influential rows first."""

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import average_precision_score, roc_auc_score

from ..errors import InputError


def evaluate(scores: ArrayLike, truth: ArrayLike, k: int | None = None) -> dict[str, float]:
    """Measure how well scores find wrong labels, or influential rows; a higher score is more suspect or influential.

    Args:
        scores: finite numbers (n,); or (n, m), whose metrics are averaged over the columns.
        truth: the rows that are sought, booleans of the same shape: `is_noisy` (n,), or `is_influential` (n, m).
        k: number of rows that would be inspected; default: the number of rows that are sought.

    Returns:
        `roc_auc`; `average_precision`; `precision_at_k` and `recall_at_k`; `ndr_at_10` and `ndr_at_30`, the
        share of the sought rows (noise detection rate) among the 10 % and 30 % highest scores. Ties at a cut count by
        expectation.

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
        "precision_at_k": expected_hits(s, sought, k) / k,
        "recall_at_k": expected_hits(s, sought, k) / sought.sum(),
        "ndr_at_10": expected_hits(s, sought, max(1, round(0.1 * len(s)))) / sought.sum(),
        "ndr_at_30": expected_hits(s, sought, max(1, round(0.3 * len(s)))) / sought.sum(),
    }


def expected_hits(scores: np.ndarray, sought: np.ndarray, k: int) -> float:
    """Expected number of sought rows among the k highest scores, with ties broken at random."""
    threshold = np.partition(scores, -k)[-k]
    above, tied = scores > threshold, scores == threshold
    return float(sought[above].sum() + sought[tied].mean() * (k - above.sum()))

"""Differences of several rows from a common reference, judged together."""

import numpy as np
import pandas as pd

from .estimates import LEVEL, POWER, Counts, Estimate, Values, difference

BETTER, WORSE, OPEN = "better", "worse", "not shown to differ"


def change(first: Values, second: Values, seeds: Counts) -> Estimate:
    """The mean over problems of the paired difference of values (cells,), problem after problem."""
    mean, shares, freedom = difference(first, second, seeds)
    return Estimate(float(mean), float(np.sqrt(shares.sum())), float(freedom))


def changes(estimates: dict[str, Estimate]) -> pd.DataFrame:
    """Whether differences are shown, so that all verdicts and all intervals hold together with 95 %.

    Returns:
        By row: `mean`; `low` and `high`, the ends of an interval at Bonferroni's level over the rows with a standard
        error; `visible`, the smallest difference that would be shown with 80 % power; `verdict`: `BETTER`, `WORSE` or
        `OPEN`, "" without a standard error.
    """
    known = sum(not np.isnan(estimate.error) for estimate in estimates.values())
    level = 1 - (1 - LEVEL) / max(1, known)
    rows = {}
    for row, estimate in estimates.items():
        low, high = estimate.interval(level)
        verdict = BETTER if low > 0 else WORSE if high < 0 else "" if np.isnan(low) else OPEN
        rows[row] = (estimate.mean, low, high, estimate.visible(level, POWER), verdict)
    return pd.DataFrame.from_dict(rows, orient="index", columns=["mean", "low", "high", "visible", "verdict"])

"""Which row is best: how far a row leads every other, and whether that shows the other to be worse.

Each row is compared with the leader by a paired t-test of Welch's kind. The same figures choose the leader, so of the
rows that may be best any two could have been the leader and the last. With r of these, each comparison is made at the
level ALPHA / (r (r - 1)), Bonferroni's for all ordered pairs; r is counted (`candidates`) and at least `FEWEST`. So
rows that are clearly behind do not matter, and five rows are judged alone as they are among fifty. Counting r is after
Hochberg and Benjamini (1990) and Finner and Gontscharuk (2009). reports/published/certainty.md shows by simulation that
all verdicts of a board hold together with 95 %.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from .estimates import LEVEL, POWER, Counts, Values, by_seed, difference, freedom, spread
from .tables import by_problem

BEST, NOT_SHOWN, WORSE = "best", "not shown to be worse", "worse"
VERDICT = (
    "difference", "difference_low", "difference_high", "p", "visible", "verdict", "rank_low", "rank_high",
)  # fmt: skip
ALPHA = 1 - LEVEL
ALIKE = 0.01  # a row may be as good as another if a single comparison leaves it more than this p
FEWEST = 4  # rows that count as possibly best on every board, so that a small one is judged as a large one
LIKE_THESE = 8  # problems, the fewest that can stand for problems like these


@dataclass(frozen=True)
class Lead:
    """How far a row is ahead of every row, itself included.

    Attributes:
        mean: the difference of overall means (..., rows); negative for a row that is further ahead.
        error: its standard error (..., rows), paired by problem and seed; NaN if a problem has a single seed.
        freedom: degrees of freedom of the standard error (..., rows).
        candidates: rows that may be as good as the row (...), itself included.
    """

    mean: Values
    error: Values
    freedom: Values
    candidates: Counts

    @property
    def p(self) -> Values:
        """One-sided p of the hypothesis that the other row is at least as good; NaN without a standard error."""
        return _chance(self.mean, self.error, self.freedom)

    @property
    def comparisons(self) -> Counts:
        """The number of ordered pairs of rows that may be best (...), which each comparison is adjusted for.

        Chance makes some rows that are as good as the leader look worse. So these are the candidates, one more for each
        four, and the row that is compared.
        """
        rows: Counts = np.maximum(FEWEST, self.candidates + self.candidates // 4 + 1)
        return rows * (rows - 1)

    @property
    def worse(self) -> NDArray[np.bool_]:
        """Which rows (..., rows) are shown to be worse."""
        shown: NDArray[np.bool_] = self.p <= ALPHA / self.comparisons[..., None]
        return shown

    @property
    def interval(self) -> tuple[Values, Values]:
        """Intervals of the differences (..., rows), which hold together for all rows and whichever row leads.

        They count the two sides of each difference between a candidate and a row. An interval of a row that is shown
        to be worse ends at 0 at the latest: that is a stepwise interval, after Hsu and Berger (1999).
        """
        rivals, rows = np.maximum(1, self.candidates), self.mean.shape[-1]
        sides = np.maximum(self.comparisons, rivals * (rivals - 1) + 2 * rivals * (rows - rivals))
        reach = _reach(self.error, self.freedom, ALPHA / sides[..., None])
        low = self.mean - reach
        return np.where(self.worse, np.maximum(low, 0), low), self.mean + reach

    @property
    def visible(self) -> Values:
        """The smallest true difference (..., rows) that would be shown with 80 % power."""
        at_level = _reach(self.error, self.freedom, ALPHA / self.comparisons[..., None])
        return at_level + _reach(self.error, self.freedom, 1 - POWER)


def lead(values: Values, seeds: Counts, row: Counts) -> Lead:
    """How far a row is ahead of every row.

    Where there are `FEWEST` candidates or more, the average pattern of their differences over problems is known well,
    and its degrees of freedom are the most that any difference has.

    Args:
        values: (..., rows, cells), problem after problem.
        seeds: the number of seeds of each problem (problems,).
        row: the index of the row (...).
    """
    mean, shares, counted = difference(_at(values, row), values, seeds)
    variance = shares.sum(axis=-1)
    alike = np.abs(_chance(mean, np.sqrt(variance), counted) - 0.5) < 0.5 - ALIKE
    candidates = alike.sum(axis=-1)
    varying = (alike & (variance > 0))[..., None]
    patterns = np.divide(shares, variance[..., None], out=np.zeros_like(shares), where=varying)
    shared = freedom(patterns.sum(axis=-2), seeds)
    counted = np.where((candidates >= FEWEST)[..., None], np.minimum(counted, shared[..., None]), counted)
    return Lead(mean, np.sqrt(variance), counted, candidates)


def judged_by_problem(table: pd.DataFrame) -> pd.DataFrame:
    """As `judged`, but for problems like these: the problems are the sample, and the mean over seeds their only value.

    With as many seeds in each problem, a linear mixed model with a random effect of the problem on each row gives the
    same tests.
    """
    means = by_problem(table)
    return judged(
        means.set_axis(pd.MultiIndex.from_product([["any"], means.columns], names=table.columns.names), axis=1)
    )


def judged(table: pd.DataFrame) -> pd.DataFrame:
    """Whether each row is shown to be worse than the leader, the row with the highest mean, and its possible ranks.

    Args:
        table: method × (problem, seed); of rows with equal means the first leads.

    Returns:
        By method: `difference` from the leader, with the ends `difference_low` and `difference_high` of its interval;
        `p`, one-sided and adjusted; `visible`, the smallest difference that would be shown with 80 % power; `verdict`;
        `rank_low` and `rank_high`, the ends of the interval of its rank. All but `difference` are missing, and the
        verdict is "", if a problem has a single seed or the table a single row.
    """
    values, seeds = by_seed(table)
    rows, mean = len(table), spread(values, seeds)[0]
    if rows < 2 or seeds.min() < 2:
        behind = pd.DataFrame({"difference": mean - mean.max(initial=-np.inf), "verdict": ""}, index=table.index)
        return behind.reindex(columns=list(VERDICT))
    leads, leader = [lead(values, seeds, np.array(row)) for row in range(rows)], int(mean.argmax())
    best, worse = leads[leader], np.array([other.worse for other in leads])
    low, high = best.interval
    words = np.where(best.worse, WORSE, NOT_SHOWN).astype(object)
    words[leader] = BEST
    columns = (
        0.0 - best.mean,
        0.0 - high,
        0.0 - low,
        np.minimum(1, best.p * best.comparisons),
        best.visible,
        words,
        1.0 + worse.sum(axis=0),
        rows - worse.sum(axis=1),
    )
    return pd.DataFrame(dict(zip(VERDICT, columns, strict=True)), index=table.index)


def _chance(mean: Values, error: Values, counted: Values) -> Values:
    with np.errstate(divide="ignore", invalid="ignore"):
        chance = stdtr(counted, -mean / error)
    return np.where(error == 0, 0.5 - 0.5 * np.sign(mean), chance)


def _reach(error: Values, counted: Values, level: Values | float) -> Values:
    """The distance that a mean exceeds by chance at this level, (..., rows)."""
    reach: Values = -stdtrit(counted, level) * error
    return reach


def _at(values: Values, row: Counts) -> Values:
    return np.take_along_axis(values, row[..., None, None], axis=-2)

"""Statistics of a leaderboard: means, intervals, ranks, and tests of the differences.

Each metric is a table with a row per method and a column per (problem, seed). Seeds are repetitions of a problem.
"""

from math import ceil, comb, log2

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import linregress, rankdata
from scipy.stats import norm as normal
from scipy.stats import t as student
from statsmodels.stats.multitest import multipletests

LEVEL = 0.95
CHANCE = {"roc_auc": 0.5, "ndr_at_10": 0.1, "ndr_at_30": 0.3}  # for other metrics, chance is the share of wrong labels


def values(cells: pd.DataFrame, metric: str) -> pd.DataFrame:
    """A metric as a table, method × (problem, seed); a cell that failed or is missing counts as the worst.

    The worst is the lowest value of any method on that problem and seed, or the value of chance if that is lower:
    failing is never better than guessing.
    """
    done = cells[metric].where(cells["status"] == "ok")
    wide = (
        cells.assign(value=done).pivot(index="method", columns=["problem", "seed"], values="value").sort_index(axis=1)
    )
    chance = cells.groupby(["problem", "seed"])["rate"].first()
    if metric in CHANCE:
        chance[:] = CHANCE[metric]
    worst = wide.min()
    return wide.fillna(worst.where(worst < chance, chance))


def by_problem(table: pd.DataFrame) -> pd.DataFrame:
    """Means over seeds, method × problem."""
    return table.T.groupby(level="problem").mean().T


def overall(table: pd.DataFrame) -> pd.Series:
    """Mean over problems of the mean over seeds: every problem has the same weight, whatever its number of seeds."""
    return by_problem(table).mean(axis=1)


def intervals(table: pd.DataFrame, repetitions: int = 10_000, seed: int = 0) -> pd.DataFrame:
    """95 % interval, `low` and `high`, of each method's overall mean by a bootstrap over seeds within each problem.

    The plain bootstrap is far too narrow for the few seeds of a benchmark: for 4 problems × 3 seeds it covers 84 %.
    Therefore each repetition draws one seed fewer than there are, which makes the variance unbiased (Rao and Wu 1988),
    and the interval is widened by the ratio of Student's quantile to the normal one. The result covers 95 %. All
    methods share the draws. Bounds are NaN where a problem has a single seed, which carries no information about the
    spread.
    """
    rng = np.random.default_rng(seed)
    centre = overall(table).to_numpy()
    shifts = np.zeros((len(table), repetitions))
    problems = [part.T.to_numpy() for _, part in table.T.groupby(level="problem")]
    if min(part.shape[1] for part in problems) < 2:
        return pd.DataFrame(np.nan, index=table.index, columns=["low", "high"])
    for part in problems:
        n = part.shape[1]
        draws = rng.multinomial(n - 1, np.full(n, 1 / n), size=repetitions)
        shifts += part @ draws.T / (n - 1) / len(problems)
    tails = np.array([(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    bounds = np.quantile(shifts - centre[:, None], tails, axis=1)
    widening = student.ppf(tails[1], table.shape[1] - len(problems)) / normal.ppf(tails[1])
    return pd.DataFrame(centre[:, None] + widening * bounds.T, index=table.index, columns=["low", "high"])


def mean_interval(values: ArrayLike) -> tuple[float, float, float]:
    """Mean and Student's 95 % interval of independent values; the bounds are NaN for a single value."""
    x = np.asarray(values, dtype=np.float64)
    reach = student.ppf((1 + LEVEL) / 2, len(x) - 1) * x.std(ddof=1) / np.sqrt(len(x)) if len(x) > 1 else np.nan
    return float(x.mean()), float(x.mean() - reach), float(x.mean() + reach)


def power_of(sizes: ArrayLike, costs: ArrayLike) -> tuple[float, float, float]:
    """The exponent of a cost's growth with a size, as the slope of their logarithms, and Student's 95 % interval."""
    fit = linregress(np.log(np.asarray(sizes, np.float64)), np.log(np.asarray(costs, np.float64)))
    reach = student.ppf((1 + LEVEL) / 2, np.size(sizes) - 2) * fit.stderr
    return float(fit.slope), float(fit.slope - reach), float(fit.slope + reach)


def mean_ranks(table: pd.DataFrame) -> pd.Series:
    """Mean over (problem, seed) of each method's rank, 1 for the highest value; ties share their mean rank."""
    return table.rank(ascending=False).mean(axis=1)


def wins(table: pd.DataFrame, leader: str) -> pd.Series:
    """Share of the (problem, seed) pairs in which each method is above the leader; a tie counts half."""
    best = table.loc[leader]
    return table.gt(best).mean(axis=1) + table.eq(best).mean(axis=1) / 2


def wilcoxon(differences: ArrayLike) -> float:
    """Two-sided p of the signed-rank test, exact given the ranks; zeros are left out, and p is 1 if all are zero.

    SciPy is exact only without ties, and ties are common here: two methods often agree on an easy problem.
    """
    d = np.asarray(differences, dtype=np.float64)
    d = d[d != 0]
    doubled = (2 * rankdata(np.abs(d))).astype(np.int64)  # mean ranks are halves
    chances = np.zeros(doubled.sum() + 1)
    chances[0] = 1.0
    for rank in doubled:
        chances[rank:] = (chances[rank:] + chances[: len(chances) - rank]) / 2
        chances[:rank] /= 2
    w = int(min(doubled[d > 0].sum(), doubled[d < 0].sum()))
    return min(1.0, 2 * float(chances[: w + 1].sum()))


def pairwise(table: pd.DataFrame) -> pd.DataFrame:
    """Holm-adjusted p for every pair of methods, method × method, by signed-rank tests over (problem, seed)."""
    rows = table.to_numpy()
    first, second = np.triu_indices(len(rows), 1)
    square = np.ones((len(rows), len(rows)))
    if len(first):
        p = [wilcoxon(rows[i] - rows[j]) for i, j in zip(first, second, strict=True)]
        square[first, second] = multipletests(p, method="holm")[1]
    return pd.DataFrame(np.minimum(square, square.T), index=table.index, columns=table.index)


def pairs_needed(methods: int) -> int:
    """The fewest (problem, seed) pairs with which a difference among this number of methods can be significant.

    With n pairs the smallest p of a signed-rank test is 2^(1 - n), before Holm multiplies it by the number of
    comparisons: 6 pairs for two methods, 13 for ten.
    """
    return ceil(1 + log2(max(1, comb(methods, 2)) / (1 - LEVEL)) - 1e-9)


def can_claim(table: pd.DataFrame) -> bool:
    """Whether the seeds and pairs suffice for any claim of significance."""
    seeds = table.columns.to_frame().groupby(level="problem").size()
    return bool(seeds.min() > 1) and table.shape[1] >= pairs_needed(len(table))

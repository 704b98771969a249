"""Tables of a metric, a row per method and a column per (problem, seed); seeds are repetitions of a problem."""

import pandas as pd

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


def finished(cells: pd.DataFrame) -> pd.DataFrame:
    """Whether all cells of a method on a problem ended well, method × problem."""
    done = cells.assign(done=cells["status"] == "ok")
    wide = done.pivot(index="method", columns=["problem", "seed"], values="done").sort_index(axis=1).eq(True)
    return by_problem(wide.astype(float)) == 1


def by_problem(table: pd.DataFrame) -> pd.DataFrame:
    """Means over seeds, method × problem."""
    return table.T.groupby(level="problem").mean().T


def overall(table: pd.DataFrame) -> pd.Series:
    """Mean over problems of the mean over seeds: every problem has the same weight, whatever its number of seeds."""
    return by_problem(table).mean(axis=1)


def mean_ranks(table: pd.DataFrame) -> pd.Series:
    """Mean over (problem, seed) of each method's rank, 1 for the highest value; ties share their mean rank."""
    return table.rank(ascending=False).mean(axis=1)

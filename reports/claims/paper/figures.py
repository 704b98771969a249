"""Figures that several claims are told with."""

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd

from ....bench.results.run import Run
from ....bench.results.specs import CONTROLS
from ...statistics import mean_interval
from ...style import share
from ...trimming.sentences import points

OUTLIER = ("outlier-gradient", "outlier-gradient[detector=l1]", "outlier-gradient[detector=l2]")
Interval = tuple[float, float, float]


def best(table: pd.DataFrame, rows: Iterable[str]) -> str:
    """The row of the highest mean among some.

    Raises:
        KeyError: if there is none of them.
    """
    means = table.loc[[row for row in rows if row in table.index]].mean(axis=1)
    if means.empty:
        raise KeyError(" or ".join(rows))
    return str(means.idxmax())


def told(name: str, interval: Interval, form: Callable[[float], str]) -> str:
    """A figure with its name and interval."""
    return f"{name} {shown(interval, form)}"


def shown(interval: Interval, form: Callable[[float], str]) -> str:
    """A figure with its interval."""
    middle, low, high = (form(value) for value in interval)
    return middle + ("" if np.isnan(interval[1]) else f" [{low}, {high}]")


def moved(difference: Interval) -> str:
    """A difference of ROC-AUCs with its interval."""
    return shown(difference, "{:+.3f}".format)


def percent(value: float) -> str:
    """A share in percent."""
    return f"{100 * value:.1f} %"


def verdict(difference: Interval, stands: str, opposite: str, neither: str = "Cannot be told from chance here.") -> str:
    """Which sentence a difference with its interval speaks for."""
    if difference[1] > 0:
        return stands
    if difference[2] < 0:
        return opposite
    return neither


def gain(table: pd.DataFrame, row: str) -> str:
    """What trimming by a row gains over random removal, with its interval."""
    return points(*table.loc[row, ["gain", "low", "high"]])


def accuracy(trimmed: pd.DataFrame, budget: str) -> pd.DataFrame:
    """Accuracy by removal and (problem, seed), the mean over trainings, where all arms are trained.

    Raises:
        KeyError: if they are nowhere.
    """
    return _by_removal(_at(trimmed, budget), "accuracy")


def wrong_among_removed(trimmed: pd.DataFrame, budget: str) -> pd.DataFrame:
    """The share of wrong labels among the rows removed, by removal and (problem, seed), where all arms are trained.

    Raises:
        KeyError: if they are nowhere.
    """
    part = _at(trimmed, budget)
    return _by_removal(part.assign(share=part["wrong_labels"] / part["k"]), "share")


def _at(trimmed: pd.DataFrame, budget: str) -> pd.DataFrame:
    part = trimmed if trimmed.empty else trimmed[trimmed["budget"] == budget]
    if part.empty:
        raise KeyError(f"models retrained without {budget} of the rows" if budget else "models retrained on all rows")
    return part


def _by_removal(part: pd.DataFrame, what: str) -> pd.DataFrame:
    return part.groupby(["removal", "problem", "problem_seed"])[what].mean().unstack([1, 2]).dropna(axis=1)


def aucs(run: Run, metric: str = "roc_auc") -> pd.DataFrame:
    """ROC-AUC, or another metric, of finding what is sought, row × (problem, seed), where all cells ended well."""
    frame = run.frame()
    return frame.pivot(index="method", columns=["problem", "seed"], values=metric).dropna()


def aucs_told(table: pd.DataFrame, rows: Iterable[str], separator: str = "; ") -> str:
    """The mean of each row with its interval, as far as that lies between 0 and 1.

    Raises:
        KeyError: if a row is missing.
    """
    return separator.join(f"{row} {auc_shown(table, row)}" for row in rows)


def auc_shown(table: pd.DataFrame, row: str) -> str:
    """The mean of a row with its interval, as far as that lies between 0 and 1."""
    middle, low, high = np.clip(mean_interval(table.loc[row]), 0, 1)
    return shown((float(middle), float(low), float(high)), share)


def beside_the_best_other(table: pd.DataFrame) -> tuple[str, str, Interval]:
    """The best outlier-gradient row, the best other one, and their paired difference."""
    ours = best(table, OUTLIER)
    other = best(table, [row for row in table.index if not row.startswith("outlier-gradient") and row not in CONTROLS])
    return ours, other, mean_interval(table.loc[ours] - table.loc[other])


def trimming(run: Run, budget: str) -> tuple[str, str]:
    """What trimming by each row gains over random removal, best first, and whether an outlier gradient is the best.

    Raises:
        KeyError: if no models have been retrained without so many rows.
    """
    trimmed = run.trimmed()
    table, whole = accuracy(trimmed, budget), accuracy(trimmed, "")
    gains = {row: mean_interval(table.loc[row] - table.loc["random"]) for row in table.index if row != "random"}
    gains["none"] = mean_interval(whole.loc["none"] - table.loc["random"])
    order = sorted(gains, key=lambda row: -gains[row][0])
    ours, other, difference = beside_the_best_other(table)
    figures = "; ".join(f"{row} {points(*gains[row])}" for row in order)
    beside_random = (
        ", nor from removing as many rows at random."
        if gains[ours][1] <= 0
        else "; both are above random removal."
        if gains[other][1] > 0
        else "."
    )
    return f"{figures}. {ours} over {other} {points(*difference)}", verdict(
        difference,
        f"Stands: {ours} is above the best other row, {other}.",
        f"Does not stand: {other} is above {ours}.",
        f"Does not stand: {ours}, the best outlier gradient, cannot be told from {other}, the best other row"
        f"{beside_random}",
    )

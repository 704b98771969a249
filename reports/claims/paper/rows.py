"""The rows of a run that claims compare: of cells, of scores and of retrained models."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ....bench.results.run import Run
from ...statistics.estimates import estimate
from ..claim import Lacking

FOREST = "outlier-gradient"
OUTLIER = (FOREST, "outlier-gradient[detector=l1]", "outlier-gradient[detector=l2]")
Interval = tuple[float, float, float]
"""A mean and the ends of its 95 % interval, which are NaN for a single value."""


def interval(values: pd.Series) -> Interval:
    """The mean over problems of values by (problem, seed), with its interval."""
    overall = estimate(values)
    return overall.mean, *overall.interval()


def rows(table: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Some rows of a table, in that order.

    Raises:
        Lacking: names the rows that the table lacks.
    """
    if missing := [name for name in names if name not in table.index]:
        raise Lacking(", ".join(missing))
    return table.loc[list(names)]


def row(table: pd.DataFrame, name: str) -> pd.Series:
    """A row of a table.

    Raises:
        Lacking: if the table has no row of that name.
    """
    return rows(table, [name]).iloc[0]


def on(table: pd.DataFrame, problems: Sequence[str]) -> pd.DataFrame:
    """The columns of some problems.

    Raises:
        Lacking: if the table has none of them.
    """
    part = table.loc[:, table.columns.get_level_values("problem").isin(problems)]
    if part.empty:
        raise Lacking(f"finished cells or models of {' or '.join(problems)}")
    return part


def by_mean(table: pd.DataFrame) -> list[str]:
    """The names of the rows, the highest mean first; rows whose means differ by rounding alone keep their order."""
    means = table.mean(axis=1).round(12)
    return [str(name) for name in means.sort_values(ascending=False, kind="stable").index]


def aucs(run: Run, metric: str = "roc_auc") -> pd.DataFrame:
    """ROC-AUC, or another metric, row × (problem, seed); only rows all of whose cells ended well.

    Raises:
        Lacking: if no cell ended well.
    """
    frame = run.frame()
    if metric not in frame.columns:
        raise Lacking("finished cells")
    return frame.pivot(index="method", columns=["problem", "seed"], values=metric).dropna()


def problems_of(run: Run, *datasets: str) -> list[str]:
    """The labels of the problems that are made from some datasets.

    Raises:
        Lacking: if the run has none.
    """
    frame = run.frame()
    labels = [] if frame.empty else list(frame.loc[frame["dataset"].isin(datasets), "problem"].unique())
    if not labels:
        raise Lacking(f"problem of {' or '.join(datasets)}")
    return labels


def scores_by_problem(run: Run, needed: Sequence[str] = ()) -> dict[str, dict[str, NDArray[np.float64]]]:
    """The raw scores of all cells that ended well, by slug of the problem and row.

    Raises:
        Lacking: if no cell ended well, or a problem lacks a needed row.
    """
    scores = run.scores_by_problem()
    if not scores:
        raise Lacking("finished cells")
    for by_row in scores.values():
        if missing := [name for name in needed if name not in by_row]:
            raise Lacking(", ".join(missing))
    return scores


def by_problem_and_seed(run: Run, values: Mapping[str, float]) -> pd.Series:
    """A figure of each problem, given by slug, as the differences of a contrast are: by `problem` and `seed`."""
    specs = [run.problem(slug).spec for slug in values]
    index = pd.MultiIndex.from_tuples([(spec.label, spec.seed) for spec in specs], names=["problem", "seed"])
    return pd.Series(list(values.values()), index, dtype=float)


def accuracy(trimmed: pd.DataFrame, budget: str) -> pd.DataFrame:
    """Accuracy of retrained models, removal × (problem, seed), the mean over trainings; only where all arms are done.

    Args:
        trimmed: as `Run.trimmed` returns it.
        budget: the share of rows to remove; "" for the models that were trained on all rows.

    Raises:
        Lacking: if there are none.
    """
    return _by_removal(_at(trimmed, budget), "accuracy")


def wrong_among_removed(trimmed: pd.DataFrame, budget: str) -> pd.DataFrame:
    """The share of wrong labels among the removed rows; otherwise as `accuracy`."""
    part = _at(trimmed, budget)
    return _by_removal(part.assign(share=part["wrong_labels"] / part["k"]), "share")


def best_over_last(trimmed: pd.DataFrame) -> pd.DataFrame:
    """Accuracy of the best epoch minus that of the last, over all budgets; otherwise as `accuracy`."""
    if trimmed.empty:
        raise Lacking("retrained models")
    lift = trimmed["accuracy_by_epoch"].map(lambda by_epoch: max(by_epoch) - by_epoch[-1])
    return _by_removal(trimmed.assign(lift=lift), "lift")


def _at(trimmed: pd.DataFrame, budget: str) -> pd.DataFrame:
    part = trimmed if trimmed.empty else trimmed[trimmed["budget"] == budget]
    if part.empty:
        raise Lacking(f"models retrained without {budget} of the rows" if budget else "models retrained on all rows")
    return part


def _by_removal(part: pd.DataFrame, column: str) -> pd.DataFrame:
    table = part.groupby(["removal", "problem", "problem_seed"])[column].mean().unstack([1, 2]).dropna(axis=1)
    table.columns.names = ["problem", "seed"]
    if table.empty:
        raise Lacking("problem on which all arms are trained")
    return table

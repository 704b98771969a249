"""Accuracy after trimming and retraining: the differences that claims are about."""

from collections.abc import Sequence

import pandas as pd

from ....bench.results.run import Run
from ..claim import Evidence
from .figures import percent_list
from .rows import accuracy, by_mean, on, row, rows

UNTRIMMED = "none"


def accuracies(run: Run, budget: str) -> pd.DataFrame:
    """Test accuracy at a budget, removal × (problem, seed), with the untrimmed model; only where all arms are done.

    Raises:
        Lacking: if there are no such models, or no untrimmed ones.
    """
    trimmed = run.trimmed()
    table, whole = accuracy(trimmed, budget), accuracy(trimmed, "")
    return pd.concat([table, row(whole, UNTRIMMED).to_frame().T]).dropna(axis=1)


def lifted(
    run: Run, budget: str, first: Sequence[str], second: Sequence[str], problems: Sequence[str] | None = None
) -> Evidence:
    """Test accuracy of models trimmed by some rows, on average, minus that of models trimmed by others.

    Args:
        run: with retrained models.
        budget: the share of rows that is removed.
        first: leaderboard rows or controls.
        second: the same; `UNTRIMMED` is the model on all rows, in shuffled training.
        problems: labels of those that count; None means all.

    Raises:
        Lacking: if the run lacks an arm, or has none of the problems.
    """
    table = accuracies(run, budget)
    table = table if problems is None else on(table, problems)
    figures = f"test accuracy: {percent_list(table, by_mean(table))}"
    return Evidence(rows(table, first).mean() - rows(table, second).mean(), figures)

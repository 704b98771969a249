"""Figures as text, and the choice of a verdict."""

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd

from ....bench.results.run import Run
from ...statistics.estimates import mean_interval
from ...style import share
from ...trimming.sentences import points
from ..claim import Finding
from .rows import Interval, accuracy, against_best_other, interval, row


def trimming_finding(run: Run, budget: str, heading: str) -> Finding:
    """The gain of each row over random removal, best first, and whether an outlier gradient gains most.

    Raises:
        Lacking: if no models have been retrained at that budget.
    """
    trimmed = run.trimmed()
    table, whole = accuracy(trimmed, budget), accuracy(trimmed, "")
    random = row(table, "random")
    gains = {str(name): mean_interval(table.loc[name] - random) for name in table.index if name != "random"}
    gains["none"] = mean_interval(row(whole, "none") - random)
    order = sorted(gains, key=lambda name: -gains[name][0])
    ours, other, difference = against_best_other(run, table)
    figures = "; ".join(f"{name} {points(*gains[name])}" for name in order)
    against_random = (
        ", nor from removing as many rows at random."
        if gains[ours][1] <= 0
        else "; both are above random removal."
        if gains[other][1] > 0
        else "."
    )
    return Finding(
        f"{heading}: {figures}. {ours} over {other} {points(*difference)}",
        verdict(
            difference,
            f"Stands: {ours} is above the best other row, {other}.",
            f"Does not stand: {other} is above {ours}.",
            f"Does not stand: {ours}, the best outlier gradient, cannot be distinguished from {other}, the best other "
            f"row{against_random}",
        ),
    )


def verdict(
    difference: Interval, positive: str, negative: str, neither: str = "Cannot be distinguished from chance here."
) -> str:
    """The sentence for a difference whose interval lies above zero, below it, or around it."""
    if difference[1] > 0:
        return positive
    if difference[2] < 0:
        return negative
    return neither


def labelled(name: str, interval: Interval, form: Callable[[float], str]) -> str:
    """A figure with its name and its interval."""
    return f"{name} {with_interval(interval, form)}"


def with_interval(interval: Interval, form: Callable[[float], str]) -> str:
    """A figure with its interval, if it has one."""
    middle, low, high = (form(value) for value in interval)
    return middle + ("" if np.isnan(interval[1]) else f" [{low}, {high}]")


def signed(difference: Interval) -> str:
    """A difference of ROC-AUCs with its sign and its interval."""
    return with_interval(difference, "{:+.3f}".format)


def percent(value: float) -> str:
    """A share in percent."""
    return f"{100 * value:.1f} %"


def auc_text(table: pd.DataFrame, name: str) -> str:
    """The mean of a row with its interval, clipped to the range from 0 to 1.

    Raises:
        Lacking: if the table has no row of that name.
    """
    middle, low, high = np.clip(interval(row(table, name)), 0, 1)
    return with_interval((float(middle), float(low), float(high)), share)


def auc_list(table: pd.DataFrame, names: Iterable[str], separator: str = "; ") -> str:
    """The mean of each of some rows, as `auc_text` gives it, after the row's name."""
    return separator.join(f"{name} {auc_text(table, name)}" for name in names)

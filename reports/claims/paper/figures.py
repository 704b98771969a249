"""Figures as text."""

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd

from ...statistics.estimates import share_intervals
from ...style import share
from .rows import Interval, interval, row


def labelled(name: str, interval: Interval, form: Callable[[float], str]) -> str:
    """A figure with its name and its interval."""
    return f"{name} {with_interval(interval, form)}"


def with_interval(interval: Interval, form: Callable[[float], str]) -> str:
    """A figure with its interval, if it has one."""
    middle, low, high = (form(value) for value in interval)
    return middle + ("" if np.isnan(interval[1]) else f" [{low}, {high}]")


def percent(value: float) -> str:
    """A share in percent."""
    return f"{100 * value:.1f} %"


def auc_text(table: pd.DataFrame, name: str) -> str:
    """The mean of a row with its interval.

    Raises:
        Lacking: if the table has no row of that name.
    """
    return with_interval(_of_shares(row(table, name)), share)


def auc_list(table: pd.DataFrame, names: Iterable[str], separator: str = "; ") -> str:
    """The mean of each of some rows, as `auc_text` gives it, after the row's name."""
    return separator.join(f"{name} {auc_text(table, name)}" for name in names)


def percent_list(table: pd.DataFrame, names: Iterable[str]) -> str:
    """The mean of each of some rows in percent, with its interval.

    Raises:
        Lacking: if the table lacks a row.
    """
    return "; ".join(labelled(name, _of_shares(row(table, name)), percent) for name in names)


def _of_shares(values: pd.Series) -> Interval:
    """The mean over problems of values between 0 and 1 by (problem, seed), with an interval within that range."""
    low, high = share_intervals(values.to_frame().T).iloc[0]
    return interval(values)[0], float(low), float(high)

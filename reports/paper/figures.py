"""Figures that several claims are told with."""

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd

from ..trimming import points

OUTLIER = ("outlier-gradient", "outlier-gradient[detector=l1]", "outlier-gradient[detector=l2]")
Interval = tuple[float, float, float]


def best(table: pd.DataFrame, rows: Iterable[str]) -> str:
    """The row of the highest mean among some."""
    return str(table.loc[[row for row in rows if row in table.index]].mean(axis=1).idxmax())


def told(name: str, interval: Interval, form: Callable[[float], str]) -> str:
    """A figure with its name and interval."""
    middle, low, high = (form(value) for value in interval)
    return f"{name} {middle}" + ("" if np.isnan(interval[1]) else f" [{low}, {high}]")


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
    """Accuracy by removal and (problem, seed), the mean over trainings."""
    part = trimmed[trimmed["budget"] == budget]
    return part.groupby(["removal", "problem", "problem_seed"])["accuracy"].mean().unstack([1, 2])

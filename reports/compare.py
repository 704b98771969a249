"""Two runs compared cell by cell: accuracy, cost and memory."""

import numpy as np
import pandas as pd

from ..bench.errors import InputError
from .leaderboard.board import ordered_cells
from .leaderboard.costs import timed
from .statistics.changes import change, changes
from .statistics.estimates import Estimate

CELL = ["method", "problem", "seed"]
NOISE = 2**20  # bytes: a smaller peak is the allocator's rounding


def compare(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    """The differences of the second run from the first, one row per method that is in both.

    Cells are matched by method, dataset, noise, model and seed.

    Returns:
        By method: `difference`, the mean of b - a in ROC-AUC over problems, paired by cell, with `low`, `high`,
        `visible` and `verdict`, as `changes` returns them (NaN if a problem has one seed); `epochs_ratio`, a
        geometric mean of b / a over problems whose epochs are long enough for a unit, NaN if there are none, and
        `memory_ratio` over all; `cells`, the number that finished in both; `status_changes`, for
        example `ok → timeout: 2`.

    Raises:
        InputError: if no cell is in both.
    """
    before, after = ordered_cells(a), ordered_cells(b)
    both = before.merge(after, on=CELL, suffixes=("_a", "_b"))
    if both.empty:
        raise InputError("the two runs share no cell: method, dataset, noise, model and seed must be the same")
    long = set(timed(before)) & set(timed(after))
    rows = pd.DataFrame.from_dict(
        {method: _row(cells, long) for method, cells in both.groupby("method")}, orient="index"
    )
    judged = changes({str(method): _difference(cells) for method, cells in both.groupby("method")})
    return judged.rename(columns={"mean": "difference"}).join(rows).rename_axis("method")


def _row(cells: pd.DataFrame, long: set[str]) -> dict[str, object]:
    done = _finished(cells)
    comparable = done[done["problem"].isin(long)]
    memory = done[["peak_bytes_a", "peak_bytes_b"]].clip(lower=NOISE)
    return {
        "epochs_ratio": _geometric(comparable["epochs_b"] / comparable["epochs_a"]),
        "memory_ratio": _geometric(memory["peak_bytes_b"] / memory["peak_bytes_a"]),
        "cells": len(done),
        "status_changes": _changes(cells),
    }


def _difference(cells: pd.DataFrame) -> Estimate:
    done = _finished(cells).sort_values(CELL)
    if done.empty:
        return Estimate(np.nan, np.nan, np.nan)
    seeds = np.asarray(done.groupby("problem").size(), dtype=np.int64)
    return change(done["roc_auc_b"].to_numpy(), done["roc_auc_a"].to_numpy(), seeds)


def _finished(cells: pd.DataFrame) -> pd.DataFrame:
    return cells[(cells["status_a"] == "ok") & (cells["status_b"] == "ok")]


def _geometric(ratios: pd.Series) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.exp(np.log(ratios[np.isfinite(ratios) & (ratios > 0)]).mean()))


def _changes(cells: pd.DataFrame) -> str:
    changed = cells[cells["status_a"] != cells["status_b"]]
    counts = (changed["status_a"] + " → " + changed["status_b"]).value_counts().sort_index()
    return "; ".join(f"{change}: {n}" for change, n in counts.items())

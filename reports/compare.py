"""Two runs compared cell by cell: accuracy, cost and memory."""

import numpy as np
import pandas as pd

from ..bench.errors import InputError
from .leaderboard.board import ordered_cells
from .statistics.estimates import intervals
from .statistics.tables import overall

CELL = ["method", "problem", "seed"]
NOISE = 2**20  # bytes: a smaller peak is the allocator's rounding


def compare(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    """The differences of the second run from the first, one row per method that is in both.

    Cells are matched by method, dataset, noise, model and seed.

    Returns:
        By method: `difference`, the mean of b - a in ROC-AUC over problems, with its 95 % interval `low` and `high`,
        paired by cell (NaN if a problem has one seed); `epochs_ratio` and `memory_ratio`, geometric means of b / a;
        `cells`, the number that finished in both; `status_changes`, for example `ok → timeout: 2`.

    Raises:
        InputError: if no cell is in both.
    """
    both = ordered_cells(a).merge(ordered_cells(b), on=CELL, suffixes=("_a", "_b"))
    if both.empty:
        raise InputError("the two runs share no cell: method, dataset, noise, model and seed must be the same")
    rows = {method: _row(cells) for method, cells in both.groupby("method")}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("method")


def _row(cells: pd.DataFrame) -> dict[str, object]:
    done = cells[(cells["status_a"] == "ok") & (cells["status_b"] == "ok")]
    paired = done.set_index(["problem", "seed"])
    change = (paired["roc_auc_b"] - paired["roc_auc_a"]).to_frame().T
    memory = done[["peak_bytes_a", "peak_bytes_b"]].clip(lower=NOISE)
    return {
        **({"difference": np.nan, "low": np.nan, "high": np.nan} if done.empty else _difference(change)),
        "epochs_ratio": _geometric(done["epochs_b"] / done["epochs_a"]),
        "memory_ratio": _geometric(memory["peak_bytes_b"] / memory["peak_bytes_a"]),
        "cells": len(done),
        "status_changes": _changes(cells),
    }


def _difference(change: pd.DataFrame) -> dict[str, float]:
    low, high = intervals(change).to_numpy()[0]
    return {"difference": overall(change).to_numpy()[0], "low": low, "high": high}


def _geometric(ratios: pd.Series) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.exp(np.log(ratios[np.isfinite(ratios) & (ratios > 0)]).mean()))


def _changes(cells: pd.DataFrame) -> str:
    changed = cells[cells["status_a"] != cells["status_b"]]
    counts = (changed["status_a"] + " → " + changed["status_b"]).value_counts().sort_index()
    return "; ".join(f"{change}: {n}" for change, n in counts.items())

"""Why a row is suspect, in words: what is unusual in its cells, and its near duplicates with another label."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor

from ...datasets.tables.cells import texts

FAR = 3.0
"""A number is unusual if it is farther from the quartiles of its label than so many times their distance."""
RARE = 0.01
"""A word is unusual if a smaller share of the rows of its label has it."""
NEAR = 0.1
"""Two rows are near duplicates if they are nearer than this share of the usual distance of a row to its nearest."""
NEIGHBOURS, SAMPLE = 5, 500


def unusual(
    cells: pd.DataFrame, y: NDArray[np.int64], names: Sequence[str], rows: NDArray[np.int64]
) -> list[dict[str, str]]:
    """Why cells of some rows are unusual among the rows of the same label, by column, for each of these rows."""
    marks: list[dict[str, str]] = [{} for _ in rows]
    for column, values in cells.items():
        text = pd.Series(texts(values), dtype=object)
        numbers = pd.to_numeric(text.where(text != ""), errors="coerce")
        is_number = numbers.notna().sum() > 0.9 * (text != "").sum()
        reason = _far(numbers, y, names) if is_number else _rare(text, y, names)
        for marked, row in zip(marks, rows, strict=True):
            if why := reason(int(row)):
                marked[str(column)] = why
    return marks


def twins(x: Tensor, y: NDArray[np.int64], rows: NDArray[np.int64], seed: int = 0) -> list[int | None]:
    """The nearest near duplicate with another label of each of some rows; None where there is none."""
    from sklearn.neighbors import NearestNeighbors

    features = x.reshape(len(x), -1).numpy()
    nearest = NearestNeighbors(n_neighbors=min(NEIGHBOURS, len(y) - 1) + 1).fit(features)
    sample = np.random.default_rng(seed).choice(len(y), min(SAMPLE, len(y)), replace=False)
    usual = float(np.median(nearest.kneighbors(features[sample], n_neighbors=2)[0][:, 1]))
    distances, neighbours = nearest.kneighbors(features[rows])
    found: list[int | None] = []
    for row, far, near in zip(rows, distances, neighbours, strict=True):
        others = near[(far <= NEAR * usual) & (near != row) & (y[near] != y[row])]
        found.append(int(others[0]) if len(others) else None)
    return found


def _far(numbers: pd.Series, y: NDArray[np.int64], names: Sequence[str]) -> Callable[[int], str]:
    quartiles = numbers.groupby(y).quantile(np.array([0.25, 0.75])).unstack()

    def reason(row: int) -> str:
        value, label = numbers.iloc[row], y[row]
        low, high = quartiles.loc[label]
        if value > high + FAR * (high - low) and high > low:
            return f"far above what rows labelled {names[label]} usually have, {low:.4g} to {high:.4g}"
        if value < low - FAR * (high - low) and high > low:
            return f"far below what rows labelled {names[label]} usually have, {low:.4g} to {high:.4g}"
        return ""

    return reason


def _rare(text: pd.Series, y: NDArray[np.int64], names: Sequence[str]) -> Callable[[int], str]:
    common = text.value_counts()
    counts = text.groupby([y, text.to_numpy()]).size()
    sizes = np.bincount(y, minlength=len(names))

    def reason(row: int) -> str:
        label, word = y[row], text.iloc[row]
        count = int(counts[label, word])
        # A word of one row alone says nothing: names and numbers of orders are all different.
        if common[word] > 2 * count and count < RARE * sizes[label]:
            return f"{count} of {sizes[label]:,} rows labelled {names[label]} has this"
        return ""

    return reason

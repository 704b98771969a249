"""Rows by suspicion: all of them as a table, the first of them as a person looks at them."""

import base64
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from ...datasets.tables.cells import text_of
from ..results.audit import Row, Suspect
from .own_rows import OwnRows
from .reasons import twins, unusual

SHOWN = 200
OURS = ("rank", "row", "file", "score", "given", "suggested", "probability", "reason")
Floats = NDArray[np.float64]


def suggestions(p: Floats, y: NDArray[np.int64]) -> NDArray[np.int64]:
    """The likeliest class (n,) of each row besides its given label, from class probabilities (n, classes)."""
    others = p.copy()
    others[np.arange(len(y)), y] = -1
    likeliest: NDArray[np.int64] = others.argmax(1)
    return likeliest


def ranked_rows(rows: OwnRows, scores: Floats, p: Floats) -> pd.DataFrame:
    """All rows, the most suspect first.

    Returns:
        `rank` from 1, `row` from 0, `file` if rows have files, `score`, the `given` label, the `suggested` label with
        its `probability`, a `reason`, and what the data hold; a column of the data that has one of these names gets
        ` (yours)` behind its name.
    """
    y, suggested = rows.y, suggestions(p, rows.y)
    names = np.array(rows.names, dtype=object)
    order = np.argsort(-scores, kind="stable")
    table = pd.DataFrame(
        {
            "rank": np.arange(1, len(y) + 1),
            "row": order,
            **({"file": np.array(rows.files, dtype=object)[order]} if rows.files else {}),
            "score": scores[order],
            "given": rows.classes[y[order]],
            "suggested": rows.classes[suggested[order]],
            "probability": p[order, suggested[order]],
            "reason": [
                _reason(names[s], q, names[g], own)
                for s, q, g, own in zip(
                    suggested[order], p[order, suggested[order]], y[order], p[order, y[order]], strict=True
                )
            ],
        }
    )
    own = rows.cells.iloc[order].reset_index(drop=True)
    own = own.set_axis([yours(str(name), OURS) for name in own.columns], axis=1)
    return pd.concat([table, own], axis=1)


def suspects(rows: OwnRows, scores: Floats, p: Floats, count: int) -> list[Suspect]:
    """The most suspect rows as a person looks at them."""
    y, suggested, names = rows.y, suggestions(p, rows.y), rows.names
    order = np.argsort(-scores, kind="stable")[:count]
    marks = [{} for _ in order] if rows.kind == "texts" else unusual(rows.cells, y, names, order)
    is_compared = rows.p is None and isinstance(rows.examples.x, Tensor)
    pairs = twins(rows.examples.x, y, order) if is_compared else [None] * len(order)
    found = []
    for rank, (row, marked, twin) in enumerate(zip(order.tolist(), marks, pairs, strict=True), 1):
        reason = _reason(names[suggested[row]], p[row, suggested[row]], names[y[row]], p[row, y[row]])
        if twin is not None:
            reason += f"; row {twin}, nearly the same, is labelled {names[y[twin]]}"
        found.append(
            Suspect(
                rank=rank,
                shown=_row(rows, row),
                score=float(scores[row]),
                suggested=names[suggested[row]],
                probability=float(p[row, suggested[row]]),
                given_probability=float(p[row, y[row]]),
                reason=reason,
                unusual=marked,
                twin=None if twin is None else _row(rows, twin),
            )
        )
    return found


def yours(name: str, ours: Sequence[str]) -> str:
    """The name of a person's column beside our columns: its own, or with `(yours)` if ours has the same name."""
    return f"{name} (yours)" if name.removesuffix(" (yours)") in ours else name


def matrix(rows: OwnRows, scores: Floats, p: Floats, count: int) -> list[list[int]]:
    """How many of the most suspect rows have each given label (a row) and suggested label (a column)."""
    first = np.argsort(-scores, kind="stable")[:count]
    counts = np.zeros((len(rows.classes), len(rows.classes)), dtype=int)
    np.add.at(counts, (rows.y[first], suggestions(p, rows.y)[first]), 1)
    return [list(map(int, line)) for line in counts]


def _reason(suggested: str, probability: float, given: str, own: float) -> str:
    return f"the model takes {suggested} for {probability:.0%} likely, {given} for {own:.0%}"


def _row(rows: OwnRows, row: int) -> Row:
    # By columns: as one series the cells of a row would have one type, and whole numbers would become others.
    cells = {str(name): _shown(column.iloc[row]) for name, column in rows.cells.items()}
    return Row(row, rows.files[row] if rows.files else "", rows.names[rows.y[row]], cells, _picture(rows, row))


def _shown(cell: Any) -> str:
    return "" if pd.api.types.is_scalar(cell) and pd.isna(cell) else text_of(cell)


def _picture(rows: OwnRows, row: int) -> str:
    """The image of a row as a data URI; empty if it is none."""
    if rows.pixels is None:
        return ""
    stream = BytesIO()
    Image.fromarray(rows.pixels[row].permute(1, 2, 0).numpy()).save(stream, "PNG")
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()

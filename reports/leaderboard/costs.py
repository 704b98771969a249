"""What the rows of a leaderboard cost: in epochs or, where these are too short, in milliseconds; seconds and memory."""

from collections.abc import Hashable, Mapping
from math import isnan
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ...bench.results.records import UNIT_SECONDS
from ..statistics.tables import overall
from ..style import amount

COSTS = (
    "seconds", "cpu_seconds", "gradients_seconds", "score_seconds", "retrain_seconds", "warmup_seconds",
    "epoch_seconds", "epoch_drift", "step_spread", "epochs", "peak_bytes", "limit_seconds", "limit_bytes",
)  # fmt: skip
UNSTEADY = 0.2  # a mean `epoch_drift` above it: epochs may be off by half of that
TINY = 1e-4  # a cost of nothing, since a geometric mean knows no 0
MB = 1e6


class Unit(NamedTuple):
    """A unit of cost: its column on a board, its heading in a table, and the label of an axis."""

    column: str
    heading: str
    axis: str


EPOCHS = Unit("epochs", "epochs", "cost in training epochs")
MILLISECONDS = Unit("ms_per_1000_rows", "time per 1,000 rows, ms", "cost in milliseconds per 1,000 training rows")


def costs_of(cells: pd.DataFrame) -> pd.DataFrame:
    """The costs of each method; every problem has the same weight.

    A cell that failed or is missing counts the time limit of its run, and one that ran out of memory its memory limit.
    No finished cell takes longer, so a method that fails where it is dear never looks cheaper than if it had finished.

    Args:
        cells: as `ordered_cells` returns them.

    Returns:
        By method: `seconds`, means; `epochs`, a geometric mean over the problems of `timed`, NaN if there are none;
        `ms_per_1000_rows`, by the clock of epochs, a geometric mean over all problems; `peak_mb`, the highest, since
        that has to fit; `cpu_seconds` and the seconds of the phases, means over finished cells; `epoch_drift`, a mean,
        and whether that makes epochs `unsteady`, as an unknown one does; the number of `finished` cells, and of those
        that `failed` or are missing.
    """
    places = cells.groupby(["problem", "seed"])
    limit, rows, long = places["limit_seconds"].max(), places["n_train"].max(), timed(cells)
    limit_epochs = limit.div(_epoch(cells), level="problem")
    milliseconds = 1e6 * cells["epochs"] * cells["epoch_seconds"] / cells["n_train"]
    memory = cells["limit_bytes"].where(cells["status"] == "out of memory")
    peaks = cells["peak_bytes"].where(cells["status"] == "ok", memory).clip(lower=0)
    drift = cells["epoch_drift"]
    finished = (cells["status"] == "ok").groupby(cells["method"]).sum()
    seconds = [cost for cost in COSTS if cost.endswith("seconds") and cost != "limit_seconds"]
    costs = pd.DataFrame({cost: overall(_finished(cells, cells[cost])) for cost in seconds})
    return costs.assign(
        seconds=overall(_finished(cells, cells["seconds"]).fillna(limit)),
        epochs=_geometric(_finished(cells, cells["epochs"]).fillna(limit_epochs)[long]),
        ms_per_1000_rows=_geometric(_finished(cells, milliseconds).fillna(1e6 * limit / rows)),
        peak_mb=peaks.groupby(cells["method"]).max() / MB,
        epoch_drift=overall(_finished(cells, drift)[long]),
        unsteady=overall(_finished(cells, drift.fillna(np.inf))[long]) > UNSTEADY,
        finished=finished,
        failed=len(limit) - finished,
    )


def timed(cells: pd.DataFrame) -> list[str]:
    """The problems that epochs are a unit for: there an epoch takes at least `UNIT_SECONDS`, the median over cells."""
    seconds = _epoch(cells)
    return list(seconds.index[seconds >= UNIT_SECONDS])


def units(cells: pd.DataFrame) -> list[Unit]:
    """The units that costs are given in; the last holds for all problems."""
    long, problems = len(timed(cells)), cells["problem"].nunique()
    return [*([EPOCHS] if long else []), *([MILLISECONDS] if long < problems else [])]


def cost_text(row: Mapping[Hashable, Any], column: str) -> str:
    """A cost of a row of the board with its marks: `≥ 12`, `≈ 0.5`."""
    if isnan(row[column]):
        return "–"
    marks = {"≥": row["failed"] > 0, "≈": column == EPOCHS.column and row["unsteady"]}
    return " ".join([*(mark for mark, holds in marks.items() if holds), amount(row[column])])


def price(row: pd.Series, cells: pd.DataFrame) -> str:
    """The cost of a row of the board in a sentence, `1.2 training epochs`; "" where epochs are no unit."""
    long, problems = len(timed(cells)), cells["problem"].nunique()
    if isnan(row["epochs"]):
        return ""
    marks = f"{'at least ' if row['failed'] > 0 else ''}{'about ' if row['unsteady'] else ''}"
    unit = f" on the {long} of {problems} problems where an epoch takes {UNIT_SECONDS} s or longer"
    where = unit if long < problems else ""
    return f"{marks}{amount(row['epochs'])} training epochs{where}"


def cost_notes(methods: pd.DataFrame, cells: pd.DataFrame) -> list[str]:
    """What the costs of a board mean: its units, and the marks that occur."""
    long, problems = len(timed(cells)), cells["problem"].nunique()
    clock = "CPU time, on an accelerator wall time"
    where = f"{problems - long} of {problems} problems" if long else "all problems here"
    notes = {
        f"Epochs: {clock}, over that of one plain training epoch in the same process, a cost that survives a change of "
        "machine. Their mean over problems is geometric.": long > 0,
        f"Time per 1,000 rows: {clock}, over the number of training rows; a geometric mean over all problems. "
        f"On {where} an epoch takes less than {UNIT_SECONDS} s, so that the fixed cost of a call would weigh more in "
        f"epochs than its work.{' Epochs are those of the other problems.' if long else ''}": long < problems,
        "≥: cells of the row failed or are missing. Each counts the time limit of its run, which no finished cell "
        "exceeds; one that ran out of memory counts the memory limit. The seconds of phases, the CPU time and the "
        "warm-up are means over the finished cells.": bool((methods["failed"] > 0).any()),
        f"≈: the epochs timed before and after a scoring differ by more than {UNSTEADY * 100:.0f} % on average over "
        "the row's cells, or were timed by an older version, so the figure may be off by half of that or more.": long
        > 0
        and bool(methods["unsteady"].any()),
    }
    return [note for note, holds in notes.items() if holds]


def _epoch(cells: pd.DataFrame) -> pd.Series:
    """Seconds of an epoch by problem, the median over finished cells."""
    return cells["epoch_seconds"].where(cells["status"] == "ok").groupby(cells["problem"]).median()


def _finished(cells: pd.DataFrame, values: pd.Series) -> pd.DataFrame:
    """Values of the finished cells, method × (problem, seed)."""
    done = cells.assign(value=values.where(cells["status"] == "ok"))
    return done.pivot(index="method", columns=["problem", "seed"], values="value").sort_index(axis=1)


def _geometric(table: pd.DataFrame) -> pd.Series:
    """The geometric mean over problems, and over the seeds of each."""
    return overall(table.clip(lower=TINY).apply(np.log)).apply(np.exp)

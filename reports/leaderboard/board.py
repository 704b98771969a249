"""The leaderboard of some cells: one row per method, and the tables that go with it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...bench.errors import InputError
from ..statistics.comparisons import LIKE_THESE, judged, judged_by_problem
from ..statistics.estimates import share_intervals
from ..statistics.tables import by_problem, finished, mean_ranks, overall, values
from .costs import COSTS, costs_of

KEYS = ("method", "name", "family", "uses", "pairwise", "problem", "dataset", "noise", "model", "seed", "status")
METRICS = ("roc_auc", "average_precision", "precision_at_k", "recall_at_k", "ndr_at_10", "ndr_at_30")
INCOMPLETE = "incomplete"  # the verdict on a row some of whose cells failed or are missing
COLUMNS = (*KEYS[:-1], "rate", "n_train", *METRICS, *COSTS, "model_accuracy", "status", "error", "notes")


@dataclass(frozen=True)
class Board:
    """The tables of a report, best method first.

    Attributes:
        cells: one row per cell, in a fixed order.
        methods: one row per method: its metrics, interval, rank, cost and coverage, and what `judged` returns; on
            `LIKE_THESE` problems or more also the verdict and the interval of `judged_by_problem`, as `new_problems_`.
        auc: ROC-AUC by problem, method × problem.
        low: lower end of its 95 % interval; NaN where a cell failed.
        high: upper end of its 95 % interval.
    """

    cells: pd.DataFrame
    methods: pd.DataFrame
    auc: pd.DataFrame
    low: pd.DataFrame
    high: pd.DataFrame

    @property
    def pairwise(self) -> bool:
        """Whether the methods look for the training rows behind each answer, rather than for wrong labels."""
        return bool(self.cells["pairwise"].all())

    @property
    def problems(self) -> pd.DataFrame:
        """Noise rate, training rows and test accuracy of each problem, means over its seeds, and their number."""
        summaries = {"rate": "mean", "n_train": "mean", "model_accuracy": "mean", "seed": "nunique"}
        return self.cells.groupby("problem").agg(summaries)

    @property
    def seeds(self) -> list[int]:
        """The number of seeds of each problem."""
        return [int(n) for n in self.problems["seed"]]

    @property
    def failures(self) -> pd.DataFrame:
        """The cells that failed: method, problem, status, first line of the error, and the seeds that share these."""
        failed = self.cells[self.cells["status"] != "ok"]
        first_lines = failed["error"].map(lambda text: text.partition("\n")[0])
        return _seeds_merged(failed.assign(error=first_lines), ["status", "error"])

    @property
    def notes(self) -> pd.DataFrame:
        """The notes that methods left: method, problem, note, and the seeds that share these."""
        return _seeds_merged(self.cells[self.cells["notes"] != ""], ["notes"])


def _seeds_merged(cells: pd.DataFrame, remarks: list[str]) -> pd.DataFrame:
    groups = cells.astype({"seed": str}).groupby(["method", "problem", *remarks], sort=False)["seed"]
    return groups.agg(", ".join).rename("seeds").reset_index()


def ordered_cells(frame: pd.DataFrame) -> pd.DataFrame:
    """The cells in a fixed order, with all `COLUMNS`.

    Args:
        frame: as `Run.frame` returns it.

    Raises:
        InputError: if there are no cells, a column of `KEYS` is missing, or two rows are the same cell.
    """
    if frame.empty:
        raise InputError("there is nothing to report: the run has no finished cells")
    if missing := [key for key in KEYS if key not in frame.columns]:
        raise InputError(f"this is not a frame of cells: it lacks {', '.join(missing)}")
    cells = frame.reindex(columns=list(COLUMNS))
    cells[["uses", "error", "notes"]] = cells[["uses", "error", "notes"]].fillna("")
    numbers = ["rate", "n_train", "model_accuracy", *METRICS, *COSTS]
    cells[numbers] = cells[numbers].astype(np.float64)
    cell = ["method", "problem", "seed"]
    if (twice := cells.duplicated(cell)).any():
        first = cells[twice].iloc[0]
        raise InputError(
            f"two of these runs hold {first['method']} on {first['problem']} with seed {first['seed']}: report each "
            "run by itself, or compare them with influence-bench compare"
        )
    return cells.sort_values(cell, ignore_index=True)


def board_of(frame: pd.DataFrame) -> Board:
    """The leaderboard of a frame of cells.

    Args:
        frame: as `Run.frame` returns it.

    Raises:
        InputError: as `ordered_cells` does.
    """
    cells = ordered_cells(frame)
    auc = values(cells, "roc_auc")
    methods = cells.groupby("method")[["name", "family", "uses"]].first()
    for metric in METRICS:
        methods[metric] = overall(values(cells, metric))
    done = finished(cells)
    methods[["low", "high"]] = share_intervals(auc).where(done.all(axis=1), axis=0)
    methods["mean_rank"] = mean_ranks(auc)
    methods = methods.join(costs_of(cells))
    methods["pairs"] = auc.shape[1]
    methods = methods.reset_index().sort_values(
        ["roc_auc", "ms_per_1000_rows", "method"], ascending=[False, True, True], ignore_index=True
    )
    methods.insert(0, "rank", methods["roc_auc"].rank(ascending=False, method="min").astype(int))
    order = list(methods["method"])
    bounds = {problem: share_intervals(auc[[problem]]).where(done[problem], axis=0) for problem in done.columns}
    return Board(
        cells=cells,
        methods=methods.join(_verdicts(auc.loc[order], done.loc[order].all(axis=1)), on="method"),
        auc=by_problem(auc).loc[order],
        low=pd.DataFrame({problem: bound["low"] for problem, bound in bounds.items()}).loc[order],
        high=pd.DataFrame({problem: bound["high"] for problem, bound in bounds.items()}).loc[order],
    )


def _verdicts(auc: pd.DataFrame, complete: pd.Series) -> pd.DataFrame:
    """What the complete rows show; the ranks of the other rows are open, and their verdict is `INCOMPLETE`.

    A failed cell counts as the worst. That constant says nothing about the spread, so it must not enter an interval.
    """
    here = judged(auc[complete])
    here["rank_high"] += (~complete).sum()
    verdicts = here.reindex(auc.index).fillna({"verdict": INCOMPLETE})
    if auc.columns.get_level_values("problem").nunique() < LIKE_THESE:
        return verdicts
    new = judged_by_problem(auc[complete]).reindex(auc.index).fillna({"verdict": INCOMPLETE})
    return verdicts.join(new[["difference_low", "difference_high", "verdict"]].add_prefix("new_problems_"))

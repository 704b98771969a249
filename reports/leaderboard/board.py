"""From cells to the leaderboard: one row per method, and what goes with it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...bench.errors import InputError
from .. import statistics

KEYS = ("method", "name", "family", "uses", "problem", "dataset", "noise", "model", "seed", "status")
METRICS = ("roc_auc", "average_precision", "precision_at_k", "recall_at_k", "ndr_at_10", "ndr_at_30")
COSTS = (
    "seconds", "cpu_seconds", "gradients_seconds", "score_seconds", "retrain_seconds", "warmup_seconds",
    "epoch_seconds", "epochs", "peak_bytes",
)  # fmt: skip
COLUMNS = (*KEYS[:-1], "rate", "n_train", *METRICS, *COSTS, "model_accuracy", "status", "error", "notes")
MB = 1e6


@dataclass(frozen=True)
class Board:
    """All that a report shows, best method first.

    Attributes:
        cells: one row per cell, in a fixed order.
        methods: one row per method: its metrics, interval, rank, verdict, cost and coverage.
        auc: ROC-AUC by problem, method × problem; `low` and `high` are its 95 % interval.
        claims: whether there are seeds and pairs enough to claim that one method is better than another.
    """

    cells: pd.DataFrame
    methods: pd.DataFrame
    auc: pd.DataFrame
    low: pd.DataFrame
    high: pd.DataFrame
    claims: bool

    @property
    def pairwise(self) -> bool:
        """Whether the methods look for the training rows behind each answer, rather than for wrong labels."""
        return bool(self.methods["name"].str.startswith("pairwise-").all())

    @property
    def problems(self) -> pd.DataFrame:
        """What each problem is, averaged over its seeds."""
        what = {"rate": "mean", "n_train": "mean", "model_accuracy": "mean", "seed": "nunique"}
        return self.cells.groupby("problem").agg(what)

    @property
    def seeds(self) -> list[int]:
        """How many seeds each problem has."""
        return [int(n) for n in self.problems["seed"]]

    @property
    def failures(self) -> pd.DataFrame:
        """The cells that did not end well, one row for all seeds of which the same is to be said."""
        failed = self.cells[self.cells["status"] != "ok"]
        return _merged(failed.assign(error=failed["error"].map(_first_line)), ["status", "error"])

    @property
    def notes(self) -> pd.DataFrame:
        """What the methods remarked, likewise."""
        return _merged(self.cells[self.cells["notes"] != ""], ["notes"])


def _first_line(text: str) -> str:
    return text.partition("\n")[0]


def _merged(cells: pd.DataFrame, said: list[str]) -> pd.DataFrame:
    groups = cells.astype({"seed": str}).groupby(["method", "problem", *said], sort=False)["seed"]
    return groups.agg(", ".join).rename("seeds").reset_index()


def checked(frame: pd.DataFrame) -> pd.DataFrame:
    """The cells in a fixed order, with every column there is and the name of the problem.

    Raises:
        InputError: if there are no cells, a column that tells them apart is missing, or two are the same cell.
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
        one = cells[twice].iloc[0]
        raise InputError(
            f"{one['method']} on {one['problem']} with seed {one['seed']} is there twice: report such runs apart, "
            "or compare them with influence-bench compare"
        )
    return cells.sort_values(cell, ignore_index=True)


def board(frame: pd.DataFrame) -> Board:
    """The leaderboard of a frame of cells.

    Raises:
        InputError: as `checked` does.
    """
    cells = checked(frame)
    auc = statistics.values(cells, "roc_auc")
    methods = cells.groupby("method")[["name", "family", "uses"]].first()
    for metric in METRICS:
        methods[metric] = statistics.overall(statistics.values(cells, metric))
    methods[["low", "high"]] = statistics.intervals(auc).clip(0, 1)
    methods["mean_rank"] = statistics.mean_ranks(auc)
    methods = methods.join(_costs(cells))
    methods["pairs"] = auc.shape[1]
    methods = methods.reset_index().sort_values(
        ["roc_auc", "epochs", "method"], ascending=[False, True, True], ignore_index=True
    )
    methods.insert(0, "rank", methods["roc_auc"].rank(ascending=False, method="min").astype(int))
    leader = str(methods["method"].iat[0])
    methods["wins"] = methods["method"].map(statistics.wins(auc, leader))
    methods["p"] = methods["method"].map(statistics.pairwise(auc)[leader])
    claims = statistics.can_claim(auc)
    tied = methods["p"] > 1 - statistics.LEVEL
    best = methods["method"] == leader
    methods["verdict"] = np.select([best, tied], ["best", "tied with the best"], "worse") if claims else ""
    bounds = {problem: statistics.intervals(auc[[problem]]).clip(0, 1) for problem in auc.columns.unique("problem")}
    order = list(methods["method"])
    return Board(
        cells=cells,
        methods=methods,
        auc=statistics.by_problem(auc).loc[order],
        low=pd.DataFrame({problem: bound["low"] for problem, bound in bounds.items()}).loc[order],
        high=pd.DataFrame({problem: bound["high"] for problem, bound in bounds.items()}).loc[order],
        claims=claims,
    )


def _costs(cells: pd.DataFrame) -> pd.DataFrame:
    """What the finished cells of each method cost, each problem weighing the same.

    Seconds are means and memory is the highest peak, which has to fit; epochs are ratios, so their mean is geometric.
    """
    done = cells[cells["status"] == "ok"]
    groups = done.assign(epochs=np.log(done["epochs"].clip(lower=1e-4))).groupby(["method", "problem"])
    seconds = [cost for cost in COSTS if cost.endswith("seconds")]
    costs = groups[[*seconds, "epochs"]].mean().groupby(level="method").mean()
    costs["epochs"] = np.exp(costs["epochs"])
    costs["peak_mb"] = done.groupby("method")["peak_bytes"].max().clip(lower=0) / MB
    return (
        costs.assign(finished=done.groupby("method").size()).reindex(cells["method"].unique()).fillna({"finished": 0})
    )

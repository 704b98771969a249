"""The gain of trimming: accuracy after retraining without suspects, less that after random removal of as many rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...bench.results.run import Run
from ...bench.results.specs import percentage
from ..statistics.changes import change, changes
from ..statistics.estimates import Estimate

RANDOM = "random"
TRAINING = ["problem", "problem_seed", "removal", "budget", "seed"]  # what distinguishes a training from all others
PANEL = ["problem", "budget"]  # rows of a table
JUDGED = ["gain", "low", "high", "visible", "verdict"]
SUMMARY = ["share", "removed", "wrong", "accuracy", "trainings"]


@dataclass(frozen=True)
class Trimming:
    """The models that were retrained without suspects.

    Attributes:
        trimmed: one row per training, as `Run.trimmed` returns it.
        table: their gains, as `gains` returns them.
        means: their gains over all problems and budgets, as `mean_gains` returns them.
        families: the family of each leaderboard row of the runs.
    """

    trimmed: pd.DataFrame
    table: pd.DataFrame
    means: pd.DataFrame
    families: dict[str, str]

    def family(self, removal: str) -> str:
        """The family of the method behind a removal; `control` if no method is behind it."""
        return self.families.get(removal, "control")


def trimming_of(runs: Sequence[Run]) -> Trimming | None:
    """The retrained models of some runs, a training that two of them share once; None if there are none."""
    retrained = [trimmed for trimmed in (run.trimmed() for run in runs) if len(trimmed)]
    if not retrained:
        return None
    trimmed = pd.concat(retrained).drop_duplicates(TRAINING, ignore_index=True)
    table, means = gains(trimmed), mean_gains(trimmed)
    families = {record.method: record.family for run in runs for record in run.cells()}
    return None if table.empty else Trimming(trimmed, table, means, families)


def gains(trimmed: pd.DataFrame) -> pd.DataFrame:
    """One row per problem, budget and removal: accuracy, and its difference from random removal, best first.

    Differences are paired: the same problem with the same seed, trained with the same seed. They are repeated by the
    problem's seeds where there are several (the trainings of each seed then count as their mean, since they share the
    removed rows), else by trainings. The intervals of a problem and budget hold together with 95 %.

    Args:
        trimmed: as `Run.trimmed` returns it.

    Returns:
        Columns `problem`, `budget`, `removal`; `share`, the budget as a share of the rows; `removed`, the mean number
        of rows; `wrong`, the share of wrong labels among them; `accuracy`; `trainings`; `gain` with `low`, `high`,
        `visible` and `verdict`, as `changes` returns them. Empty if no budget has a random removal.
    """
    pairs = _paired_with_random(trimmed)
    tables = [
        _judged(part).join(part.groupby("removal").apply(_summary)).assign(problem=str(problem), budget=str(budget))
        for (problem, budget), part in pairs.groupby(PANEL)
    ]
    empty = pd.DataFrame(columns=[*PANEL, *SUMMARY, *JUDGED])
    table = pd.concat(tables or [empty]).rename_axis("removal").reset_index()
    return (
        table.assign(order=table["budget"].map(percentage))
        .sort_values(["problem", "order", "gain", "removal"], ascending=[True, True, False, True], ignore_index=True)
        .reindex(columns=[*PANEL, "removal", *SUMMARY, *JUDGED])
        .astype({"trainings": int})
    )


def mean_gains(trimmed: pd.DataFrame) -> pd.DataFrame:
    """The gains over all problems and budgets, of the removals that were made in all of them; intervals hold together.

    Args:
        trimmed: as `Run.trimmed` returns it.

    Returns:
        By removal: `gain`, `low`, `high`, `visible` and `verdict`, as `changes` returns them. Every problem has the
        same weight, and so has every budget of a problem.
    """
    pairs = _paired_with_random(trimmed)
    panels = pairs[["removal", *PANEL]].drop_duplicates()["removal"].value_counts()
    return _judged(pairs[pairs["removal"].isin(panels.index[panels == panels.get(RANDOM, 0)])])


def _paired_with_random(trimmed: pd.DataFrame) -> pd.DataFrame:
    """Each training with its `repetition`, and the accuracy and the rows `budget_k` of its random removal.

    Models that are trained on all rows have no budget; they are paired with each budget of their problem.
    """
    if trimmed.empty:
        return pd.DataFrame(columns=[*PANEL, "removal"])
    pairing = ["problem", "problem_seed", "budget", "seed"]
    random = trimmed.loc[trimmed["removal"] == RANDOM, [*pairing, "accuracy", "k"]]
    random = random.rename(columns={"accuracy": "random_accuracy", "k": "budget_k"})
    whole = trimmed[trimmed["budget"] == ""].drop(columns="budget")
    arms = pd.concat(
        [trimmed[trimmed["budget"] != ""], whole.merge(random[pairing], on=["problem", "problem_seed", "seed"])]
    )
    pairs = arms.merge(random, on=pairing)
    several = pairs.groupby("problem")["problem_seed"].transform("nunique") > 1
    return pairs.assign(repetition=pairs["problem_seed"].where(several, pairs["seed"]))


def _judged(pairs: pd.DataFrame) -> pd.DataFrame:
    """The gains by removal, with verdicts."""
    estimates = {str(removal): _gain(part) for removal, part in pairs.groupby("removal") if removal != RANDOM}
    judged = changes(estimates).rename(columns={"mean": "gain"})
    if (pairs["removal"] == RANDOM).any():
        judged.loc[RANDOM] = (0.0, 0.0, 0.0, 0.0, "")
    return judged


def _gain(part: pd.DataFrame) -> Estimate:
    values = part.groupby(["problem", "repetition"])[["accuracy", "random_accuracy"]].mean()
    repetitions = np.asarray(values.groupby(level="problem").size(), dtype=np.int64)
    return change(values["accuracy"].to_numpy(), values["random_accuracy"].to_numpy(), repetitions)


def _summary(part: pd.DataFrame) -> pd.Series:
    return pd.Series(
        {
            "share": part["budget_k"].sum() / part["n_train"].sum(),
            "removed": part["k"].mean(),
            "wrong": (part["wrong_labels"].sum() / part["k"].sum()) if part["k"].sum() else np.nan,
            "accuracy": part["accuracy"].mean(),
            "trainings": len(part),
        }
    )

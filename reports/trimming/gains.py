"""The gain of trimming: accuracy after retraining without suspects, less that after random removal of as many rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...bench.results.run import Run
from ...bench.results.specs import percentage
from ..statistics.estimates import mean_interval

RANDOM = "random"
TRAINING = ["problem", "problem_seed", "removal", "budget", "seed"]  # what distinguishes a training from all others
SUMMARY = ["share", "removed", "wrong", "accuracy", "gain", "low", "high", "trainings"]


@dataclass(frozen=True)
class Trimming:
    """The models that were retrained without suspects.

    Attributes:
        trimmed: one row per training, as `Run.trimmed` returns it.
        table: their gains, as `gains` returns them.
        families: the family of each leaderboard row of the runs.
    """

    trimmed: pd.DataFrame
    table: pd.DataFrame
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
    table = gains(trimmed)
    families = {record.method: record.family for run in runs for record in run.cells()}
    return None if table.empty else Trimming(trimmed, table, families)


def gains(trimmed: pd.DataFrame) -> pd.DataFrame:
    """One row per problem, budget and removal: accuracy, and its difference from random removal, best first.

    Differences are paired: the same problem with the same seed, trained with the same seed. The 95 % interval is
    Student's, over the problem's seeds where there are several (the trainings of each seed then count as their mean,
    since they share the removed rows), else over trainings.

    Args:
        trimmed: as `Run.trimmed` returns it.

    Returns:
        Columns `problem`, `budget`, `removal`; `share`, the budget as a share of the rows; `removed`, the mean number
        of rows; `wrong`, the share of wrong labels among them; `accuracy`; `gain` with `low` and `high`; `trainings`.
        Empty if no budget has a random removal.
    """
    pairs = _paired_with_random(trimmed)
    rows = [
        {"problem": problem, "budget": budget, "removal": removal} | _summary(part)
        for (problem, budget, removal), part in pairs.groupby(["problem", "budget", "removal"])
    ]
    table = pd.DataFrame(rows, columns=["problem", "budget", "removal", *SUMMARY])
    return (
        table.assign(order=table["budget"].map(percentage))
        .sort_values(["problem", "order", "gain", "removal"], ascending=[True, True, False, True], ignore_index=True)
        .drop(columns="order")
    )


def _paired_with_random(trimmed: pd.DataFrame) -> pd.DataFrame:
    """Each training with the `gain` over its random removal and the rows `budget_k` that this removes.

    Models that are trained on all rows have no budget; they are paired with each budget of their problem.
    """
    if trimmed.empty:
        return pd.DataFrame(columns=["problem", "budget", "removal"])
    pairing = ["problem", "problem_seed", "budget", "seed"]
    random = trimmed.loc[trimmed["removal"] == RANDOM, [*pairing, "accuracy", "k"]]
    random = random.rename(columns={"accuracy": "random_accuracy", "k": "budget_k"})
    whole = trimmed[trimmed["budget"] == ""].drop(columns="budget")
    arms = pd.concat(
        [trimmed[trimmed["budget"] != ""], whole.merge(random[pairing], on=["problem", "problem_seed", "seed"])]
    )
    pairs = arms.merge(random, on=pairing)
    return pairs.assign(gain=pairs["accuracy"] - pairs["random_accuracy"])


def _summary(part: pd.DataFrame) -> dict[str, float]:
    means = part.groupby("problem_seed")["gain"].mean()
    gain, low, high = mean_interval(means if len(means) > 1 else part["gain"])
    return {
        "share": part["budget_k"].sum() / part["n_train"].sum(),
        "removed": part["k"].mean(),
        "wrong": (part["wrong_labels"].sum() / part["k"].sum()) if part["k"].sum() else np.nan,
        "accuracy": part["accuracy"].mean(),
        "gain": gain,
        "low": low,
        "high": high,
        "trainings": len(part),
    }

"""What trimming by each method is worth: accuracy after retraining, beside the random removal of as many rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...bench.results.run import Run
from ..statistics import mean_interval

RANDOM = "random"
TRAINING = ["problem", "problem_seed", "removal", "budget", "seed"]  # what tells one training from another


@dataclass(frozen=True)
class Trimming:
    """What a report shows of the models that were retrained without suspects.

    Attributes:
        trimmed: one row per training.
        table: what they gain, as `gains` returns it.
        families: of the runs' methods, by leaderboard row.
    """

    trimmed: pd.DataFrame
    table: pd.DataFrame
    families: dict[str, str]

    def family(self, removal: str) -> str:
        """The family of a removal; `control` of what no method suspects."""
        return self.families.get(removal, "control")


def trimming(runs: Sequence[Run]) -> Trimming | None:
    """What was retrained in some runs, if anything was; what two of them trained alike counts once."""
    found = [trimmed for trimmed in (run.trimmed() for run in runs) if len(trimmed)]
    if not found:
        return None
    trimmed = pd.concat(found).drop_duplicates(TRAINING, ignore_index=True)
    families = {record["method"]: record["family"] for run in runs for record in run.records()}
    return Trimming(trimmed, gains(trimmed), families)


def gains(trimmed: pd.DataFrame) -> pd.DataFrame:
    """One row per problem, budget and removal: accuracy, and its difference from random removal, best first.

    Differences are paired: the same problem with the same seed, trained with the same seed. The 95 % interval is
    Student's, over the problem's seeds where there are several (the trainings of each then count as their mean, since
    they share the rows that are removed), else over trainings.

    Args:
        trimmed: as `Run.trimmed` returns it.
    """
    budgets = trimmed.loc[trimmed["removal"] == RANDOM, ["problem", "problem_seed", "budget", "seed", "accuracy", "k"]]
    budgets = budgets.rename(columns={"accuracy": "beside", "k": "budget_k"})
    whole = trimmed[trimmed["budget"] == ""].drop(columns="budget")
    everywhere = budgets[["problem", "problem_seed", "budget", "seed"]]
    arms = pd.concat(
        [trimmed[trimmed["budget"] != ""], whole.merge(everywhere, on=["problem", "problem_seed", "seed"])]
    )
    pairs = arms.merge(budgets, on=["problem", "problem_seed", "budget", "seed"])
    pairs["gain"] = pairs["accuracy"] - pairs["beside"]
    rows = [
        {"problem": problem, "budget": budget, "removal": removal} | _summary(part)
        for (problem, budget, removal), part in pairs.groupby(["problem", "budget", "removal"])
    ]
    table = pd.DataFrame(rows)
    order = table["budget"].map(lambda text: 101.0 if text == "true" else float(text.removesuffix("%")))
    return (
        table.assign(order=order)
        .sort_values(["problem", "order", "gain", "removal"], ascending=[True, True, False, True], ignore_index=True)
        .drop(columns="order")
    )


def _summary(part: pd.DataFrame) -> dict[str, float]:
    means = part.groupby("problem_seed")["gain"].mean()
    gain, low, high = mean_interval(means if len(means) > 1 else part["gain"])
    return {
        "share": part["budget_k"].sum() / part["n_train"].sum(),  # of the rows, that the budget amounts to
        "removed": part["k"].mean(),
        "wrong": (part["wrong_labels"].sum() / part["k"].sum()) if part["k"].sum() else np.nan,
        "accuracy": part["accuracy"].mean(),
        "gain": gain,
        "low": low,
        "high": high,
        "trainings": len(part),
    }

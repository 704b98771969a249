"""What trimming by each method is worth: accuracy after retraining, beside the random removal of as many rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..bench.results import Run
from ..bench.trim import CONTROLS
from .plots import MOST, PAGE, ROW, grid, method_axis, whiskers
from .statistics import LEVEL, mean_interval
from .style import PRINT
from .tables import escaped

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


def sentences(table: pd.DataFrame) -> list[str]:
    """Which method gains most by trimming, beside what it could gain, and how much of it chance would explain."""
    means = {str(removal): float(gain) for removal, gain in table.groupby("removal")["gain"].mean().items()}
    methods = table[~table["removal"].isin(CONTROLS)]
    if methods.empty:
        return []
    best = max(map(str, methods["removal"].unique()), key=lambda removal: means[removal])
    panels = table.groupby(["problem", "budget"]).ngroups
    over = f", on average over {panels} problems and budgets" if panels > 1 else ""
    verb = "gains most" if means[best] > 0 else "loses least"
    beside = {"none": "removing nothing", "oracle": "removing wrong labels first, which no method could know"}
    known = "; ".join(f"{words}: {_points(means[name])}" for name, words in beside.items() if name in means)
    first = f"Retrained without its suspects, {best} {verb}: {_points(means[best])} points of test accuracy beside the "
    first += f"random removal of as many rows{over}. In comparison, {known}."
    if methods["low"].isna().any():
        return [first, "One training of each arm tells nothing of the spread: no interval, and no claim."]
    up, down = int((methods["low"] > 0).sum()), int((methods["high"] < 0).sum())
    chance = len(methods) * (1 - LEVEL) / 2
    return [
        first,
        f"Of {len(methods)} trimmings by a method, {up} {'is' if up == 1 else 'are'} better than random removal and "
        f"{down} worse by a {100 * LEVEL:.0f} % interval beside zero; chance alone would give about {chance:.1f} each.",
    ]


def tables(trimming: Trimming) -> list[tuple[str, str, pd.DataFrame]]:
    """Problem, budget and gains as text, of each problem and budget."""
    return [
        (str(problem), str(budget), _told(rows))
        for (problem, budget), rows in trimming.table.groupby(["problem", "budget"], sort=False)
    ]


def _told(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "removal": rows["removal"],
            "accuracy": rows["accuracy"].map("{:.2%}".format),
            "gain over random": [points(*one) for one in rows[["gain", "low", "high"]].to_numpy()],
            "wrong among the removed": rows["wrong"].map(lambda value: "–" if np.isnan(value) else f"{value:.0%}"),
            "trainings": rows["trainings"],
        }
    )


def markdown(trimming: Trimming, title: str) -> str:
    """The gains as Markdown, a table for each problem and budget."""
    parts = [
        f"# {escaped(title)}: trim and retrain",
        escaped(" ".join(sentences(trimming.table))),
        "Test accuracy at the last epoch after training without the rows that each method suspects most, and the "
        "difference in points from removing as many at random (paired by seed, 95 % interval). `oracle` removes wrong "
        "labels first, which no method could know.",
    ]
    for problem, budget, rows in tables(trimming):
        shown = rows.assign(removal=rows["removal"].map(escaped))
        parts += [f"## {escaped(problem)}, without {words(budget)}"]
        parts += [shown.to_markdown(index=False, disable_numparse=True)]
    return "\n\n".join(part for part in parts if part) + "\n"


def words(budget: str) -> str:
    """A budget as a reader would say it."""
    return "as many rows as are wrong" if budget == "true" else f"{budget} of the rows"


def points(gain: float, low: float, high: float) -> str:
    """A difference of accuracies in percentage points, with its interval."""
    if gain == low == high == 0:
        return "0"
    return _points(gain) + ("" if np.isnan(low) else f" [{_points(low)}, {_points(high)}]")


def _points(gain: float) -> str:
    return f"{100 * gain:+.2f}"


@mpl.rc_context(PRINT)
def picture(trimming: Trimming, width: float) -> Figure:
    """Gains over random removal with their intervals: a panel for each problem and budget."""
    table = trimming.table[trimming.table["removal"] != RANDOM]
    panels = list(table.groupby(["problem", "budget"], sort=False))
    order = table.groupby("removal")["gain"].mean().sort_values(ascending=False).index[:MOST]
    across = min(len(panels), 2 if width < PAGE else 4)
    down = -(-len(panels) // across)
    figure, every = grid(width, down * (ROW * len(order) + 0.75), down, across)
    for axes, ((problem, budget), rows) in zip(every, panels, strict=False):
        part = 100 * rows.set_index("removal").reindex(order)[["gain", "low", "high"]]
        whiskers(axes, part["gain"], part["low"], part["high"], pd.Series(map(trimming.family, order)), 0.0)
        method_axis(axes, list(order))
        axes.set_title(f"{problem}".replace(" · ", "\n") + f"\nbudget: {budget}", loc="left")
        axes.xaxis.set_major_locator(MaxNLocator(4))
    for axes in every[len(panels) :]:
        axes.remove()
    figure.supxlabel("points of test accuracy over random removal", fontsize=7)
    return figure

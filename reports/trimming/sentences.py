"""What trimming was worth, in words."""

import numpy as np
import pandas as pd

from ...bench.results.specs import CONTROLS
from ..leaderboard.markdown import escaped
from ..statistics import LEVEL
from .gains import Trimming


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

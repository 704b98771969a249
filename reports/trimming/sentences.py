"""The gains of trimming in sentences, and in tables of text."""

import numpy as np
import pandas as pd

from ...bench.results.specs import CONTROLS
from ..markdown import escaped, table
from ..statistics.estimates import LEVEL
from .gains import Trimming


def trimming_sentences(gains: pd.DataFrame) -> list[str]:
    """Which method gains most, the gains of the controls, and the number of differences that chance would explain.

    Args:
        gains: as `gains.gains` returns them.
    """
    means = {str(removal): float(gain) for removal, gain in gains.groupby("removal")["gain"].mean().items()}
    methods = gains[~gains["removal"].isin(CONTROLS)]
    if methods.empty:
        return []
    best = max(map(str, methods["removal"].unique()), key=lambda removal: means[removal])
    panels = gains.groupby(["problem", "budget"]).ngroups
    over = f", on average over {panels} problems and budgets" if panels > 1 else ""
    verb = "gains most" if means[best] > 0 else "loses least"
    controls = {"none": "removing nothing", "oracle": "removing wrong labels first, which no method could know"}
    known = "; ".join(f"{words}: {_signed(means[name])}" for name, words in controls.items() if name in means)
    first = (
        f"Retrained without its suspects, {best} {verb}: {_signed(means[best])} points of test accuracy over the "
        f"random removal of as many rows{over}." + (f" For comparison, {known}." if known else "")
    )
    if methods["low"].isna().any():
        return [first, "One training of each arm does not show the spread: no interval, and no claim."]
    up, down = int((methods["low"] > 0).sum()), int((methods["high"] < 0).sum())
    chance = len(methods) * (1 - LEVEL) / 2
    return [
        first,
        f"Of {len(methods)} trimmings by a method, {up} {'is' if up == 1 else 'are'} better than random removal and "
        f"{down} worse by a {100 * LEVEL:.0f} % interval that excludes zero; chance alone would give about "
        f"{chance:.1f} each.",
    ]


def trimming_tables(trimming: Trimming) -> list[tuple[str, pd.DataFrame]]:
    """A heading and the gains as text, for each problem and budget."""
    return [
        (heading(str(problem), str(budget)), _text(rows))
        for (problem, budget), rows in trimming.table.groupby(["problem", "budget"], sort=False)
    ]


def _text(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "removal": rows["removal"],
            "accuracy": rows["accuracy"].map("{:.2%}".format),
            "gain over random": [points(*interval) for interval in rows[["gain", "low", "high"]].to_numpy()],
            "wrong among the removed": rows["wrong"].map(lambda value: "–" if np.isnan(value) else f"{value:.0%}"),
            "trainings": rows["trainings"],
        }
    )


def trimming_markdown(trimming: Trimming, title: str) -> str:
    """The gains as Markdown, a table for each problem and budget."""
    parts = [
        f"# {escaped(title)}: trim and retrain",
        escaped(" ".join(trimming_sentences(trimming.table))),
        "Test accuracy at the last epoch after training without the rows that each method suspects most, and the "
        "difference in points from removing as many at random (paired by seed, 95 % interval). `oracle` removes wrong "
        "labels first, which no method could know.",
    ]
    for title_of_table, text in trimming_tables(trimming):
        parts += [f"## {escaped(title_of_table)}", table(text)]
    return "\n\n".join(part for part in parts if part) + "\n"


def heading(problem: str, budget: str) -> str:
    """A problem without some of its rows, in words."""
    return f"{problem}, without {'as many rows as are wrong' if budget == 'true' else f'{budget} of the rows'}"


def points(gain: float, low: float, high: float) -> str:
    """A difference of accuracies in percentage points, with its interval."""
    if gain == low == high == 0:
        return "0"
    return _signed(gain) + ("" if np.isnan(low) else f" [{_signed(low)}, {_signed(high)}]")


def _signed(gain: float) -> str:
    return f"{100 * gain:+.2f}"

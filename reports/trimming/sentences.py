"""The gains of trimming in sentences, and in tables of text."""

import numpy as np
import pandas as pd

from ...bench.results.specs import CONTROLS
from ..markdown import escaped, table
from ..statistics.changes import BETTER, OPEN, WORSE
from .gains import Trimming


def trimming_sentences(trimming: Trimming) -> list[str]:
    """Which method gains most and whether that is shown, the gains of the controls, and how many gains are shown."""
    table, means = trimming.table, trimming.means
    methods = table[~table["removal"].isin(CONTROLS)]
    everywhere = means[~means.index.isin(CONTROLS)].sort_values("gain", ascending=False)
    if everywhere.empty:
        return []
    leader = everywhere.iloc[0]
    panels = table.groupby(["problem", "budget"]).ngroups
    over = f", on average over {panels} problems and budgets" if panels > 1 else ""
    controls = {"none": "removing nothing", "oracle": "removing wrong labels first, which no method could know"}
    known = "; ".join(
        f"{words}: {_signed(means['gain'][name])}" for name, words in controls.items() if name in means.index
    )
    first = (
        f"Retrained without its suspects, {leader.name} has the highest mean gain over the random removal of as many "
        f"rows: {points(*leader[['gain', 'low', 'high']])} points of test accuracy{over}{_shown(leader)}."
        + (f" For comparison, {known}." if known else "")
    )
    if methods["low"].isna().any():
        return [first, "One training of each arm does not show the spread: no interval, and no claim."]
    better, worse = int((methods["verdict"] == BETTER).sum()), int((methods["verdict"] == WORSE).sum())
    least, most = 100 * methods["visible"].min(), 100 * methods["visible"].max()
    return [
        first,
        f"Of {len(methods)} trimmings by a method, {better or 'none'} {'is' if better == 1 else 'are'} shown to be "
        f"better than random removal and {worse or 'none'} to be worse, with intervals that hold together in each "
        f"table. With 80 % a difference of {least:.2f} to {most:.2f} points would be seen.",
    ]


def _shown(leader: pd.Series) -> str:
    """Whether the gain of the best removal is shown, as the end of a sentence."""
    words = {
        BETTER: ", which is shown to be better",
        WORSE: ", which is shown to be worse",
        OPEN: f", which is not shown to differ; {100 * leader['visible']:.2f} points would be seen with 80 %",
    }
    return words.get(leader["verdict"], "")


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
            "gain over random": [points(*interval) for interval in rows[["gain", "low", "high"]].to_numpy(np.float64)],
            "verdict": rows["verdict"],
            "visible": rows["visible"].map(lambda value: f"{100 * value:.2f}" if value > 0 else "–"),
            "wrong among the removed": rows["wrong"].map(lambda value: "–" if np.isnan(value) else f"{value:.0%}"),
            "trainings": rows["trainings"],
        }
    )


def trimming_markdown(trimming: Trimming, title: str) -> str:
    """The gains as Markdown, a table for each problem and budget."""
    parts = [
        f"# {escaped(title)}: trim and retrain",
        escaped(" ".join(trimming_sentences(trimming))),
        "Test accuracy at the last epoch after training without the rows that each method suspects most, and the "
        "difference in points from removing as many at random, paired by seed. The intervals of a table hold together "
        "with 95 %; *visible* is the difference that would be seen with 80 %. `oracle` removes wrong labels first, "
        "which no method could know.",
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

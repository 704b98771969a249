"""The board as Markdown, and the figures of its tables as text."""

from math import isnan

import pandas as pd

from ..markdown import escaped, table
from ..statistics.comparisons import BEST, WORSE
from ..style import amount, interval, share
from .board import INCOMPLETE, Board
from .costs import cost_notes, cost_text, units

NEW = "new_problems_verdict"


def coverage(row: pd.Series) -> str:
    """Finished cells out of all cells of a method: `27/30`."""
    return f"{row['finished']:.0f}/{row['pairs']}"


def behind(row: pd.Series) -> str:
    """A row's difference from the leader with its interval: `-0.012 [-0.020, -0.004]`; open where it ends at 0."""
    if row["verdict"] in (BEST, INCOMPLETE):
        return "–"
    if isnan(row["difference_low"]):
        return f"{row['difference']:+.3f}"
    end = "0)" if row["verdict"] == WORSE and row["difference_high"] == 0 else f"{row['difference_high']:+.3f}]"
    return f"{row['difference']:+.3f} [{row['difference_low']:+.3f}, {end}"


def ranks(row: pd.Series) -> str:
    """The interval of a row's rank: `2–5`."""
    if isnan(row["rank_low"]):
        return "–"
    low, high = f"{row['rank_low']:.0f}", f"{row['rank_high']:.0f}"
    return low if low == high else f"{low}–{high}"


def costs(board: Board) -> pd.DataFrame:
    """The cost of each method as text: in epochs or milliseconds, in memory, and in seconds phase by phase."""
    m = board.methods
    costs = pd.DataFrame({"method": m["method"], **_main_costs(board)})
    for phase in ("gradients", "score", "retrain"):
        if (m[f"{phase}_seconds"] > 0).any():
            costs[f"{phase}, s"] = m[f"{phase}_seconds"].map(amount)
    costs["CPU, s"] = m["cpu_seconds"].map(amount)
    costs["warm-up, s"] = m["warmup_seconds"].map(amount)
    return costs


def _main_costs(board: Board) -> dict[str, list[str]]:
    """The costs of each method as text with their marks, by heading."""
    columns = {unit.heading: unit.column for unit in units(board.cells)}
    columns |= {"seconds": "seconds", "peak memory, MB": "peak_mb"}
    rows = board.methods.to_dict("records")
    return {heading: [cost_text(row, column) for row in rows] for heading, column in columns.items()}


def board_markdown(board: Board, title: str, sentences: list[str]) -> str:
    """The leaderboard, the problems and the costs as Markdown."""
    m, rows = board.methods, [row for _, row in board.methods.iterrows()]
    ranking = pd.DataFrame(
        {
            "#": m["rank"],
            "method": m["method"],
            "family": m["family"],
            "uses": m["uses"].str.replace(",", ", "),
            "ROC-AUC": [share(auc) + interval(*ends) for auc, *ends in m[["roc_auc", "low", "high"]].to_numpy()],
            "behind the best": [behind(row) for row in rows],
            "rank": [ranks(row) for row in rows],
            "verdict": m["verdict"],
            **({"on problems like these": m[NEW]} if NEW in m else {}),
            "mean rank": m["mean_rank"].map("{:.1f}".format),
            "average precision": m["average_precision"].map(share),
            "recall at k": m["recall_at_k"].map(share),
            **_main_costs(board),
            "coverage": [coverage(row) for row in rows],
        }
    )
    problems = board.auc.map(share).rename_axis(index="method", columns=None).reset_index()
    parts = [f"# {escaped(title)}", escaped(" ".join(sentences))]
    for heading, frame in (("Leaderboard", ranking), ("ROC-AUC by problem", problems), ("Cost", costs(board))):
        parts += [f"## {heading}", table(frame)]
    parts.append("\n".join(f"- {escaped(note)}" for note in cost_notes(board.methods, board.cells)))
    return "\n\n".join(parts) + "\n"

"""The board as Markdown, and the figures of its tables as text."""

import pandas as pd

from ..markdown import escaped, table
from ..style import amount, interval, share
from .board import Board


def coverage(row: pd.Series) -> str:
    """Finished cells out of all cells of a method: `27/30`."""
    return f"{row['finished']:.0f}/{row['pairs']}"


def costs(board: Board) -> pd.DataFrame:
    """The cost of each method as text: epochs, seconds phase by phase, and memory."""
    m = board.methods
    costs = pd.DataFrame(
        {"method": m["method"], "epochs": m["epochs"].map(amount), "seconds": m["seconds"].map(amount)}
    )
    for phase in ("gradients", "score", "retrain"):
        if (m[f"{phase}_seconds"] > 0).any():
            costs[f"{phase}, s"] = m[f"{phase}_seconds"].map(amount)
    costs["CPU, s"] = m["cpu_seconds"].map(amount)
    costs["warm-up, s"] = m["warmup_seconds"].map(amount)
    costs["peak memory, MB"] = m["peak_mb"].map(amount)
    return costs


def board_markdown(board: Board, title: str, sentences: list[str]) -> str:
    """The leaderboard, the problems and the costs as Markdown."""
    m = board.methods
    ranking = pd.DataFrame(
        {
            "#": m["rank"],
            "method": m["method"],
            "family": m["family"],
            "uses": m["uses"].str.replace(",", ", "),
            "ROC-AUC": [share(auc) + interval(*ends) for auc, *ends in m[["roc_auc", "low", "high"]].to_numpy()],
            "certainty": m["verdict"],
            "mean rank": m["mean_rank"].map("{:.1f}".format),
            "average precision": m["average_precision"].map(share),
            "recall at k": m["recall_at_k"].map(share),
            "epochs": m["epochs"].map(amount),
            "seconds": m["seconds"].map(amount),
            "peak memory, MB": m["peak_mb"].map(amount),
            "coverage": [coverage(row) for _, row in m.iterrows()],
        }
    )
    problems = board.auc.map(share).rename_axis(index="method", columns=None).reset_index()
    parts = [f"# {escaped(title)}", escaped(" ".join(sentences))]
    for heading, frame in (("Leaderboard", ranking), ("ROC-AUC by problem", problems), ("Cost", costs(board))):
        parts += [f"## {heading}", table(frame)]
    return "\n\n".join(parts) + "\n"

"""The board as Markdown, and its figures as text."""

import numpy as np
import pandas as pd

from ..style import amount, share
from .board import Board


def interval(low: float, high: float) -> str:
    """` [0.948, 0.958]`, or nothing where there is no interval."""
    return "" if np.isnan(low) else f" [{share(low)}, {share(high)}]"


def coverage(row: pd.Series) -> str:
    """Finished of all cells: `27/30`."""
    return f"{row['finished']:.0f}/{row['pairs']}"


def costs(board: Board) -> pd.DataFrame:
    """What each method costs: epochs, seconds phase by phase, and memory, as text."""
    m = board.methods
    table = pd.DataFrame(
        {"method": m["method"], "epochs": m["epochs"].map(amount), "seconds": m["seconds"].map(amount)}
    )
    for phase in ("gradients", "score", "retrain"):
        if (m[f"{phase}_seconds"] > 0).any():
            table[f"{phase}, s"] = m[f"{phase}_seconds"].map(amount)
    table["CPU, s"] = m["cpu_seconds"].map(amount)
    table["warm-up, s"] = m["warmup_seconds"].map(amount)
    table["peak memory, MB"] = m["peak_mb"].map(amount)
    return table


def markdown(board: Board, title: str, sentences: list[str]) -> str:
    """The leaderboard, the problems and the costs as Markdown."""
    m = board.methods
    ranking = pd.DataFrame(
        {
            "#": m["rank"],
            "method": m["method"],
            "family": m["family"],
            "uses": m["uses"].str.replace(",", ", "),
            "ROC-AUC": [share(a) + interval(b, c) for a, b, c in m[["roc_auc", "low", "high"]].to_numpy()],
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
    for heading, table in (("Leaderboard", ranking), ("ROC-AUC by problem", problems), ("Cost", costs(board))):
        text = table.astype(str).map(escaped).rename(columns=escaped)
        parts += [f"## {heading}", text.to_markdown(index=False, disable_numparse=True)]
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    """Text that Markdown neither takes for a table's border nor for markup."""
    for mark, plain in (("&", "&amp;"), ("<", "&lt;"), ("|", "\\|"), ("*", "\\*"), ("`", "\\`")):
        text = text.replace(mark, plain)
    return " ".join(text.split())

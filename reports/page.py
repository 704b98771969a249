"""The report: one page that needs nothing beside it, the tables, and the plots."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pandas as pd

from ..bench.files import write, writer
from ..bench.results.run import Run
from .claims.sections import sections
from .drawing import COLUMN, MOST, PAGE, embedded, image
from .leaderboard import plots
from .leaderboard.board import Board
from .leaderboard.board import board as make_board
from .leaderboard.headline import headline, not_installed
from .leaderboard.markdown import costs, coverage, markdown
from .render import render
from .trimming import curves
from .trimming.gains import Trimming
from .trimming.gains import trimming as trimming_of
from .trimming.picture import picture
from .trimming.sentences import markdown as trimming_markdown
from .trimming.sentences import sentences as trimming_sentences
from .trimming.sentences import tables as trimming_tables


def write_report(runs: Sequence[Run], out: Path) -> Path:
    """Write the leaderboard of runs, and what trimming was worth where they hold retrained models, into a folder.

    Returns:
        The page, `index.html`; beside it lie `leaderboard.md`, `leaderboard.csv`, `cells.csv` and the plots, and
        `trimming.md` and `trimming.csv` where there are retrained models.

    Raises:
        InputError: if the runs have no cells, or one twice, or are of another version.
    """
    board = make_board(pd.concat([run.frame() for run in runs], ignore_index=True))
    trimmed = trimming_of(runs)
    title = " + ".join(dict.fromkeys(str(run.info["title"]) for run in runs))
    contents = {
        **{f"plots/{name}": image for name, image in plots.files(board).items()},
        "cells.csv": board.cells.to_csv(index=False).encode(),
        "leaderboard.csv": board.methods.to_csv(index=False).encode(),
        "leaderboard.md": markdown(board, title, sentences(board, runs)).encode(),
        **(trimming_files(trimmed, title) if trimmed else {}),
        "index.html": index(board, runs, trimmed, title).encode(),
    }
    for name, content in contents.items():
        write(out / name, writer(content))
    return out / "index.html"


def sentences(board: Board, runs: Sequence[Run]) -> list[str]:
    """What the figures say, and which methods are not on the board for want of a package."""
    return headline(board) + not_installed([run.info for run in runs])


def trimming_files(trimmed: Trimming, title: str) -> dict[str, bytes]:
    """What trimming was worth: a table, its text and its plot, by file name."""
    figures = {
        "trimming": picture(trimmed, COLUMN),
        "trimming-wide": picture(trimmed, PAGE),
    }
    return {
        "trimming.csv": trimmed.table.to_csv(index=False).encode(),
        "trimming.md": trimming_markdown(trimmed, title).encode(),
        **{f"plots/{name}.{kind}": image(one, kind) for name, one in figures.items() for kind in ("svg", "png")},
    }


def index(board: Board, runs: Sequence[Run], trimmed: Trimming | None, title: str) -> str:
    """The page."""
    first, *rest = sentences(board, runs)
    return render(
        "report.html",
        title=title,
        infos=[run.info | ({"trimmed by": list(run.trims)} if run.trims else {}) for run in runs],
        board=board,
        winner=first,
        sentences=rest,
        methods=board.methods.to_dict("records"),
        span=_span(board),
        coverage=coverage,
        costs=costs(board),
        most=MOST,
        cost=embedded(partial(plots.cost, board)),
        panels=embedded(partial(plots.problems, board)),
        trimming=_trimming(trimmed) if trimmed else None,
        claims=sections(runs),
    )


def _trimming(trimmed: Trimming) -> dict[str, object]:
    """What the page shows of trimming."""
    return {
        "sentences": trimming_sentences(trimmed.table),
        "picture": embedded(partial(picture, trimmed)),
        "tables": trimming_tables(trimmed),
        "budgets": {
            problem: embedded(partial(curves.by_budget, trimmed, problem))
            for problem in curves.several_budgets(trimmed.table)
        },
        "epochs": {
            (problem, budget): embedded(partial(curves.by_epoch, trimmed, problem, budget))
            for problem, budget in curves.largest_budgets(trimmed.table).items()
        },
    }


def _span(board: Board) -> tuple[float, float]:
    """The range of ROC-AUC that the leaderboard's whiskers are drawn in, in steps of 0.05."""
    lowest = min(board.methods["roc_auc"].min(), board.methods["low"].min())
    return max(0.0, (lowest - 0.01) // 0.05 * 0.05), 1.0

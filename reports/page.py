"""The report of runs: a page that needs no other file, tables, and plots."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pandas as pd

from ..bench.files import write_bytes
from ..bench.results.run import Run
from .claims.sections import sections
from .drawing import COLUMN, MOST, PAGE, embedded, image
from .leaderboard import plots
from .leaderboard.board import Board, board_of
from .leaderboard.costs import cost_notes, cost_text, units
from .leaderboard.headline import headline, not_installed
from .leaderboard.markdown import NEW, behind, board_markdown, costs, coverage, ranks
from .render import render
from .sources import facts
from .trimming.curves import accuracy_by_budget, by_epoch, largest_budgets, several_budgets
from .trimming.gains import Trimming, trimming_of
from .trimming.picture import gains_picture
from .trimming.sentences import heading, trimming_markdown, trimming_sentences, trimming_tables


def write_report(runs: Sequence[Run], out: Path) -> Path:
    """Write the leaderboard of runs, and the gains of trimming if they hold retrained models, into a folder.

    Returns:
        The page, `index.html`. Next to it are `leaderboard.md`, `leaderboard.csv`, `cells.csv` and the plots, and
        `trimming.md` and `trimming.csv` if there are retrained models.

    Raises:
        InputError: if the runs have no cells, two of them hold the same cell, or one is of another version.
    """
    board = board_of(pd.concat([run.frame() for run in runs], ignore_index=True))
    trimming = trimming_of(runs)
    title = title_of(runs)
    contents = {
        **{f"plots/{name}": content for name, content in plots.files(board).items()},
        "cells.csv": board.cells.to_csv(index=False).encode(),
        **tables(board, runs, trimming),
        **(_trimming_plots(trimming) if trimming else {}),
        "index.html": index(board, runs, trimming, title).encode(),
    }
    for name, content in contents.items():
        write_bytes(out / name, content)
    return out / "index.html"


def title_of(runs: Sequence[Run]) -> str:
    """The titles of the suites, each once."""
    return " + ".join(dict.fromkeys(run.info.suite.title for run in runs))


def tables(board: Board, runs: Sequence[Run], trimming: Trimming | None) -> dict[str, bytes]:
    """The leaderboard, and the gains of trimming if there are any, as CSV and as Markdown by file name."""
    title = title_of(runs)
    contents = {
        "leaderboard.csv": board.methods.to_csv(index=False),
        "leaderboard.md": board_markdown(board, title, _sentences(board, runs)),
    }
    if trimming:
        contents["trimming.csv"] = trimming.table.to_csv(index=False)
        contents["trimming.md"] = trimming_markdown(trimming, title)
    return {name: content.encode() for name, content in contents.items()}


def index(board: Board, runs: Sequence[Run], trimming: Trimming | None, title: str) -> str:
    """The page as HTML."""
    winner, *rest = _sentences(board, runs)
    return render(
        "report.html",
        title=title,
        sources=[(run.info.suite.name, facts(run)) for run in runs],
        board=board,
        winner=winner,
        sentences=rest,
        methods=board.methods.to_dict("records"),
        new_problems=NEW in board.methods,
        behind=behind,
        ranks=ranks,
        coverage=coverage,
        units=units(board.cells),
        cost_text=cost_text,
        costs=costs(board),
        cost_notes=cost_notes(board.methods, board.cells),
        most=MOST,
        cost=embedded(partial(plots.cost, board)),
        panels=embedded(partial(plots.problems, board)),
        trimming=_trimming_section(trimming) if trimming else None,
        claims=sections(runs),
    )


def _sentences(board: Board, runs: Sequence[Run]) -> list[str]:
    return headline(board) + not_installed([run.info.not_installed for run in runs])


def _trimming_plots(trimming: Trimming) -> dict[str, bytes]:
    """The plot of the gains of trimming by file name, for a page and for a column."""
    figures = {"trimming": gains_picture(trimming, COLUMN), "trimming-wide": gains_picture(trimming, PAGE)}
    return {f"plots/{name}.{kind}": image(figure, kind) for name, figure in figures.items() for kind in ("svg", "png")}


def _trimming_section(trimming: Trimming) -> dict[str, object]:
    """The variables of the section on trimming."""
    return {
        "sentences": trimming_sentences(trimming),
        "picture": embedded(partial(gains_picture, trimming)),
        "tables": trimming_tables(trimming),
        "budgets": {
            problem: embedded(partial(accuracy_by_budget, trimming, problem))
            for problem in several_budgets(trimming.table)
        },
        "epochs": {
            heading(problem, budget): embedded(partial(by_epoch, trimming, problem, budget))
            for problem, budget in largest_budgets(trimming.table).items()
        },
    }

"""The report: one page that needs nothing beside it, the tables, and the plots."""

from base64 import b64encode
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.figure import Figure

from ..bench.results import write, writer
from . import plots, style, tables
from .headline import headline

TEMPLATES = Path(__file__).parent / "templates"


def write_report(frame: pd.DataFrame, infos: Sequence[dict[str, Any]], out: Path) -> Path:
    """Write the leaderboard of the cells, and of the runs they come from, into a folder.

    Returns:
        The page, `index.html`; beside it lie `leaderboard.md`, `leaderboard.csv`, `cells.csv` and the plots.

    Raises:
        InputError: if the frame is empty, is not a frame of cells, or holds a cell twice.
    """
    board = tables.board(frame)
    title = " + ".join(dict.fromkeys(str(info["title"]) for info in infos)) or "Leaderboard"
    contents = {
        **{f"plots/{name}": image for name, image in plots.files(board).items()},
        "cells.csv": board.cells.to_csv(index=False).encode(),
        "leaderboard.csv": board.methods.to_csv(index=False).encode(),
        "leaderboard.md": tables.markdown(board, title, headline(board)).encode(),
        "index.html": html(board, title, infos).encode(),
    }
    for name, content in contents.items():
        write(out / name, writer(content))
    return out / "index.html"


def html(board: tables.Board, title: str, infos: Sequence[dict[str, Any]]) -> str:
    """The page; all that comes from the run is escaped."""
    jinja = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    formats: tuple[Callable[..., str], ...] = (
        style.amount,
        style.share,
        style.flat,
        style.colour,
        style.shade,
        style.ink,
    )
    jinja.filters |= {one.__name__: one for one in formats}
    first, *rest = headline(board)
    return jinja.get_template("report.html").render(
        title=title,
        infos=infos,
        board=board,
        winner=first,
        sentences=rest,
        methods=board.methods.to_dict("records"),
        span=_span(board),
        coverage=tables.coverage,
        costs=tables.costs(board),
        most=plots.MOST,
        cost=_picture(plots.cost, board),
        panels=_picture(plots.problems, board),
    )


def _span(board: tables.Board) -> tuple[float, float]:
    """The range of ROC-AUC that the leaderboard's whiskers are drawn in, in steps of 0.05."""
    lowest = min(board.methods["roc_auc"].min(), board.methods["low"].min())
    return max(0.0, (lowest - 0.01) // 0.05 * 0.05), 1.0


def _picture(draw: Callable[[tables.Board, float], Figure], board: tables.Board) -> dict[str, str]:
    """A plot as data URIs, for a page and for a telephone."""
    widths = {"wide": plots.PAGE, "narrow": plots.COLUMN}
    svgs = {size: plots.image(draw(board, width), "svg") for size, width in widths.items()}
    return {size: f"data:image/svg+xml;base64,{b64encode(svg).decode()}" for size, svg in svgs.items()}

"""Plots of a leaderboard, for a page and for print."""

from itertools import pairwise
from typing import Any

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator
from numpy.typing import NDArray

from ..drawing import COLUMN, MOST, PAGE, ROW, grid, image, method_axis, whiskers
from ..style import PRINT, colour, marker, shade
from .board import Board
from .costs import units
from .labels import place

BEYOND = 1.003  # the limit of the stretched scale of ROC-AUC, above 1 so that 1 itself is on the scale


def files(board: Board) -> dict[str, bytes]:
    """Every plot as SVG and PNG, by file name: one column wide, and the plot of costs page-wide too."""
    drawings = {"leaderboard": leaderboard, "cost": cost, "heatmap": heatmap, "problems": problems}
    figures = {name: draw(board, COLUMN) for name, draw in drawings.items()} | {"cost-wide": cost(board, PAGE)}
    return {f"{name}.{kind}": image(figure, kind) for name, figure in figures.items() for kind in ("svg", "png")}


@mpl.rc_context(PRINT)
def leaderboard(board: Board, width: float) -> Figure:
    """Mean ROC-AUC of every method with its interval."""
    m = board.methods.head(MOST)
    figure, axes = _figure(width, ROW * len(m) + 0.45)
    whiskers(axes, m["roc_auc"], m["low"], m["high"], m["family"])
    method_axis(axes, m["method"])
    axes.set_xlabel(f"ROC-AUC, mean over {_problems(board)}")
    return figure


@mpl.rc_context(PRINT)
def cost(board: Board, width: float) -> Figure:
    """ROC-AUC against cost, with the Pareto front: the methods that no other method beats in both.

    The cost is in the unit that holds for all problems. A method with failed cells, which count limits, is hollow.
    """
    m, unit = board.methods[board.methods["finished"] > 0], units(board.cells)[-1]
    x, y = m[unit.column].to_numpy(), m["roc_auc"].to_numpy()
    figure, axes = _figure(width, 0.5 * width + 1.4)
    _cost_axes(axes, y)
    axes.set_xlabel(unit.axis)
    for family in sorted(set(m["family"])):
        part = m[m["family"] == family]
        faces = [colour(family) if failed == 0 else "white" for failed in part["failed"]]
        look: dict[str, Any] = {"facecolors": faces, "edgecolors": colour(family), "marker": marker(family)}
        axes.scatter(part[unit.column], part["roc_auc"], s=18, linewidths=0.7, zorder=3, **look)
        axes.scatter([], [], s=18, color=colour(family), marker=marker(family), label=family)
    if len(m):
        columns = 3 if width < PAGE else 6
        figure.legend(loc="outside upper left", ncols=columns, frameon=False, handletextpad=0.1, columnspacing=1)
    front = _front(x, y)
    axes.plot(x[front], y[front], color="#1b1e23", linewidth=0.7, drawstyle="steps-post", zorder=2)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # labels are placed in pixels, so nothing may move from here on
    order = np.concatenate([front, np.setdiff1d(np.arange(len(x)), front)])
    named = m["method"].iloc[order[: max(len(front), MOST)]]
    place(axes, np.c_[x, y][order], list(named), _steps(axes, x[front], y[front]))
    return figure


def _cost_axes(axes: Axes, auc: NDArray[np.float64]) -> None:
    """Scale costs by their logarithm, and stretch ROC-AUC toward 1, where good methods crowd."""
    axes.set_xscale("log")
    axes.set_yscale("function", functions=(_stretched, _unstretched))
    visible = np.array([0.5, 0.6, *auc])
    low, high = _stretched(np.array([visible.min(), visible.max()]))
    room = 0.1 * (high - low)
    bottom, top = _unstretched(np.array([low - room, high + room]))
    axes.set_ylim(bottom, min(1.001, top))
    axes.margins(x=0.12)
    axes.grid(True)
    axes.set_ylabel("ROC-AUC")
    axes.xaxis.set_major_locator(LogLocator(numticks=8))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_locator(FixedLocator([0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99, 1]))
    axes.yaxis.set_major_formatter("{x:g}")


def _stretched(auc: NDArray[np.float64]) -> NDArray[np.float64]:
    return -np.log(np.maximum(BEYOND - auc, 1e-9))


def _unstretched(height: NDArray[np.float64]) -> NDArray[np.float64]:
    return BEYOND - np.exp(-height)


@mpl.rc_context(PRINT)
def heatmap(board: Board, width: float) -> Figure:
    """ROC-AUC of every method on every problem."""
    auc = board.auc.head(MOST)
    figure, axes = _figure(max(width, 1.6 + 0.42 * auc.shape[1]), ROW * len(auc) + 1.0)
    shades = ListedColormap([shade(value) for value in np.linspace(0, 1, 256)])
    sns.heatmap(auc, vmin=0, vmax=1, cmap=shades, annot=True, fmt=".2f", annot_kws={"size": 7}, cbar=False, ax=axes)
    axes.set_xticks(np.arange(auc.shape[1]) + 0.5, [p.replace(" · ", "\n") for p in auc.columns], rotation=90)
    axes.set(xlabel=None, ylabel=None)
    axes.tick_params(length=0, top=False, labeltop=True, labelbottom=False, labelcolor="#1b1e23")
    return figure


@mpl.rc_context(PRINT)
def problems(board: Board, width: float) -> Figure:
    """ROC-AUC with its interval, one panel per problem."""
    m, names = board.methods.head(MOST), list(board.auc.columns)
    across = min(len(names), 2 if width < PAGE else 4)
    down = -(-len(names) // across)
    figure, every = grid(width, down * (ROW * len(m) + 0.6), down, across)
    for axes, problem in zip(every, names, strict=False):
        middle, low, high = (table[problem].head(MOST) for table in (board.auc, board.low, board.high))
        whiskers(axes, middle, low, high, m["family"])
        method_axis(axes, m["method"])
        axes.set_title(problem.replace(" · ", "\n"), loc="left")
        axes.xaxis.set_major_locator(MaxNLocator(3))
        axes.xaxis.set_major_formatter("{x:g}")
    for axes in every[len(names) :]:
        axes.remove()
    return figure


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    figure, every = grid(width, height, 1, 1)
    return figure, every[0]


def _front(cost: NDArray[np.float64], auc: NDArray[np.float64]) -> NDArray[np.int64]:
    """The indices of the methods that no other method beats in both, cheapest first."""
    order = np.lexsort((-auc, cost))
    best = np.r_[-np.inf, np.maximum.accumulate(auc[order])[:-1]]
    front: NDArray[np.int64] = order[auc[order] > best]
    return front


def _steps(axes: Axes, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points (m, 2) along the steps of the front, a few pixels from each to the next."""
    corners = np.repeat(axes.transData.transform(np.c_[x, y]), 2, axis=0)
    corners = np.c_[corners[1:, 0], corners[:-1, 1]]
    along = [a + (b - a) * np.linspace(0, 1, int(np.hypot(*(b - a)) // 3) + 2)[:, None] for a, b in pairwise(corners)]
    path: NDArray[np.float64] = axes.transData.inverted().transform(np.concatenate([corners[:1], *along]))
    return path


def _problems(board: Board) -> str:
    return f"{board.auc.shape[1]} problems" if board.auc.shape[1] > 1 else "seeds"

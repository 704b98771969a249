"""Curves of retrained models: a panel for each removal, so that no curve hides another, and the others in grey."""

from collections.abc import Callable, Mapping
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from ...bench.results.specs import percentage
from ..drawing import MOST, PAGE, grid
from ..style import PRINT, colour
from .gains import RANDOM, Trimming

HEIGHT = 1.4  # inches: one panel
OTHERS: dict[str, Any] = {"color": "#d5d8dc", "linewidth": 0.5, "zorder": 1}
Line = NDArray[Any]


def several_budgets(table: pd.DataFrame) -> list[str]:
    """The problems that were trimmed by several budgets."""
    budgets = table.groupby("problem")["budget"].nunique()
    return list(budgets.index[budgets > 1])


def largest_budgets(table: pd.DataFrame) -> dict[str, str]:
    """The budget of each problem that removes most rows; there removals differ most."""
    largest = table.loc[table.groupby("problem")["share"].idxmax()]
    return dict(zip(largest["problem"], largest["budget"], strict=True))


@mpl.rc_context(PRINT)
def by_budget(trimming: Trimming, problem: str, width: float) -> Figure:
    """Points of accuracy over random removal against the budget, with 95 % intervals as bands."""
    rows = trimming.table[(trimming.table["problem"] == problem) & (trimming.table["removal"] != RANDOM)]
    shares = rows.groupby("budget")["share"].mean().sort_values()
    tables = {
        name: 100 * rows.pivot(index="removal", columns="budget", values=name)[shares.index]
        for name in ("gain", "low", "high")
    }
    order = tables["gain"].mean(axis=1).sort_values(ascending=False).index[:MOST]
    figure, panels = _panels(list(order), width)
    place = np.arange(len(shares))
    lines = {name: (place, tables["gain"].loc[name].to_numpy()) for name in order}
    for name, axes in panels.items():
        _draw(axes, name, lines, trimming.family)
        low, high = (tables[end].loc[name].to_numpy() for end in ("low", "high"))
        axes.fill_between(place, low, high, color=colour(trimming.family(name)), alpha=0.18, linewidth=0, zorder=1.5)
        axes.axhline(0, color="#1b1e23", linewidth=0.7, linestyle=(0, (4, 2)), zorder=2)
        axes.set_xticks(place, [_tick(str(budget), share) for budget, share in shares.items()])
    reach = float(np.nanmedian(tables["high"] - tables["low"])) / 2 if tables["low"].notna().any(axis=None) else 0.0
    axes.set_ylim(*_limits(np.concatenate([y for _, y in lines.values()]), reach))
    _name_axes(figure, "removed, % of the rows", "points over random removal")
    return figure


@mpl.rc_context(PRINT)
def by_epoch(trimming: Trimming, problem: str, budget: str, width: float) -> Figure:
    """Test accuracy after each epoch, the mean over trainings; random removal is dashed in every panel."""
    rows = trimming.trimmed[trimming.trimmed["problem"] == problem]
    rows = rows[rows["budget"].isin(["", budget])]
    curves = {str(name): 100 * _mean(part["accuracy_by_epoch"]) for name, part in rows.groupby("removal")}
    lines = {name: (np.arange(1, len(y) + 1), y) for name, y in curves.items()}
    random = lines.pop(RANDOM)
    order = sorted(lines, key=lambda name: -lines[name][1][-1])[:MOST]
    figure, panels = _panels(order, width)
    for name, axes in panels.items():
        _draw(axes, name, lines, trimming.family)
        axes.plot(*random, color="#1b1e23", linewidth=0.7, linestyle=(0, (4, 2)), zorder=2)
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    late = [y[len(y) // 3 :] for y in curves.values()]  # the steep first epochs would flatten the rest
    axes.set_ylim(*_limits(np.concatenate(late), 0.0))
    _name_axes(figure, "epoch", "test accuracy, %")
    return figure


def _panels(names: list[str], width: float) -> tuple[Figure, dict[str, Axes]]:
    """A figure with a titled panel for each name."""
    across = min(len(names), 2 if width < PAGE else 4)
    down = -(-len(names) // across)
    figure, every = grid(width, down * HEIGHT + 0.3, down, across)
    for axes in every[len(names) :]:
        axes.remove()
    panels = dict(zip(names, every, strict=False))
    for name, axes in panels.items():
        axes.set_title(name.replace("[", "\n[") if len(name) > 28 else name, loc="left")
        axes.grid(True)
        axes.yaxis.set_major_locator(MaxNLocator(4))
    return figure, panels


def _draw(axes: Axes, name: str, lines: Mapping[str, tuple[Line, Line]], family: Callable[[str], str]) -> None:
    for x, y in lines.values():
        axes.plot(x, y, **OTHERS)
    x, y = lines[name]
    axes.plot(x, y, color=colour(family(name)), linewidth=1.4, zorder=3, marker="o" * (len(x) < 12), markersize=2.5)


def _tick(budget: str, share: float) -> str:
    return f"true\n({100 * share:.2g})" if budget == "true" else f"{percentage(budget):g}"


def _limits(values: Line, reach: float) -> tuple[float, float]:
    low, high = float(np.nanmin(values)) - reach, float(np.nanmax(values)) + reach
    room = 0.08 * (high - low) or 0.1
    return low - room, high + room


def _mean(curves: pd.Series) -> Line:
    """The mean of curves, cut to the shortest: lengths differ after a retraining with another number of epochs."""
    shortest = min(map(len, curves))
    mean: Line = np.mean([curve[:shortest] for curve in curves], axis=0)
    return mean


def _name_axes(figure: Figure, x: str, y: str) -> None:
    figure.supxlabel(x, fontsize=7)
    figure.supylabel(y, fontsize=7)

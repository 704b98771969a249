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
REFERENCE: dict[str, Any] = {"color": "#1b1e23", "linewidth": 0.7, "linestyle": (0, (4, 2)), "zorder": 2}
BUDGETS = "removed, % of the rows"
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
    """Points of accuracy over random removal against the budget, with 95 % intervals as bands.

    Random removal costs more the more rows it takes: gains at different budgets say nothing about which is best.
    """
    gains, low, high = (_figures_by_budget(trimming, problem, name).drop(RANDOM) for name in ("gain", "low", "high"))
    figure, panels, place = _budget_panels(trimming, gains, width)
    for name, axes in panels.items():
        below, above = (table.loc[name].to_numpy() for table in (low, high))
        axes.fill_between(place, below, above, color=colour(trimming.family(name)), alpha=0.18, linewidth=0, zorder=1.5)
        axes.axhline(0, **REFERENCE)
    reach = float(np.nanmedian(high - low)) / 2 if low.notna().any(axis=None) else 0.0
    axes.set_ylim(*_limits(gains.loc[list(panels)].to_numpy(), reach))
    _name_axes(figure, BUDGETS, "points over random removal")
    return figure


@mpl.rc_context(PRINT)
def accuracy_by_budget(trimming: Trimming, problem: str, width: float) -> Figure:
    """Test accuracy against the budget, the mean over trainings; random removal is dashed in every panel."""
    table = _figures_by_budget(trimming, problem, "accuracy")
    figure, panels, place = _budget_panels(trimming, table.drop(RANDOM), width)
    for axes in panels.values():
        axes.plot(place, table.loc[RANDOM].to_numpy(), **REFERENCE)
    axes.set_ylim(*_limits(table.loc[[RANDOM, *panels]].to_numpy(), 0.0))
    _name_axes(figure, BUDGETS, "test accuracy, %")
    return figure


def _figures_by_budget(trimming: Trimming, problem: str, name: str) -> pd.DataFrame:
    """A figure in percent, removal × (budget, share of the rows), in the order of the shares."""
    rows = trimming.table[trimming.table["problem"] == problem]
    shares = rows.groupby("budget")["share"].mean().sort_values()
    wide: pd.DataFrame = 100 * rows.pivot(index="removal", columns="budget", values=name)[shares.index]
    return wide.set_axis(pd.MultiIndex.from_arrays([shares.index, shares]), axis=1)


def _budget_panels(trimming: Trimming, table: pd.DataFrame, width: float) -> tuple[Figure, dict[str, Axes], Line]:
    """A panel for each removal with its curve over the budgets, the highest first, and the budgets' places."""
    order = table.mean(axis=1).sort_values(ascending=False).index[:MOST]
    figure, panels = _panels(list(order), width)
    place = np.arange(table.shape[1])
    lines = {name: (place, table.loc[name].to_numpy()) for name in order}
    for name, axes in panels.items():
        _draw(axes, name, lines, trimming.family)
        axes.set_xticks(
            place, [_tick(str(budget), float(share)) for budget, share in table.columns.to_frame().to_numpy()]
        )
    return figure, panels, place


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
        axes.plot(*random, **REFERENCE)
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

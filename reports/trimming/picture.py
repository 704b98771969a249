"""The gains of trimming as a picture."""

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..drawing import MOST, PAGE, ROW, grid, method_axis, whiskers
from ..style import PRINT
from .gains import RANDOM, Trimming


@mpl.rc_context(PRINT)
def gains_picture(trimming: Trimming, width: float) -> Figure:
    """Gains over random removal with their intervals: a panel for each problem and budget."""
    table = trimming.table[trimming.table["removal"] != RANDOM]
    panels = list(table.groupby(["problem", "budget"], sort=False))
    order = table.groupby("removal")["gain"].mean().sort_values(ascending=False).index[:MOST]
    across = min(len(panels), 2 if width < PAGE else 4)
    down = -(-len(panels) // across)
    figure, every = grid(width, down * (ROW * len(order) + 0.75), down, across)
    for axes, ((problem, budget), rows) in zip(every, panels, strict=False):
        part = 100 * rows.set_index("removal").reindex(order)[["gain", "low", "high"]]
        whiskers(axes, part["gain"], part["low"], part["high"], pd.Series(map(trimming.family, order)), 0.0)
        method_axis(axes, list(order))
        axes.set_title(f"{problem}".replace(" · ", "\n") + f"\nbudget: {budget}", loc="left")
        axes.xaxis.set_major_locator(MaxNLocator(4))
    for axes in every[len(panels) :]:
        axes.remove()
    figure.supxlabel("points of test accuracy over random removal", fontsize=7)
    return figure

"""Table 7: how the cost of scores grows with the sizes of a problem."""

from itertools import cycle

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from ....bench.results.run import Run
from ...drawing import PAGE, grid
from ...style import PRINT, colour
from ..claim import Evidence, Lacking, claim, picture
from ..contrast import EXPONENT, Contrast
from .figures import labelled
from .rows import OUTLIER, interval, row, rows
from .runtime import DATAINF, costs

SIZES = {"n": "rows n", "p": "parameters p", "v": "validation rows v"}
STEEP = 0.1
OF_STEEPNESS = (
    "over an eightfold size it is a factor of 1.23 in the time, and the same work varies by more in Table 6: that of "
    "the norms by 1.4"
)
DASHES, MARKERS = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (4, 1, 1, 1)), (0, (2, 2))), "osD^vXPp*"


def growing(frame: pd.DataFrame, size: str) -> pd.DataFrame:
    """The cells in which one of `SIZES` grows while the others stay the same, of methods with several sizes.

    Raises:
        Lacking: if no row has several sizes.
    """
    others = [other for other in SIZES if other != size]
    cells = max((part for _, part in frame.groupby(others)), key=lambda part: part[size].nunique())
    cells = cells[cells.groupby("method")[size].transform("nunique") > 1]
    if cells.empty:
        raise Lacking(f"row at several sizes {size}")
    return cells


def exponents(frame: pd.DataFrame, size: str) -> pd.DataFrame:
    """The exponent of each row's time in a size, row × (problem, seed), where the problem is that size."""
    by_seed = {
        (str(name), seed): np.polyfit(np.log(part[size]), np.log(part["seconds"]), 1)[0]
        for (name, seed), part in growing(frame, size).groupby(["method", "seed"])
    }
    wide = pd.Series(by_seed).unstack()
    wide.columns = pd.MultiIndex.from_product([[SIZES[size]], wide.columns], names=["problem", "seed"])
    return wide


def power(value: float) -> str:
    """An exponent."""
    return f"{value:.2f}"


def _powers(steepness: pd.DataFrame) -> str:
    return "; ".join(labelled(str(name), interval(by_seed), power) for name, by_seed in steepness.iterrows())


def _linear(size: str) -> Contrast:
    return Contrast(
        "1",
        f"the exponent of the time of outlier gradients in {SIZES[size]}, the mean of the paper's three detectors",
        "exponent of the CPU time of the scores of all layers",
        "seed",
        margin=STEEP,
        because=OF_STEEPNESS,
        least=-STEEP,
        unit=EXPONENT,
    )


@claim("paper-complexity", "appendix, Table 7: complexity", "O(np): linear in the rows n", _linear("n"))
def outlier_gradients_are_linear_in_the_rows(run: Run) -> Evidence:
    """The cost of outlier gradients grows no faster than the rows."""
    steepness = exponents(costs(run), "n")
    return Evidence(1 - rows(steepness, OUTLIER).mean(), f"exponents in n: {_powers(steepness)}")


@claim("paper-complexity", "appendix, Table 7: complexity", "O(np): linear in the parameters p", _linear("p"))
def outlier_gradients_are_linear_in_the_parameters(run: Run) -> Evidence:
    """The cost of outlier gradients grows no faster than the parameters."""
    steepness = exponents(costs(run), "p")
    return Evidence(1 - rows(steepness, OUTLIER).mean(), f"exponents in p: {_powers(steepness)}")


@claim(
    "paper-complexity",
    "appendix, Table 7: complexity",
    "gradient tracing, DataInf and LiSSA O(nvp) with v validation rows, outlier gradients O(np)",
    Contrast(
        "the exponent of the time of DataInf in the validation rows v",
        "that of outlier gradients, the mean of the paper's three detectors",
        "exponent of the CPU time of the scores of all layers",
        "seed",
        margin=0.5,
        because="half of the difference of 1 in Table 7",
        least=0.5,
        unit=EXPONENT,
    ),
)
def baselines_are_of_a_higher_order(run: Run) -> Evidence:
    """Influence functions are of a higher order than outlier gradients, by a factor of the validation rows."""
    steepness = exponents(costs(run), "v")
    return Evidence(
        row(steepness, DATAINF) - rows(steepness, OUTLIER).mean(),
        f"exponents in v, against the mean gradient of the validation rows: {_powers(steepness)}",
    )


@picture("paper-complexity")
@mpl.rc_context(PRINT)
def growth(run: Run, width: float) -> Figure:
    """CPU time of the scores of all layers against rows and against parameters, on logarithmic axes; the legend gives
    each exponent."""
    frame = costs(run)
    names = list(frame["method"].unique())
    across = 2 if width >= PAGE else 1
    figure, panels = grid(width, 2 // across * (2.2 + 0.15 * len(names)), 2 // across, across)
    looks = dict(zip(names, zip(cycle(DASHES), cycle(MARKERS)), strict=False))
    for axes, size in zip(panels, ("n", "p"), strict=True):
        powers = exponents(frame, size).mean(axis=1)
        for name, part in growing(frame, size).groupby("method", sort=False):
            (dashes, marker), hue = looks[name], colour(part["family"].iloc[0])
            mean = part.groupby(size)["seconds"].mean()
            label = f"{name}  {size}^{power(powers[str(name)])}"
            axes.plot(mean, color=hue, linestyle=dashes, marker=marker, markersize=3, lw=1, label=label)
        axes.set(xscale="log", yscale="log", xlabel=SIZES[size], ylabel="CPU seconds")
        sizes = sorted(growing(frame, size)[size].unique())
        axes.set_xticks(sizes, [f"{count:,}" for count in sizes])
        axes.yaxis.set_major_formatter("{x:g}")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_minor_locator(NullLocator())
        axes.grid(True)
        axes.legend(loc="upper left", bbox_to_anchor=(-0.1, -0.2), frameon=False, handlelength=4)
    return figure

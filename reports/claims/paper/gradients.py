"""Section 4's figure: flipped labels among the data, among the gradients and by influence."""

from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from ....bench.results.run import Run
from ...drawing import PAGE, grid
from ...style import PRINT
from ..claim import Lacking, picture

METHOD = "outlier-gradient"
INFLUENCES = ("influence-exact", "influence-self")
FLAGGED = 0.1  # as many suspects as the paper trims
FLIPPED, CLASSES = "#D55E00", ("#56B4E9", "#8a8f98")
Mask = NDArray[np.bool_]


@picture("paper-synthetic")
@mpl.rc_context(PRINT)
def flips_among_data_gradients_and_influences(run: Run, width: float) -> Figure:
    """Flipped labels (orange) and the first 10 % of outlier-gradient's suspects (ringed), seed 0. Left: the training
    rows, blue circles and grey squares by their given label. Middle: their gradients with respect to the last layer, on
    the first two principal components, with the share of the variance that each holds. Right: how suspect an influence
    function finds each row: exact influence on clean validation rows, or self-influence where the run lacks that.
    """
    scores = run.scores_by_problem()
    first = [slug for slug in sorted(scores, reverse=True) if run.problem(slug).spec.seed == 0]
    if not first:
        raise Lacking("problem with seed 0")
    if not run.info.suite.views:
        raise Lacking("view of its problems: its suite does not say views = true")
    across = 3 if width == PAGE else 1
    down = 3 * len(first) // across
    figure, every = grid(width, down * 0.85 * width / across + 0.4, down, across, sharey=False)
    for number, slug in enumerate(first):
        _draw(run, slug, scores[slug], every[3 * number : 3 * number + 3])
    handles, names = every[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper left", ncols=5 if across == 3 else 2, frameon=False)
    return figure


def _draw(run: Run, slug: str, scores: Mapping[str, NDArray[np.float64]], panels: list[Axes]) -> None:
    influence = next((name for name in INFLUENCES if name in scores), None)
    if METHOD not in scores or influence is None:
        raise Lacking(f"{METHOD} or influence function on {slug}")
    suspects, influential = (_first(scores[name]) for name in (METHOD, influence))
    view, flipped = run.view(slug), run.truth(slug)
    given = view["given"]
    shares = [f"{100 * share:.0f} %" for share in view["shares"]]
    points = view["x"], view["components"], np.c_[np.arange(len(given)), scores[influence]]
    labels = [
        ("feature 1", "feature 2"),
        (f"gradient, component 1 ({shares[0]})", f"component 2 ({shares[1]})"),
        ("row", f"suspicion by {influence}"),
    ]
    for axes, xy, (x, y) in zip(panels, points, labels, strict=True):
        _scatter(axes, xy, given, flipped, suspects)
        axes.set(xlabel=x, ylabel=y)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.yaxis.set_major_locator(MaxNLocator(5))
    panels[0].set_title(run.problem(slug).spec.label, loc="left")
    panels[1].set_title(f"{(flipped & suspects).sum()} of {flipped.sum()} flips are ringed", loc="left")
    panels[2].set_title(f"{(flipped & influential).sum()} flips are among the first {influential.sum()}", loc="left")


def _first(scores: NDArray[np.float64]) -> Mask:
    """The most suspect rows."""
    first = np.zeros(len(scores), dtype=bool)
    first[np.argsort(-scores, kind="stable")[: round(FLAGGED * len(scores))]] = True
    return first


def _scatter(axes: Axes, xy: ArrayLike, given: NDArray[np.int64], flipped: Mask, suspects: Mask) -> None:
    x, y = np.asarray(xy)[:, 0], np.asarray(xy)[:, 1]
    for label, (shape, shade) in enumerate(zip("os", CLASSES, strict=True)):
        for wrong, colour, size in ((False, shade, 7), (True, FLIPPED, 13)):
            rows = (given == label) & (flipped == wrong)
            name = f"{'flipped to' if wrong else 'given'} {label}"
            axes.scatter(x[rows], y[rows], s=size, c=colour, marker=shape, linewidths=0, zorder=2 + wrong, label=name)
    look: dict[str, Any] = {"facecolors": "none", "edgecolors": "#1b1e23", "linewidths": 0.6, "zorder": 4}
    axes.scatter(x[suspects], y[suspects], 34, label=f"first {suspects.sum()} of {METHOD}", **look)
    axes.grid(True)

"""Section 4's figure: flipped labels among the data, among the gradients and by influence."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray
from sklearn.decomposition import PCA

from ....bench.errors import InputError
from ....bench.files import read_json
from ....bench.problem.problem import Problem
from ....bench.results.run import Run
from ....bench.training.prepare import open_problem
from ....methods.gradients.space import gradient_space
from ...drawing import PAGE, grid
from ...style import PRINT
from ..claim import picture

METHOD = "outlier-gradient"
INFLUENCES = ("influence-exact", "influence-self")
FLAGGED = 0.1  # as many suspects as the paper trims
FLIPPED, CLASSES = "#D55E00", ("#56B4E9", "#8a8f98")
Rows = NDArray[np.bool_]


@picture("paper-synthetic")
@mpl.rc_context(PRINT)
def flips_among_data_gradients_and_influences(run: Run, width: float) -> Figure:
    """Flipped labels (orange) and the first 10 % of outlier-gradient's suspects (ringed), seed 0. Left: the training
    rows, blue circles and grey squares by their given label. Middle: their gradients with respect to the last layer, on
    the first two principal components, with the share of the variance that each holds. Right: how suspect an influence
    function finds each row: exact influence on clean validation rows, or self-influence where the run lacks that.
    """
    slugs = sorted({str(one["problem"]) for one in run.records() if one["problem"].endswith("-seed0")}, reverse=True)
    if not slugs:
        raise InputError(f"{run.folder} has no problem with seed 0 to draw")
    across = 3 if width == PAGE else 1
    down = 3 * len(slugs) // across
    figure, every = grid(width, down * 0.85 * width / across + 0.4, down, across, sharey=False)
    for number, slug in enumerate(slugs):
        _draw(run, slug, every[3 * number : 3 * number + 3])
    handles, names = every[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper left", ncols=5 if across == 3 else 2, frameon=False)
    return figure


def _draw(run: Run, slug: str, panels: list[Axes]) -> None:
    known = read_json(run.folder / "problems" / f"{slug}.json")
    problem, scores = _opened(Path(known["folder"])), _scores(run, slug)
    influence = next((name for name in INFLUENCES if name in scores), None)
    if METHOD not in scores or influence is None:
        raise InputError(f"{run.folder} lacks {METHOD} or an influence function on {slug}")
    suspects, influential = (_first(scores[name]) for name in (METHOD, influence))
    given, flipped = problem.train.y.numpy(), run.truth(slug)
    gradients = gradient_space(problem, "last").train.matrix().double().numpy()
    components = PCA(2).fit(gradients)
    shares = [f"{100 * share:.0f} %" for share in components.explained_variance_ratio_]
    points = problem.train.x.numpy(), components.transform(gradients), np.c_[np.arange(len(given)), scores[influence]]
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
    panels[0].set_title(known["label"], loc="left")
    panels[1].set_title(f"{(flipped & suspects).sum()} of {flipped.sum()} flips are ringed", loc="left")
    panels[2].set_title(f"{(flipped & influential).sum()} flips are among the first {influential.sum()}", loc="left")


def _first(scores: NDArray[np.float64]) -> Rows:
    first = np.zeros(len(scores), dtype=bool)
    first[np.argsort(-scores, kind="stable")[: round(FLAGGED * len(scores))]] = True
    return first


def _scatter(axes: Axes, xy: ArrayLike, given: NDArray[np.int64], flipped: Rows, suspects: Rows) -> None:
    x, y = np.asarray(xy)[:, 0], np.asarray(xy)[:, 1]
    for label, (shape, shade) in enumerate(zip("os", CLASSES, strict=True)):
        for wrong, colour, size in ((False, shade, 7), (True, FLIPPED, 13)):
            rows = (given == label) & (flipped == wrong)
            name = f"{'flipped to' if wrong else 'given'} {label}"
            axes.scatter(x[rows], y[rows], s=size, c=colour, marker=shape, linewidths=0, zorder=2 + wrong, label=name)
    look: dict[str, Any] = {"facecolors": "none", "edgecolors": "#1b1e23", "linewidths": 0.6, "zorder": 4}
    axes.scatter(x[suspects], y[suspects], 34, label=f"first {suspects.sum()} of {METHOD}", **look)
    axes.grid(True)


def _opened(folder: Path) -> Problem:
    try:
        return open_problem(folder)
    except (OSError, LookupError, RuntimeError, TypeError) as error:
        raise InputError(f"the prepared problem {folder} cannot be opened: run the suite again") from error


def _scores(run: Run, slug: str) -> dict[str, NDArray[np.float64]]:
    """The scores of each method that ended well on a problem."""
    done = [one for one in run.records() if one["problem"] == slug and one["status"] == "ok"]
    return {one["method"]: run.scores(one) for one in done}

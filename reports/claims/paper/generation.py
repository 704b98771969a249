"""Section 7: which training prompts an answer comes from."""

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ....bench.errors import InputError
from ....bench.results.run import Run
from ...drawing import PAGE, grid
from ...statistics import by_problem, mean_interval
from ...style import PRINT, share
from ..claim import Finding, claim, picture
from .figures import aucs, aucs_told, best, moved, verdict

THEIRS, OURS = "pairwise-outlier-gradient-paper[layers=lora]", "pairwise-outlier-gradient[layers=lora]"
TRACING, DATAINF = "pairwise-dot[layers=lora]", "pairwise-datainf[layers=lora]"
ALONE = (TRACING, DATAINF, "pairwise-cosine[layers=lora]", "pairwise-tracin[layers=lora]")
MAPPED = (TRACING, DATAINF, ALONE[2], OURS, THEIRS)
TOLD = tuple(f"pairwise-{row}[layers=lora,pooled=groups]" for row in ("dot", "datainf", "cosine"))
SCALE = (
    "A tiny language model, trained for three epochs, a number that was chosen by looking at such figures: up to ten "
    "epochs the loss on the test prompts goes on falling, and the AUCs fall toward chance"
)


@claim(
    "paper-generation",
    "section 7, Table 3: AUC / recall",
    "Gradient Tracing 0.999 / 0.982, 0.724 / 0.241, 0.722 / 0.226 (sentence transformations, mathematics without and "
    "with reasoning); DataInf 1.000 / 0.996, 0.999 / 0.993, 0.999 / 0.990; outlier gradients 1.000 / 1.000 on all; "
    "Llama-2-13B, 25 epochs, the loss of the prompts alone",
)
def outlier_gradients_tell_where_answers_come_from(run: Run) -> Finding:
    """Outlier gradients tell which training prompts an answer comes from better than influence does."""
    auc, recall = aucs(run), aucs(run, "recall_at_k")
    figures = [
        f"{problem.split(' ')[0]}: "
        + ", ".join(f"{row} {_mean(auc, row, problem)} / {_mean(recall, row, problem)}" for row in (THEIRS, *ALONE))
        for problem in auc.columns.unique("problem")
    ]
    other = best(auc, ALONE)
    difference = mean_interval(auc.loc[THEIRS] - auc.loc[other])
    return Finding(
        f"{'; '.join(figures)}. {SCALE}",
        verdict(
            difference,
            f"Stands as the paper compares: by its protocol outlier gradients are {difference[0]:.3f} of AUC above "
            f"{other}. What the protocol is told is the next claim.",
            f"Does not stand: {other} is {-difference[0]:.3f} of AUC above the paper's protocol.",
            f"Does not stand: the paper's protocol cannot be told from {other}.",
        ),
    )


@claim(
    "paper-generation",
    "its code: ten forests, one on the training gradients of each true class; a test prompt's score under a forest is "
    "given to all training prompts of its class",
    "the metric asks for the training prompts of the test prompt's class; the baselines are not told the classes",
)
def the_classes_that_are_asked_for_are_given(run: Run) -> Finding:
    """Confound: outlier gradients are given the classes of the training prompts, which the metric asks for."""
    table = aucs(run)
    other = best(table, TOLD)
    difference = mean_interval(table.loc[THEIRS] - table.loc[other])
    untold = other.replace(",pooled=groups", "")
    worth = mean_interval(table.loc[other] - table.loc[untold])
    means = by_problem(table)
    each = (means.loc[THEIRS] - means.loc[other]).items()
    apart = ", ".join(f"{str(problem).split(' ')[0]} {gap:+.3f}" for problem, gap in each)
    return Finding(
        f"AUC of rows that are told the classes: {aucs_told(table, (THEIRS, *TOLD))}; of rows that are not: "
        f"{aucs_told(table, (OURS, *ALONE[:3]))}. To be told is worth {moved(worth)} "
        f"to {untold}. The paper's protocol over {other}: {apart}",
        verdict(
            difference,
            f"Not the whole of it: told the same, the best baseline, {other}, stays {difference[0]:.3f} of AUC below.",
            f"Confirmed: told the same, {other} is {-difference[0]:.3f} of AUC above the paper's protocol.",
            f"Confirmed: told the same, {other} cannot be told from the paper's protocol.",
        ),
    )


@claim(
    "paper-generation",
    "section 7: outlier gradients without the classes",
    "not run",
)
def forests_of_clusters_do_without_the_classes(run: Run) -> Finding:
    """Outlier gradients need no classes: forests of the clusters that the gradients form tell as much."""
    table = aucs(run)
    other = best(table, ALONE)
    difference = mean_interval(table.loc[OURS] - table.loc[other])
    return Finding(
        f"AUC: {aucs_told(table, (OURS, *ALONE, 'pairwise-random'))}",
        verdict(
            difference,
            f"Stands: without the classes, outlier gradients are {difference[0]:.3f} of AUC above {other}.",
            f"Does not stand: without the classes, {other} is {-difference[0]:.3f} of AUC above outlier gradients.",
            f"Cannot be told from chance here: without the classes, outlier gradients are level with {other}.",
        ),
    )


@claim(
    "paper-generation",
    "section 7, Table 3, and DataInf's paper, Table 2: mathematics",
    "Gradient Tracing 0.724 and 0.722, in DataInf's paper 0.770 and 0.772; DataInf 0.999 and 0.999, there 1.000 and "
    "1.000",
)
def the_inverse_curvature_is_what_tracing_lacks(run: Run) -> Finding:
    """DataInf tells where answers to mathematics come from, gradient tracing does not."""
    table = aucs(run)
    maths = table[[column for column in table.columns if column[0].startswith("math")]]
    difference = mean_interval(maths.loc[DATAINF] - maths.loc[TRACING])
    cosine = mean_interval(maths.loc[ALONE[2]] - maths.loc[DATAINF])
    return Finding(
        f"AUC on mathematics: {aucs_told(maths, (DATAINF, *ALONE[::2]))}. The cosine, which takes no curvature but the "
        f"gradients' lengths away, over DataInf: {moved(cosine)}",
        verdict(
            difference,
            f"Stands: DataInf is {difference[0]:.3f} of AUC above gradient tracing.",
            f"Does not stand: gradient tracing is {-difference[0]:.3f} of AUC above DataInf.",
        ),
    )


@picture("paper-generation")
@mpl.rc_context(PRINT)
def heat_maps(run: Run, width: float) -> Figure:
    """How much each class of training prompts influences each class of test prompts, by method; seed 0.

    In standard deviations over the training prompts of each test prompt; what is sought lies on the diagonal.
    """
    first = {slug: scores for slug, scores in run.scores_by_problem().items() if slug.endswith("seed0")}
    rows = [row for row in MAPPED if first and all(row in scores for scores in first.values())]
    if not rows:
        raise InputError("the run has no finished cells to map")
    maps = {
        slug.partition("-none")[0]: {row: class_means(scores[row], run.truth(slug)) for row in rows}
        for slug, scores in first.items()
    }
    wide = width >= PAGE
    panels = [(row, name) for name in maps for row in rows] if wide else [(row, name) for row in rows for name in maps]
    across = len(rows) if wide else len(maps)
    down = len(panels) // across
    height = down * (0.93 * width / across + 0.1) + 0.9
    figure, every = grid(width, height, down, across)
    figure.set_layout_engine("constrained", rect=(0, 0, 1, 1 - 0.2 / height))  # else the titles are cut
    most = max(float(np.abs(one).max()) for own in maps.values() for one in own.values())
    for place, (axes, (row, name)) in enumerate(zip(every, panels, strict=True)):
        drawn = axes.imshow(maps[name][row], cmap="PuOr", vmin=-most, vmax=most)
        axes.set(xticks=[], yticks=[])
        top, side = (_short(row), name) if wide else (name, _short(row))
        if place < across:
            axes.set_title(top if wide else top.replace("-", "\n", 1))
        if place % across == 0:
            axes.set_ylabel(side.replace("-", "\n", 1))
    bar = figure.colorbar(drawn, ax=every, location="bottom", fraction=0.03, aspect=40)
    bar.set_label("mean influence of a class of training prompts (down)\non a class of test prompts (across)")
    return figure


def class_means(influence: NDArray[np.float64], same: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean influence (classes, classes) of training on test rows, standardised for each test row.

    Args:
        influence: (n_train, n_test).
        same: which training row is of the class of which test row; it tells the classes.
    """
    deviation = influence.std(0)
    standard = (influence - influence.mean(0)) / np.where(deviation > 0, deviation, 1)
    kinds, of_test = np.unique(same, axis=1, return_inverse=True)
    by_train = kinds.T @ standard / kinds.sum(0)[:, None]
    one_hot = np.eye(kinds.shape[1])[of_test.ravel()]
    means: NDArray[np.float64] = by_train @ one_hot / one_hot.sum(0)
    return means


def _short(row: str) -> str:
    return row.partition("[")[0].removeprefix("pairwise-")


def _mean(table: pd.DataFrame, row: str, problem: str) -> str:
    return share(float(by_problem(table).to_dict()[problem][row]))
